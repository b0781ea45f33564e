package sdk

import (
	"bytes"
	"strconv"
	"strings"
	"sync"
)

// kept is how much of the end of a service's output is kept.
const kept = 1 << 20

// output takes what the processes of a service print, and finds the lines with their ports.
// It is safe for concurrent use.
type output struct {
	mu   sync.Mutex
	text []byte
}

// Log is the end of what the service's processes printed.
func (o *output) Log() []byte {
	o.mu.Lock()
	defer o.mu.Unlock()
	return bytes.Clone(o.text)
}

func (o *output) add(p []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.text = append(o.text, p...)
	if over := len(o.text) - 2*kept; over > 0 {
		o.text = append([]byte(nil), o.text[len(o.text)-kept:]...)
	}
}

// stream is an [io.Writer] for one stream of one process.
type stream struct {
	to *output
	// port gets the port once it was printed; it has room for it.
	port chan<- int
	line []byte
}

// maxLine is the longest line that a port is looked for in.
const maxLine = 200

// Write implements [io.Writer].
func (s *stream) Write(p []byte) (int, error) {
	s.to.add(p)
	for rest := p; s.port != nil && len(rest) > 0; {
		line, after, ended := bytes.Cut(rest, []byte("\n"))
		s.line = append(s.line, line[:min(len(line), maxLine)]...)
		rest = after
		if ended {
			s.look(string(s.line))
			s.line = nil
		}
	}
	return len(p), nil
}

func (s *stream) look(line string) {
	text, is := strings.CutPrefix(strings.TrimSpace(line), portLine)
	if port, err := strconv.ParseUint(text, 10, 16); is && err == nil && port > 0 {
		s.port <- int(port)
		s.port = nil
	}
}
