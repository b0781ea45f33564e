package harness

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"time"

	"retain/runtime"
)

// Admission is what the server itself says is lost or broken.
type Admission struct {
	// Line is the line of its log, or of its metrics.
	Line string `json:"line"`
	// Class is what it admits, as the guarantee names it: "the server reports
	// <class>".
	Class string `json:"class"`
	// Life counts the server's lives from 1, 0 if its log does not tell them
	// apart (RUST_LOG=warn hides the line that each begins with).
	Life int `json:"life"`
}

// String is the sentence that a violation prints.
func (a Admission) String() string { return "the server reports " + a.Class + ": " + a.Line }

// confession reads a server's log as it grows and keeps what it admits.
type confession struct {
	mu   sync.Mutex
	read int64 // so much of the log was read
	life int
	told map[string]bool // what was admitted already, in this life
}

var (
	// head is the beginning of a line in the formats compact and pretty, and in
	// JSON: a time, then how loud it is.
	logHead   = regexp.MustCompile(`^\{?[^A-Za-z]{0,6}(?:"timestamp":")?\d{4}-\d\d-\d\dT[0-9:.]+Z?[^A-Za-z]*(?:"level":")?(TRACE|DEBUG|INFO|WARN|ERROR)\b`)
	ansi      = regexp.MustCompile("\x1b\\[[0-9;]*m")
	lifeBegin = regexp.MustCompile(`Starting Restate Server \S`)
	digits    = regexp.MustCompile(`\d+`)
)

// maxLine is how much of an admission is kept, in bytes.
const maxLine = 600

// hear reads what is new of a log, whole lines only unless it is the end, and
// returns what the server admits there.
func (c *confession) hear(log []byte, end bool) []Admission {
	if !end {
		log = log[:bytes.LastIndexByte(log, '\n')+1]
	}
	c.read += int64(len(log))
	var out []Admission
	for block := range blocks(log) {
		if lifeBegin.MatchString(block.text) {
			c.life++
			c.told = nil
		}
		if a, ok := block.admits(); ok {
			a.Life = c.life
			key := a.Class + digits.ReplaceAllString(a.Line, "#")
			if !c.told[key] {
				if c.told == nil {
					c.told = map[string]bool{}
				}
				c.told[key] = true
				out = append(out, a)
			}
		}
	}
	return out
}

// block is a line of a log with the bare lines that follow it, or bare lines by
// themselves. A panic prints itself three times, over several lines.
type block struct {
	loud loudness
	text string
}

// bareLines is how many lines without a head are taken together.
const bareLines = 4

// blocks cuts a log into blocks.
func blocks(log []byte) func(yield func(block) bool) {
	return func(yield func(block) bool) {
		var b block
		n := 0
		flush := func() bool {
			ok := b.text == "" || yield(b)
			b, n = block{}, 0
			return ok
		}
		for line := range bytes.Lines(log) {
			text := strings.TrimSpace(string(ansi.ReplaceAll(line, nil)))
			head := logHead.FindStringSubmatch(text)
			switch {
			case head != nil:
				if !flush() {
					return
				}
				b = block{loud: volume[head[1]], text: text}
			case text == "":
			case b.text == "":
				b, n = block{loud: bare, text: text}, 1
			case b.loud == bare && n < bareLines:
				b.text += " " + text
				n++
			default: // the rest of a line that was broken, or of a backtrace
			}
			// What follows a headed line stands by itself: it may be a panic's.
			if head != nil && !flush() {
				return
			}
		}
		flush()
	}
}

var volume = map[string]loudness{"WARN": warned, "ERROR": failed}

// admits says of what kind the block is.
func (b block) admits() (Admission, bool) {
	if b.loud < warned {
		return Admission{}, false
	}
	for _, h := range harmless {
		if h.says.MatchString(b.text) && (h.unless == nil || !h.unless.MatchString(b.text)) {
			return Admission{}, false
		}
	}
	for _, k := range admitted {
		if b.loud >= k.from && k.says.MatchString(b.text) {
			return Admission{Line: shorten(b.text), Class: k.class}, true
		}
	}
	return Admission{}, false
}

func shorten(s string) string {
	if len(s) > maxLine {
		return strings.ToValidUTF8(s[:maxLine], "") + " ..."
	}
	return s
}

// logTail is what is new of a log. Not every runtime can begin where the last
// look ended.
func logTail(r runtime.Runtime, from int64) ([]byte, error) {
	if t, can := r.(runtime.Tailer); can {
		return t.LogsFrom(from)
	}
	all, err := r.Logs()
	return all[min(from, int64(len(all))):], err
}

// admissions are what the server has admitted since the last look, in its log
// and, while it is up, in its metrics. The error is ours.
func (s *System) admissions(ctx context.Context, end bool) ([]Admission, error) {
	s.confession.mu.Lock()
	defer s.confession.mu.Unlock()
	log, err := logTail(s.Runtime, s.confession.read)
	if err != nil {
		return nil, fmt.Errorf("look for admissions: %w", err)
	}
	out := s.confession.hear(log, end)
	if s.up {
		out = append(out, s.confession.blocked(ctx, s.Runtime)...)
	}
	return out, nil
}

// listen makes what the server has admitted since the last look part of a run: it
// is a violation by itself, whatever its clients saw.
func (s *session) listen(ctx context.Context, r *Run, sys *System, end bool) {
	found, err := sys.admissions(ctx, end)
	if err != nil && r.Verdict == Pass {
		r.Verdict, r.Sentence = Harness, err.Error()
	}
	if len(found) == 0 {
		return
	}
	r.Admissions = append(r.Admissions, found...)
	if r.Verdict != Violation {
		r.Verdict, r.Sentence = Violation, found[0].String()
	}
	s.mu.Lock()
	s.result.Admissions = append(s.result.Admissions, found...)
	s.mu.Unlock()
}

// lastWords listens for the last time, before a server's log is gone. What it
// admits since its last run was judged is told as that run's.
func (s *session) lastWords(ctx context.Context, sys *System) {
	if sys.last == nil || sys.last.Outcome == nil {
		return
	}
	r := *sys.last
	r.Ledger = true // that run itself had passed
	s.listen(ctx, &r, sys, true)
	if len(r.Admissions) > len(sys.last.Admissions) && sys.last.Verdict == Pass && !s.stopped() {
		s.keep(ctx, &r, sys)
		s.took(r)
	}
}

// flare is the metric that tells of a partition that the server has given up
// (1.7: its state can be asked for with restatectl alone, not by SQL on the admin
// port).
const flare = "restate_partition_blocked_flare{"

// metricsBound bounds a look at the metrics.
const metricsBound = 2 * time.Second

// blocked asks which partitions the server does not run. No answer says nothing.
func (c *confession) blocked(ctx context.Context, r runtime.Runtime) []Admission {
	m, can := r.(runtime.Metered)
	if !can {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, metricsBound)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, m.Metrics(), nil)
	if err != nil {
		return nil
	}
	transport := &http.Transport{DisableKeepAlives: true}
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return nil
	}
	defer resp.Body.Close()
	var out []Admission
	for _, line := range flares(resp.Body) {
		if !c.told[line] {
			if c.told == nil {
				c.told = map[string]bool{}
			}
			c.told[line] = true
			out = append(out, Admission{Line: shorten(line), Class: "a partition that it can't run", Life: c.life})
		}
	}
	return out
}

// flares are the metrics of partitions that do not run.
func flares(metrics io.Reader) []string {
	var out []string
	lines := bufio.NewScanner(metrics)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if line := lines.Text(); strings.HasPrefix(line, flare) && !strings.HasSuffix(line, " 0") {
			out = append(out, line)
		}
	}
	return out
}
