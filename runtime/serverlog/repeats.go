package serverlog

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"time"

	"retain/model"
	"retain/runtime"
)

// Repeated is an error that a server logs again and again, or a panic.
type Repeated struct {
	// Line is its first line in the log, Times how many there were.
	Line  string
	Times int
	// First and Last are when the first and the last one were read.
	First, Last time.Time
	// Panic is true of a panic, which needs no repetition.
	Panic bool
}

// Repeats counts the errors in a server's log as it grows. Lines that differ in numbers,
// ids and quoted text alone are one error. The zero value is at the beginning of the log.
type Repeats struct {
	offset int64
	errors map[string]*Repeated
}

// varying is what differs between two lines of one error: what is quoted, and words with
// digits, such as times, ids and offsets.
var varying = regexp.MustCompile(`"[^"]*"|[\w.:-]*[0-9][\w.:-]*`)

// Read reads the new lines of the log.
func (r *Repeats) Read(server runtime.Runtime, now time.Time) error {
	log, err := server.Logs(r.offset)
	if err != nil {
		return fmt.Errorf("read the server's log: %w", err)
	}
	r.add(log[:bytes.LastIndexByte(log, '\n')+1], now)
	return nil
}

func (r *Repeats) add(log []byte, now time.Time) {
	r.offset += int64(len(log))
	for b := range blocks(log) {
		a, admitted := b.admission()
		panics := admitted && a.Code == model.ReportsPanic
		if b.level != errorLevel && !panics || b.harmless() {
			continue
		}
		key := varying.ReplaceAllString(b.text, "*")
		e := r.errors[key]
		if e == nil {
			if r.errors == nil {
				r.errors = map[string]*Repeated{}
			}
			e = &Repeated{Line: shorten(b.untimed()), First: now, Panic: panics}
			r.errors[key] = e
		}
		e.Times++
		e.Last = now
	}
}

// Worst is the error that was logged most often of those that came so many times at least,
// for a span at least, and in the last span still; or a panic that is a span ago. nil if
// there is none.
func (r *Repeats) Worst(now time.Time, times int, span time.Duration) (worst *Repeated) {
	for _, e := range r.errors {
		goesOn := e.Times >= times && e.Last.Sub(e.First) >= span && now.Sub(e.Last) < span
		if !goesOn && (!e.Panic || now.Sub(e.First) < span) {
			continue
		}
		if worst == nil || e.Panic && !worst.Panic || e.Panic == worst.Panic && e.Times > worst.Times {
			worst = e
		}
	}
	return worst
}

// untimed is the text without a time at its beginning.
func (b block) untimed() string {
	if at := logTime.FindStringIndex(b.text); at != nil && at[0] == 0 {
		return strings.TrimSpace(b.text[at[1]:])
	}
	return b.text
}

// LastWords is the last error or line without a head of a log, else its last line; "" of an
// empty log. A server that can't start names the reason there.
func LastWords(log []byte) (line string) {
	last := ""
	for b := range blocks(log) {
		last = b.untimed()
		if b.level >= errorLevel {
			line = b.untimed()
		}
	}
	if line == "" {
		line = last
	}
	return shorten(line)
}
