package harness

import (
	"bytes"
	"slices"
	"strings"
)

// lastLines is the end of a log, as an appendix to an error; "" of an empty one.
// A line that is repeated counts once.
func lastLines(log []byte, n int) string {
	lines := slices.Compact(strings.Split(string(bytes.TrimSpace(log)), "\n"))
	if len(lines) > n {
		lines = lines[len(lines)-n:]
	}
	if text := strings.Join(lines, " | "); text != "" {
		return " (the server's last words: " + text + ")"
	}
	return ""
}
