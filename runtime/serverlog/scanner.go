// Package serverlog reads a Restate server's log for what it admits: data loss, corruption,
// panics, broken invariants. It also collects the lines that name a resource which ran out.
package serverlog

import (
	"bytes"
	"context"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"time"

	"retain/model"
	"retain/runtime"
	"retain/runtime/resources"
)

// Admission is a loss or a defect that the server itself reports.
type Admission struct {
	// Line is the line of its log, or of its metrics.
	Line string `json:"line"`
	// Code is the guarantee that the server reports to be broken, Class its noun: "a
	// panic". Files of finding format 1 have the noun only.
	Code  model.GuaranteeCode `json:"code,omitempty"`
	Class string              `json:"class"`
	// Life counts the server's incarnations from 1. It is 0 if the log does not tell them
	// apart (RUST_LOG=warn hides the first line of each).
	Life int `json:"life"`
	// At is when it was logged, by the log's own clock; zero if no line so far has a
	// time.
	At time.Time `json:"at,omitzero"`
}

// String is the sentence that a violation prints.
func (a Admission) String() string { return model.Guarantee{Code: a.Code}.String() + ": " + a.Line }

// admit is an admission of a kind.
func admit(code model.GuaranteeCode, line string) Admission {
	return Admission{Line: shorten(line), Code: code, Class: code.Noun()}
}

// Scanner reads one server's log as it grows, and its metrics. The zero value is at the
// beginning of the log. A Scanner may be used by several goroutines.
type Scanner struct {
	mu          sync.Mutex
	offset      int64 // bytes of the log that were read
	incarnation int
	clock       time.Time // of the last line that has a time
	shortages   []shortage
	reported    map[string]bool // admissions of this incarnation
	// repeats is true if the last line with a head repeats what a handler said.
	repeats bool
}

var (
	incarnationBegin = regexp.MustCompile(`Starting Restate Server \S`)
	digits           = regexp.MustCompile(`\d+`)
)

// maxLine is how much of an admission is kept, in bytes.
const maxLine = 600

// Scan returns what the server has admitted since the last scan: in its log and, while it
// is up, in its metrics. A last line without a newline is read only at the end of the log.
func (s *Scanner) Scan(ctx context.Context, server runtime.Runtime, up, end bool) ([]Admission, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	log, err := server.Logs(s.offset)
	if err != nil {
		return nil, fmt.Errorf("look for admissions: %w", err)
	}
	out := s.read(log, end)
	if up {
		out = append(out, s.blockedPartitions(ctx, server)...)
	}
	return out, nil
}

// ScanAll reads the rest of a complete log.
func (s *Scanner) ScanAll(log []byte) []Admission {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.read(log[min(s.offset, int64(len(log))):], true)
}

// Incarnation counts the server's starts that the log shows, from 1; 0 for none.
func (s *Scanner) Incarnation() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.incarnation
}

// read reads the next part of a log, whole lines only unless it is the end.
func (s *Scanner) read(log []byte, end bool) []Admission {
	if !end {
		log = log[:bytes.LastIndexByte(log, '\n')+1]
	}
	s.offset += int64(len(log))
	var out []Admission
	for block := range blocks(log) {
		if incarnationBegin.MatchString(block.text) {
			s.incarnation++
			s.reported = nil
		}
		if at, ok := block.time(); ok {
			s.clock = at
		}
		s.collectShortage(block)
		if a, ok := block.admission(); ok {
			a.Life, a.At = s.incarnation, s.clock
			if s.isNew(string(a.Code) + digits.ReplaceAllString(a.Line, "#")) {
				out = append(out, a)
			}
		}
	}
	return out
}

// isNew reports whether an admission was not reported yet in this incarnation.
func (s *Scanner) isNew(admission string) bool {
	if s.reported[admission] {
		return false
	}
	if s.reported == nil {
		s.reported = map[string]bool{}
	}
	s.reported[admission] = true
	return true
}

// admission classifies the block; ok is false if it admits nothing.
func (b block) admission() (a Admission, ok bool) {
	if b.level < warnLevel || b.harmless() {
		return Admission{}, false
	}
	for _, k := range admissionClasses {
		if b.level >= k.from && k.pattern.MatchString(b.text) {
			return admit(k.code, b.text), true
		}
	}
	return Admission{}, false
}

// harmless reports whether the block is a known line that is no finding.
func (b block) harmless() bool {
	for _, h := range harmlessLines {
		if h.pattern.MatchString(b.text) && (h.unless == nil || !h.unless.MatchString(b.text)) {
			return true
		}
	}
	return false
}

func shorten(s string) string {
	if len(s) > maxLine {
		return strings.ToValidUTF8(s[:maxLine], "") + " ..."
	}
	return s
}

// shortage is a line that names a resource which ran out.
type shortage struct {
	resources.Said
	incarnation int
	at          time.Time // by the log's clock, zero if no line so far has a time
}

// maxShortages bounds the lines that are kept of one server: a server without disk space
// may report that each millisecond.
const maxShortages = 1000

// abort matches the beginning of a program's last words. Any other text without a head may
// be the rest of a handler's.
var abort = regexp.MustCompile(`^(thread '|terminate called|what\(\):|memory allocation of \d|<jemalloc>|\[Some\(|Anonymous mmap)`)

// collectShortage keeps a line that names a shortage.
func (s *Scanner) collectShortage(b block) {
	if b.level != noLevel {
		s.repeats = b.harmless()
	}
	if b.level < warnLevel || b.harmless() || b.level == noLevel && s.repeats && !abort.MatchString(b.text) {
		return
	}
	kind, ok := resources.Named(b.text)
	if !ok {
		return
	}
	s.shortages = append(s.shortages, shortage{resources.Said{Kind: kind, Line: shorten(b.text)}, s.incarnation, s.clock})
	if len(s.shortages) > maxShortages {
		s.shortages = s.shortages[len(s.shortages)-maxShortages:]
	}
}

// Shortages are the lines that may explain an event of an incarnation between two times:
// those of that incarnation and time. For a latched failure, all earlier ones of the
// incarnation count too.
func (s *Scanner) Shortages(incarnation int, from, to time.Time, latched bool) (out []resources.Said) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, line := range s.shortages {
		near := line.at.IsZero() || !line.at.Before(from) && !line.at.After(to)
		if line.incarnation == incarnation && (near || latched && line.at.Before(to)) {
			out = append(out, line.Said)
		}
	}
	return out
}

// ShortagesSince are the lines since a time, of all incarnations.
func (s *Scanner) ShortagesSince(from time.Time) (out []resources.Said) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, line := range s.shortages {
		if !line.at.Before(from) {
			out = append(out, line.Said)
		}
	}
	return out
}
