package compare

import (
	"context"
	"sync"
	"time"

	"retain/generators"
	"retain/harness"
	"retain/harness/session"
	"retain/model"
	"retain/runtime"
)

// Version is one of the versions that are compared: of the server, or of the handlers that it
// calls.
type Version struct {
	Name string
	// Session has the server: Open, Base, Altered, Room.
	Session session.Options
	// Refusal is set if the version refuses a setting before it starts.
	Refusal *harness.Refusal
}

// Options of a comparison.
type Options struct {
	Versions []Version
	// Axis is what the versions are versions of.
	Axis Axis
	// Ordered is true if the versions are in the order of their releases.
	Ordered bool
	Plan    generators.Plan
	// Record says which violations count; nil for each.
	Record *Record
	// Time bounds the executions, and Most how many each version has.
	Time time.Duration
	Most int
	// OnExecution, if not nil, is called with what is known after each execution, one call at
	// a time.
	OnExecution func([]Measured)
}

// Measured is what the executions on one version came to.
type Measured struct {
	Name   string
	Server runtime.Identity
	// SDK is that of the handlers, as in [harness.System].
	SDK string
	// Altered is in what its server differs from a plain one.
	Altered model.Settings
	// Rate is how often the plan failed in a way that counts, of the executions that did or
	// passed. The others are apart: other violations, undecided ones, errors of the harness.
	Rate                      generators.Rate
	Others, Undecided, Errors int
	// Broken is the first guarantee that counts, Other the first that does not.
	Broken, Other model.Guarantee
	// Refusal is why the server never got ready, nil if it did.
	Refusal *harness.Refusal
	// Problem is the last error of the harness, "" for none.
	Problem string
	// Skipped is true of a version that a bisection left out.
	Skipped bool
	// Sign is by which sign executions were told for stuck before the whole bound had
	// passed, Whole how many had it; see [harness.EarlyStop].
	Sign  string
	Whole int
	// Took is the wall time of its executions.
	Took time.Duration
	// Drawn is what drawn plans came to, nil if one plan was executed.
	Drawn *Drawn
}

// Executions counts all executions.
func (m Measured) Executions() int { return m.Rate.Runs + m.Others + m.Undecided + m.Errors }

// judged reports whether anything says how often the plan fails.
func (m Measured) judged() bool { return m.Rate.Runs > 0 }

// Result is what a comparison came to.
type Result struct {
	Versions []Measured
	Answer   Answer
	Took     time.Duration
	// Interrupted is true if the context ended, Late if the time was over before an answer.
	Interrupted, Late bool
}

const (
	// manyVersions is from how many on a comparison begins with a bisection.
	manyVersions = 5
	// holdTurn is for how long an execution keeps the others from beginning: one that waits
	// for the bound of something stuck does not hold up the other versions.
	holdTurn = 5 * time.Second
	// mostErrors is after how many errors of the harness in a row a version is left.
	mostErrors = 3
)

// comparison is one under way.
type comparison struct {
	Options
	at    []int // after how many executions versions are compared
	level float64
	turn  chan struct{} // holds the execution whose turn it is

	mu  sync.Mutex
	all []*measuring
}

// measuring is a version under way. Its fields are guarded by the comparison's lock.
type measuring struct {
	Measured
	version Version
	early   harness.EarlyStop
	inRow   int // errors of the harness
}

// over reports whether no further execution of a version says anything.
func (v *measuring) over() bool { return v.Refusal != nil || v.inRow >= mostErrors }

// Conduct executes the plan on the versions in turns, so that other load on the machine
// meets all of them. It ends when each pair is told apart, or after o.Most executions of
// each version, or after o.Time.
func Conduct(ctx context.Context, o Options) *Result {
	began := time.Now()
	c := &comparison{Options: o, turn: make(chan struct{}, 1)}
	c.at, c.level = looks(len(o.Versions), o.Most)
	for _, v := range o.Versions {
		c.all = append(c.all, &measuring{version: v, Measured: Measured{Name: v.Name, Altered: v.Session.Altered, Refusal: v.Refusal}})
	}
	bounded, cancel := context.WithTimeout(ctx, o.Time)
	defer cancel()
	if o.Ordered && len(c.all) >= manyVersions {
		c.bisect(bounded)
	} else {
		c.measure(bounded, c.all)
	}
	out := &Result{Took: time.Since(began), Interrupted: ctx.Err() != nil, Late: bounded.Err() != nil && ctx.Err() == nil}
	for _, v := range c.all {
		out.Versions = append(out.Versions, v.Measured)
	}
	out.Answer = AnswerOf(out.Versions, o.Ordered, c.level)
	out.Answer.Axis = o.Axis
	return out
}

// measure executes the plan on these versions until each is told apart.
func (c *comparison) measure(ctx context.Context, active []*measuring) {
	for n := c.at[0]; n > 0 && len(active) > 0 && ctx.Err() == nil; n = nextLook(c.at, n) {
		c.upTo(ctx, active, n)
		var left []*measuring
		for _, v := range active {
			if !v.over() && !c.settled(v) {
				left = append(left, v)
			}
		}
		active = left
	}
}

// upTo executes the plan on these versions until each has so many executions.
func (c *comparison) upTo(ctx context.Context, active []*measuring, n int) {
	var group sync.WaitGroup
	for _, v := range active {
		group.Go(func() {
			for !v.over() && v.Executions() < n {
				release, ok := c.takeTurn(ctx)
				if !ok {
					return
				}
				c.execute(ctx, v)
				release()
			}
		})
	}
	group.Wait()
}

// takeTurn waits for the turn of an execution. Those that wait have it in their order. It
// ends with release, or after [holdTurn].
func (c *comparison) takeTurn(ctx context.Context) (release func(), ok bool) {
	select {
	case c.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, false
	}
	end := sync.OnceFunc(func() { <-c.turn })
	if ctx.Err() != nil {
		end()
		return nil, false
	}
	timer := time.AfterFunc(holdTurn, end)
	return func() {
		timer.Stop()
		end()
	}, true
}

// settled reports whether a version is told apart from another one, and from each that is
// not like it.
func (c *comparison) settled(v *measuring) bool {
	apart := false
	for _, w := range c.all {
		switch {
		case w == v || !w.judged():
		case Fisher(v.Rate, w.Rate) <= c.level:
			apart = true
		case !alike(v.Rate, w.Rate):
			return false
		}
	}
	return apart || reliable(v.Rate)
}

// reliable reports whether a plan fails more often than not, at 95 %.
func reliable(r generators.Rate) bool {
	low, _ := r.Interval()
	return low > 0.5
}

// alike reports whether two versions need no further comparison: the plan fails on both
// more often than not, or on neither.
func alike(a, b generators.Rate) bool {
	return reliable(a) && reliable(b) || a.Failures == 0 && b.Failures == 0
}
