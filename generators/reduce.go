package generators

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Strikes executes a plan once, on a runtime that served no other, and reports
// whether it failed in the way that is being reduced. An error says that the
// execution showed neither: a harness that could not do its work.
type Strikes func(ctx context.Context, p Plan) (bool, error)

// ReduceOptions are what [Reduce] works with. Strikes is needed.
type ReduceOptions struct {
	Strikes Strikes
	// Executions and Time bound the reduction, those of an earlier part of it
	// included; 0 is no bound.
	Executions int
	Time       time.Duration
	// Hint lists ids of operations that are thought to suffice, such as those of
	// a checker's proof. A wrong one costs two candidates.
	Hint []int
	// GoOn is an earlier, unfinished reduction to go on with; nil to begin. Its
	// plan takes the place of the one that is given.
	GoOn *Reduction
	// Progress, if not nil, is told after every execution.
	Progress func(Reduction)
	// Save, if not nil, is told whenever something was decided: what it stores is
	// worth what was done so far. Its error ends the reduction.
	Save func(Reduction) error
}

// Ending says why a reduction ended.
type Ending string

// Endings. A reduction that was not ended has none.
const (
	// Minimal: nothing that was tried can be taken away any more.
	Minimal Ending = "minimal"
	// OutOfExecutions and OutOfTime: a bound was reached.
	OutOfExecutions Ending = "out of executions"
	OutOfTime       Ending = "out of time"
	// Interrupted: the context ended.
	Interrupted Ending = "interrupted"
	// NotReproduced: the plan did not fail again, so nothing was reduced.
	NotReproduced Ending = "not reproduced"
	// Broken: executions showed nothing several times in a row, or Save failed.
	Broken Ending = "broken"
)

// Reduction is what a reduction has come to. It marshals to JSON and back, so
// that it can be stored and gone on with.
type Reduction struct {
	// Best is the smallest plan that failed so far.
	Best Plan
	// From is how many steps the plan had in the beginning.
	From int
	// Executions and Took are what it cost.
	Executions int
	Took       time.Duration
	Ending     Ending
	// Doing says what is being tried, for progress.
	Doing string

	tried map[string]Rate // by [Plan] in its canonical encoding
	rate  decaying        // how often the best fails
}

// Seen is how often the best plan failed in the executions of the reduction itself.
// That is more than its rate if it became the best by failing: it was then executed
// until it did. Where fresh executions were measured they tell better.
func (r Reduction) Seen() Rate { return r.tried[keyOf(r.Best)] }

// Reduce finds a smaller plan that still fails, by delta debugging: Zeller and
// Hildebrandt, "Simplifying and isolating failure-inducing input" (IEEE TSE 28(2)
// 2002). It takes away objects, faults, clients and operations, by halves first,
// one by one and in pairs at last, and puts what is left into a canonical form:
// the default configuration, one client, one object, faults in their places,
// exclusive reads.
//
// A plan may fail only now and then. How often the best plan fails is measured
// all the time, and a candidate is tried so often that one that fails as often is
// missed at most 1 time in 20. No candidate is tried again that had its attempts.
//
// Reduce always returns what it has come to. The error is nil unless the
// executions were no good or Save failed; bounds and interruption are endings.
func Reduce(ctx context.Context, from Plan, o ReduceOptions) (Reduction, error) {
	s := &reducer{ReduceOptions: o, began: time.Now(), needed: map[string]bool{}}
	s.Reduction = Reduction{Best: from, From: len(from.Steps), tried: map[string]Rate{}}
	if o.GoOn != nil {
		s.Reduction = o.GoOn.clone()
		s.earlier, s.Ending = s.Took, ""
	}
	if o.Time > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, o.Time-s.earlier, errOutOfTime)
		defer cancel()
	}
	err := s.all(ctx)
	s.Took, s.Doing = s.earlier+time.Since(s.began), ""
	var end stopped
	switch {
	case err == nil:
		s.Ending = Minimal
	case errors.As(err, &end):
		s.Ending, err = Ending(end), nil
	default:
		s.Ending = Broken
	}
	if s.Save != nil {
		err = errors.Join(err, s.Save(s.Reduction))
	}
	return s.Reduction, err
}

// stopped is an [Ending] on its way up.
type stopped string

// Error is the ending.
func (e stopped) Error() string { return string(e) }

var errOutOfTime = stopped(OutOfTime)

// reducer is a reduction under way.
type reducer struct {
	ReduceOptions
	Reduction
	began   time.Time
	earlier time.Duration   // what it took before it was gone on with
	doubts  int             // candidates given up since the best was last executed
	broken  int             // executions in a row that showed nothing
	needed  map[string]bool // what was not simplified in vain, by name
}

// all is the course of a reduction.
func (s *reducer) all(ctx context.Context) error {
	if err := s.foretaste(ctx); err != nil {
		return err
	}
	if err := s.reproduce(ctx); err != nil {
		return err
	}
	if err := s.hinted(ctx); err != nil {
		return err
	}
	for {
		before := keyOf(s.Best)
		for _, pass := range []func(context.Context) error{s.objects, s.restarts, s.clients, s.operations, s.canonical, s.oneByOne, s.pairs} {
			if err := pass(ctx); err != nil {
				return err
			}
		}
		if keyOf(s.Best) == before {
			return nil
		}
	}
}

// foretaste executes what the hint leaves of the plan once, before anything is known.
// If that fails, it is the plan that is reduced, and the many executions that show how
// often a plan fails are those of a small one.
func (s *reducer) foretaste(ctx context.Context) error {
	hinted := s.hintedAndFaults()
	key := keyOf(hinted)
	if s.rate.runs > 0 || len(s.Hint) == 0 || key == keyOf(s.Best) || s.tried[key].Runs > 0 || Validate(hinted) != nil {
		return nil
	}
	s.Doing = whatHintLeaves
	struck, _, err := s.execute(ctx, hinted)
	if err != nil || !struck {
		return err
	}
	s.become(hinted)
	return s.save()
}

// become makes a candidate that failed the best plan.
func (s *reducer) become(candidate Plan) {
	s.Best = candidate
	s.rate.follow(s.tried[keyOf(candidate)])
	s.doubts = 0
}

// firstStrikes are wanted before anything is tried, so that it is known that the
// plan fails again, and roughly how often. mostFirst executions are enough.
const (
	firstStrikes = 4
	mostFirst    = 12
)

// mostSilent is after how many executions a plan that never failed is given up: one
// that fails in 15 % of them is given up wrongly 1 time in 20.
var mostSilent = attemptsFor(0.15)

// reproduce executes the plan until it is known how often it fails.
func (s *reducer) reproduce(ctx context.Context) error {
	s.Doing = "how often it fails"
	for {
		switch d := s.rate; {
		case d.strikes == 0 && d.runs >= float64(mostSilent):
			return stopped(NotReproduced)
		case d.strikes >= firstStrikes, d.strikes > 0 && d.runs >= mostFirst:
			return nil
		}
		if err := s.control(ctx); err != nil {
			return err
		}
	}
}

// control executes the best plan itself.
func (s *reducer) control(ctx context.Context) error {
	struck, known, err := s.execute(ctx, s.Best)
	if known {
		s.rate.add(struck)
		s.doubts = 0
	}
	return err
}

// mostDoubts is how many candidates may be given up before the best plan is
// executed again: had it become rarer, they may have been given up wrongly.
const mostDoubts = 4

// surely is how many attempts make a look at the best plan superfluous: then the
// candidates that fail show well enough how often.
const surely = 5

// try makes a candidate the best plan if it fails. It reports whether it did.
func (s *reducer) try(ctx context.Context, what string, candidate Plan) (bool, error) {
	key := keyOf(candidate)
	if key == keyOf(s.Best) || Validate(candidate) != nil {
		return false, nil
	}
	s.Doing = what
	gaveUp := false
	for s.tried[key].Strikes == 0 && s.tried[key].Runs < s.attempts() {
		_, known, err := s.execute(ctx, candidate)
		if err != nil {
			return false, err
		}
		if !known {
			continue
		}
		gaveUp = s.tried[key].Strikes == 0 && s.tried[key].Runs >= s.attempts()
		if gaveUp {
			s.doubts++
		}
		if gaveUp && s.doubts >= mostDoubts && s.attempts() < surely {
			if err := s.control(ctx); err != nil {
				return false, err
			}
		}
	}
	if s.tried[key].Strikes == 0 {
		if gaveUp {
			return false, s.save()
		}
		return false, nil
	}
	s.become(candidate)
	return true, s.save()
}

// attempts is how often a candidate is executed before it is given up.
func (s *reducer) attempts() int { return attemptsFor(s.rate.value()) }

func (s *reducer) save() error {
	if s.Save == nil {
		return nil
	}
	if err := s.Save(s.Reduction); err != nil {
		return fmt.Errorf("save the reduction: %w", err)
	}
	return nil
}

// mostBroken is how many executions in a row may show nothing.
const mostBroken = 3

// execute executes a plan once. What it shows is known unless the execution was no
// good; the error is the end of the reduction.
func (s *reducer) execute(ctx context.Context, p Plan) (struck, known bool, err error) {
	if ctx.Err() != nil {
		return false, false, s.cut(ctx)
	}
	if s.ReduceOptions.Executions > 0 && s.Reduction.Executions >= s.ReduceOptions.Executions {
		return false, false, stopped(OutOfExecutions)
	}
	struck, err = s.Strikes(ctx, p)
	s.Reduction.Executions++
	s.Took = s.earlier + time.Since(s.began)
	switch {
	case err != nil && ctx.Err() != nil:
		return false, false, s.cut(ctx)
	case err != nil:
		if s.broken++; s.broken >= mostBroken {
			return false, false, fmt.Errorf("%d executions in a row showed nothing: %w", s.broken, err)
		}
		return false, false, nil
	}
	s.broken = 0
	seen := s.tried[keyOf(p)]
	seen.Runs++
	if struck {
		seen.Strikes++
	}
	s.tried[keyOf(p)] = seen
	if s.Progress != nil {
		s.Progress(s.Reduction)
	}
	return struck, true, nil
}

func (s *reducer) cut(ctx context.Context) error {
	if context.Cause(ctx) == error(errOutOfTime) {
		return errOutOfTime
	}
	return stopped(Interrupted)
}

// decaying is a failure rate that forgets: plans become smaller, and may fail more
// rarely.
type decaying struct{ strikes, runs float64 }

// memory is what is left of older executions each time the best plan changes.
const memory = 0.85

func (d *decaying) add(struck bool) {
	d.runs++
	if struck {
		d.strikes++
	}
}

// follow takes in what is known of the plan that has become the best.
func (d *decaying) follow(seen Rate) {
	d.strikes, d.runs = memory*d.strikes+float64(seen.Strikes), memory*d.runs+float64(seen.Runs)
}

// rarest is the lowest rate that candidates are tried for.
const rarest = 0.05

// value is the rate. Most executions went on until the plan struck, which shows
// more strikes than the rate has: one of them does not count.
func (d decaying) value() float64 {
	if d.strikes == d.runs {
		return 1
	}
	return max(rarest, (d.strikes-1)/d.runs)
}
