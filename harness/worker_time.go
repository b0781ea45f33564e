package harness

import (
	"context"
	"maps"
	"sync"
	"time"

	"retain/generators"
)

// Part is a part of a worker's time. Every moment of a worker is in exactly one part.
type Part string

// Parts of a worker's time.
const (
	// PartProvisioning opens a fresh server, its first start and its deployment included.
	PartProvisioning Part = "provisioning"
	// PartEnding is from a fault's signal until the server is gone.
	PartEnding Part = "ending"
	// PartStarting is from the spawn until the ingress takes connections.
	PartStarting Part = "starting"
	// PartReady is from there until every probe went through. The probes before a program
	// count too.
	PartReady Part = "ready"
	// PartLoad is when the program waits for the operations of the load.
	PartLoad Part = "load"
	// PartProgram is the rest of a program, a server that is down included.
	PartProgram Part = "program"
	// PartReads reads every object and resolves what is ambiguous, after the last start.
	PartReads Part = "reads"
	// PartChecks judges the history and reads the server's log.
	PartChecks Part = "checks"
	// PartTriage asks the server about a failure and saves what it left.
	PartTriage Part = "triage"
	// PartLedger reads the ledger of a server, a kill and a start included.
	PartLedger Part = "ledger"
	// PartClosing ends a server that no plan needs any more.
	PartClosing Part = "closing"
	// PartWaiting is a worker without a plan: before the first server is up, and after the
	// last plan of the session.
	PartWaiting Part = "waiting"
	// PartOther draws plans, opens and closes histories, and reports.
	PartOther Part = "other"
)

// parts are all parts, in the order of a session and of its plans, with their labels.
var parts = []struct {
	part  Part
	label string
}{
	{PartProvisioning, "fresh servers"},
	{PartEnding, "server ending"},
	{PartStarting, "until port open"},
	{PartReady, "until ready"},
	{PartLoad, "load"},
	{PartProgram, "program"},
	{PartReads, "reads"},
	{PartChecks, "checks"},
	{PartTriage, "triage"},
	{PartLedger, "ledger"},
	{PartClosing, "closing servers"},
	{PartWaiting, "waiting"},
	{PartOther, "other"},
}

// Parts lists the parts of a worker's time, in the order of a session and of its plans.
func Parts() (all []Part) {
	for _, p := range parts {
		all = append(all, p.part)
	}
	return all
}

// Label names the part for readers.
func (p Part) Label() string {
	for _, known := range parts {
		if known.part == p {
			return known.label
		}
	}
	return string(p)
}

// WorkerTime is how the wall time of workers divides.
type WorkerTime struct {
	// Workers worked side by side.
	Workers int
	// Spent is the time of all of them together, by part.
	Spent map[Part]time.Duration
}

// Add adds the time of other workers, who worked before or after these.
func (t *WorkerTime) Add(u WorkerTime) {
	t.Workers = max(t.Workers, u.Workers)
	if t.Spent == nil {
		t.Spent = map[Part]time.Duration{}
	}
	addCounts(t.Spent, u.Spent)
}

// Total is the sum of all parts.
func (t WorkerTime) Total() (sum time.Duration) {
	for _, d := range t.Spent {
		sum += d
	}
	return sum
}

// Stopwatch divides the wall time of one worker into parts. A nil one measures nothing.
type Stopwatch struct {
	mu    sync.Mutex
	part  Part
	since time.Time
	spent map[Part]time.Duration
}

// NewStopwatch starts a stopwatch in a part.
func NewStopwatch(p Part) *Stopwatch {
	return &Stopwatch{part: p, since: time.Now(), spent: map[Part]time.Duration{}}
}

// Enter ends the part that the worker is in and begins another one. It returns the former.
func (s *Stopwatch) Enter(p Part) (before Part) {
	if s == nil {
		return ""
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	before = s.part
	if p != before {
		s.split()
		s.part = p
	}
	return before
}

// split counts the time since the last split. The caller holds the lock.
func (s *Stopwatch) split() {
	now := time.Now()
	s.spent[s.part] += now.Sub(s.since)
	s.since = now
}

// Spent is the time of each part so far.
func (s *Stopwatch) Spent() map[Part]time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.split()
	return maps.Clone(s.spent)
}

type stopwatchKey struct{}

// WithStopwatch is a context for what the worker with this stopwatch does.
func WithStopwatch(ctx context.Context, s *Stopwatch) context.Context {
	return context.WithValue(ctx, stopwatchKey{}, s)
}

// stopwatchOf is the stopwatch of the context's worker, nil for none.
func stopwatchOf(ctx context.Context) *Stopwatch {
	s, _ := ctx.Value(stopwatchKey{}).(*Stopwatch)
	return s
}

// EnterPart has the context's worker be in a part until leave is called, which puts it
// back into the part before.
func EnterPart(ctx context.Context, p Part) (leave func()) {
	s := stopwatchOf(ctx)
	before := s.Enter(p)
	return func() { s.Enter(before) }
}

// timed measures the parts of a run with the context's stopwatch until stop is called.
func (r *run) timed(ctx context.Context) (stop func()) {
	leave := EnterPart(ctx, r.stage)
	r.mu.Lock()
	r.stopwatch = stopwatchOf(ctx)
	r.mu.Unlock()
	return func() {
		r.mu.Lock()
		r.stopwatch = nil
		r.mu.Unlock()
		leave()
	}
}

// enterStage begins a stage of the run: what it does while the server neither ends nor
// starts.
func (r *run) enterStage(p Part) { r.update(func() { r.stage = p }) }

// part is the part of the worker's time that the run is in. The caller holds the lock.
func (r *run) part() Part {
	switch {
	case r.state == stopping:
		return PartEnding
	case r.switching:
		return PartReads
	case r.spawning, r.state == starting && !r.start.reached(generators.Port):
		return PartStarting
	case r.state == starting:
		return PartReady
	case r.stage == PartProgram && r.waitsForLoad():
		return PartLoad
	}
	return r.stage
}

// waitsForLoad reports whether the program stands still until the load has gone on. The
// caller holds the lock.
func (r *run) waitsForLoad() bool {
	if r.plan.Load.Clients == 0 || r.state != ready {
		return false
	}
	for _, c := range r.clients {
		if !c.waiting && !r.stuck(c) {
			return false
		}
	}
	return r.load.over || r.load.waiting >= 0 && !r.loaded(r.faultAt(r.load.waiting))
}
