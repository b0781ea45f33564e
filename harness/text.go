package harness

import (
	"bytes"
	"strings"
)

// lastLines is the end of a log, as an appendix to an error; "" of an empty one.
func lastLines(log []byte, n int) string {
	lines := strings.Split(string(bytes.TrimSpace(log)), "\n")
	if len(lines) > n {
		lines = lines[len(lines)-n:]
	}
	if text := strings.Join(lines, " | "); text != "" {
		return " (the server's last words: " + text + ")"
	}
	return ""
}
