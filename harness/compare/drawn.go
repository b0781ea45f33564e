package compare

import (
	"context"
	"slices"
	"sync"
	"time"

	hdr "github.com/HdrHistogram/hdrhistogram-go"

	"retain/generators"
	"retain/harness"
	"retain/harness/session"
	"retain/model"
)

// DrawnOptions are those of a comparison by drawn plans.
type DrawnOptions struct {
	Versions []Version
	Axis     Axis
	Ordered  bool
	// Draw gives plan number n, from 0: the same for each version.
	Draw func(n int) generators.Plan
	// Plans is how many each version has; 0 is as many as fit into Time, the same for each.
	Plans int
	Time  time.Duration
	// OnRun, if not nil, is called with each run that was judged, one call at a time.
	OnRun func(version string, r harness.Run)
}

// Drawn is what drawn plans came to on a version.
type Drawn struct {
	Tally  harness.Tally
	Counts map[harness.Verdict]int
	// Findings are the runs that did not pass.
	Findings []harness.Run
	// Latencies are of the answered operations, in microseconds.
	Latencies *hdr.Histogram
}

// Recoveries are the seen restarts, the shortest first.
func (d *Drawn) Recoveries() (out []time.Duration) {
	for _, r := range d.Tally.Recoveries {
		out = append(out, r.Took())
	}
	slices.Sort(out)
	return out
}

// plansAtOnce is how many plans a session of a version has: so often its objects are read
// again, and so far the versions may be apart when the time is over.
const plansAtOnce = 10

// drawing is a comparison by drawn plans under way.
type drawing struct {
	DrawnOptions
	ends time.Time

	mu    sync.Mutex
	limit int // plans that each version executes, so far
}

// more is up to which plan a version that has executed n goes on. While there is time, it
// goes on; then only up to where another one has got, for as long again.
func (d *drawing) more(n int) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.Plans > 0:
		d.limit = d.Plans
	case time.Since(d.ends) > d.Time: // as late as a session may be
		return n
	case n >= d.limit && time.Now().Before(d.ends):
		d.limit = n + plansAtOnce
	}
	return min(n+plansAtOnce, d.limit)
}

// ConductDrawn executes the same drawn plans on each version, side by side, so that they
// share the noise of the machine. A version goes on after a violation, on a fresh server.
func ConductDrawn(ctx context.Context, o DrawnOptions) *Result {
	began := time.Now()
	d := &drawing{DrawnOptions: o, ends: began.Add(o.Time)}
	all := make([]Measured, len(o.Versions))
	var group sync.WaitGroup
	for i, v := range o.Versions {
		all[i] = Measured{Name: v.Name, Altered: v.Session.Altered, Refusal: v.Refusal, Drawn: &Drawn{
			Tally: harness.NewTally(), Counts: map[harness.Verdict]int{}, Latencies: harness.NewLatencies(),
		}}
		group.Go(func() { d.version(ctx, v, &all[i]) })
	}
	group.Wait()
	pairs := max(1, len(all)*(len(all)-1)/2)
	answer := AnswerOf(all, o.Ordered, error95/float64(pairs))
	answer.Axis = o.Axis
	return &Result{Versions: all, Answer: answer, Took: time.Since(began), Interrupted: ctx.Err() != nil}
}

// version executes the plans on one version.
func (d *drawing) version(ctx context.Context, v Version, m *Measured) {
	began, inRow := time.Now(), 0
	for n := 0; ctx.Err() == nil && m.Refusal == nil && inRow < mostErrors; {
		to := d.more(n)
		if n >= to {
			break
		}
		done, err := d.session(ctx, v, m, n, to)
		if m.Refusal = harness.RefusalIn(err); m.Refusal == nil && err != nil && ctx.Err() == nil {
			m.Errors++
			m.Problem = err.Error()
		}
		if done == 0 && ctx.Err() == nil {
			inRow++ // the plan is executed again
			continue
		}
		n, inRow = n+done, 0
	}
	m.Took = time.Since(began)
}

// session executes the plans from n on up to one, or to the first that does not pass, and
// tells how many it executed.
func (d *drawing) session(ctx context.Context, v Version, m *Measured, n, to int) (done int, err error) {
	o := v.Session
	o.Draw = func(i int) generators.Plan { return d.Draw(n + i) }
	o.Plans, o.Workers, o.GiveUp = to-n, 1, harness.EarlyGiveUp
	o.OnRun = func(r harness.Run) {
		r.Number += n
		if r.Verdict != harness.Harness && !r.Ledger {
			done++
		}
		if r.Refusal != nil {
			err = r.Refusal
		}
		m.takeDrawn(r)
		if d.OnRun != nil {
			d.mu.Lock()
			d.OnRun(v.Name, r)
			d.mu.Unlock()
		}
	}
	result, begun := session.Conduct(ctx, o)
	if begun != nil {
		return 0, begun
	}
	if result.Identity.Version != "" {
		m.Server, m.SDK = result.Identity, result.SDK
	}
	return done, err
}

// takeDrawn counts a run of a drawn plan. One that the reads at the end of its session
// showed had passed.
func (m *Measured) takeDrawn(r harness.Run) {
	d := m.Drawn
	d.Counts[r.Verdict]++
	if r.Verdict != harness.Pass {
		d.Findings = append(d.Findings, r)
	}
	if r.Ledger {
		d.Counts[harness.Pass]--
		m.Rate.Runs--
	} else if r.Tally.Faults != nil {
		d.Tally.Add(r.Tally)
		d.record(r)
	}
	switch r.Verdict {
	case harness.Pass:
		m.Rate.Runs++
	case harness.Violation:
		m.Rate.Runs++
		m.Rate.Failures++
		if m.Broken.IsZero() {
			m.Broken = r.Guarantee()
		}
	case harness.Undecided:
		m.Undecided++
	case harness.Harness:
		m.Errors++
		m.Problem = r.Sentence
	}
}

// record adds the latencies of a run's answered operations.
func (d *Drawn) record(r harness.Run) {
	if r.Outcome == nil || r.Outcome.History == nil {
		return
	}
	for _, o := range r.Outcome.History.Operations {
		if o.Outcome == model.OK && o.Return != model.Forever && o.Phase != model.Ledger {
			harness.RecordLatency(d.Latencies, o)
		}
	}
}
