package report

import (
	"fmt"
	"sync"
	"time"

	"retain/generators"
	"retain/harness"
	"retain/harness/session"
)

// SessionProgress is how far a session is. Safe for concurrent use.
type SessionProgress struct {
	now func() time.Time

	mu         sync.Mutex
	about      string // what the session is one of, "" for nothing
	began      time.Time
	of         int           // plans; 0 for as many as fit into the time
	within     time.Duration // how long plans are drawn, or what is done may take; 0 for any time
	plans      int
	operations int
	findings   int
	doing      Work // instead of plans
	detail     string
	since      time.Time // when it began
}

// Work is what a session does instead of executing plans, as it is printed; "" is plans.
type Work string

// The work after a violation.
const (
	Shrinking Work = "shrinking"
	Measuring Work = "measuring how often it fails"
)

// NewSessionProgress is that of a session of so many plans, or if that is 0 of as many as fit
// into a time. about says what it is one of: "case 3 of 12"; "" for nothing.
func NewSessionProgress(about string, plans int, within time.Duration) *SessionProgress {
	p := &SessionProgress{now: time.Now, about: about, of: plans}
	if plans == 0 {
		p.within = within
	}
	p.began = p.now()
	p.since = p.began
	return p
}

// Run counts a run that was judged.
func (p *SessionProgress) Run(r harness.Run) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if r.Verdict == harness.Violation {
		p.findings++
	}
	if r.Number >= 0 && !r.Ledger {
		p.plans++
		p.operations += r.Tally.Operations
	}
}

// Phase begins a phase of the session.
func (p *SessionProgress) Phase(phase session.Phase) { p.Does(Work(phase), "") }

// Does sets the work, and how far it is; "" for no detail. Its time begins with the first
// call for it.
func (p *SessionProgress) Does(w Work, detail string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.does(w, detail)
}

func (p *SessionProgress) does(w Work, detail string) {
	if p.doing != w {
		p.since = p.now()
	}
	p.doing, p.detail = w, detail
}

// Notice takes a notice that was printed. While the server is not up yet, it names the
// work that is done.
func (p *SessionProgress) Notice(line string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.doing != "" && p.plans == 0 {
		p.does(Work(line), "")
	}
}

// Within begins work that takes so long at most.
func (p *SessionProgress) Within(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.began, p.within, p.of = p.now(), d, 0
}

// Reduced shows the progress of a reduction.
func (p *SessionProgress) Reduced(r generators.Reduction) { p.Does(Shrinking, cost(r)) }

// Measured shows the progress of the measurement of a rate, of so many executions.
func (p *SessionProgress) Measured(of int) func(generators.Rate) {
	return func(r generators.Rate) {
		p.Does(Measuring, fmt.Sprintf("%d of %d executions, %d failed", r.Runs, of, r.Failures))
	}
}

// Status is the progress now.
func (p *SessionProgress) Status() Status {
	p.mu.Lock()
	defer p.mu.Unlock()
	gone := p.now().Sub(p.began)
	out := Status{Parts: []string{plural(p.findings, "finding")}, Done: -1}
	add := func(part string) { out.Parts = append(out.Parts, part) }
	switch {
	case p.within > 0:
		add("left " + max(0, p.within-gone).Round(time.Second).String())
		out.Done = min(1, gone.Seconds()/p.within.Seconds())
	case p.of > 0 && p.plans > 0 && p.doing == "":
		each := gone / time.Duration(p.plans)
		add("left about " + (each * time.Duration(max(0, p.of-p.plans))).Round(time.Second).String())
	}
	if p.of > 0 {
		out.Done = float64(p.plans) / float64(p.of)
	}
	if p.doing != "" {
		text := string(p.doing)
		if p.detail != "" {
			text += ": " + p.detail
		}
		add(fmt.Sprintf("%s (%s)", oneLine(text), p.now().Sub(p.since).Round(time.Second)))
	}
	if p.of > 0 {
		add(fmt.Sprintf("%s of %s", thousands(p.plans), plural(p.of, "plan")))
	} else {
		add(plural(p.plans, "plan"))
	}
	add(plural(p.operations, "operation"))
	if p.about != "" {
		add(p.about)
	}
	return out
}
