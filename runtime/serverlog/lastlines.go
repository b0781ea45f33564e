package serverlog

import (
	"bytes"
	"slices"
	"strings"
)

// LastLines is the end of a log, as an appendix to an error; "" of an empty log.
// A repeated line counts once.
func LastLines(log []byte, n int) string {
	lines := slices.Compact(strings.Split(string(bytes.TrimSpace(log)), "\n"))
	if len(lines) > n {
		lines = lines[len(lines)-n:]
	}
	if text := strings.Join(lines, " | "); text != "" {
		return " (the server's last words: " + text + ")"
	}
	return ""
}
