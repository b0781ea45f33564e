package generators

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Fails executes a plan once, on a runtime that served no other, and reports
// whether it failed in the way that is being reduced. An error says that the
// execution showed neither: a harness that could not do its work.
type Fails func(ctx context.Context, p Plan) (bool, error)

// ReduceOptions are what [Reduce] works with. Fails is needed.
type ReduceOptions struct {
	Fails Fails
	// Executions and Time bound the reduction, those of an earlier part of it
	// included; 0 is no bound.
	Executions int
	Time       time.Duration
	// First is the version that plans begin with, "" if it is not known: no candidate leads
	// over a gap between versions, see [CheckPath].
	First string
	// Exclude is what no candidate has that the plan has not: see [Exclusions.In].
	Exclude Exclusions
	// Hint lists ids of operations that may suffice, such as those of a checker's
	// proof. A wrong hint costs two candidates.
	Hint []int
	// Guesses are lists of ids of operations, the likeliest first: one list may
	// suffice, without any fault. A wrong guess costs one execution.
	Guesses [][]int
	// LoadHint are operations of the plan's load that are thought to suffice, such as those
	// of a checker's proof: see [LoadOperations]. They are tried as a program without the
	// load. A wrong hint costs one candidate.
	LoadHint []LoadOperation
	// GoOn is an unfinished reduction to resume; nil for a new one. Its plan
	// replaces the one that is given.
	GoOn *Reduction
	// Progress, if not nil, is called after every execution.
	Progress func(Reduction)
	// Save, if not nil, is called after each decision with the state to store. Its
	// error ends the reduction.
	Save func(Reduction) error
}

// Ending says why a reduction ended.
type Ending string

// Endings. A reduction that was not ended has none.
const (
	// Minimal: no candidate that is left to try fails.
	Minimal Ending = "minimal"
	// OutOfExecutions and OutOfTime: a bound was reached.
	OutOfExecutions Ending = "out of executions"
	OutOfTime       Ending = "out of time"
	// Interrupted: the context ended.
	Interrupted Ending = "interrupted"
	// NotReproduced: the plan did not fail again, so nothing was reduced.
	NotReproduced Ending = "not reproduced"
	// Broken: executions ended in errors several times in a row, or Save failed.
	Broken Ending = "broken"
)

// Reduction is the state of a reduction. It marshals to JSON and back, so that it can
// be stored and resumed.
type Reduction struct {
	// Best is the smallest plan that failed so far.
	Best Plan
	// From is the number of steps of the plan before the reduction.
	From int
	// Executions and Took are what it cost.
	Executions int
	Took       time.Duration
	Ending     Ending
	// Doing describes the current candidates, for progress.
	Doing string

	tried map[string]Rate // by [Plan] in its canonical encoding
	rate  decaying        // how often the best fails
}

// Seen is how often the best plan failed in the executions of the reduction itself.
// That overestimates its rate if it became the best by failing: it was executed until it
// did. A rate measured by fresh executions is more accurate.
func (r Reduction) Seen() Rate { return r.tried[keyOf(r.Best)] }

// Reduce finds a smaller plan that still fails, by delta debugging: Zeller and
// Hildebrandt, "Simplifying and isolating failure-inducing input" (IEEE TSE 28(2)
// 2002). It removes objects, faults, clients and operations, by halves first, one by
// one and in pairs at last, and puts the resulting plan into a canonical form:
// the default configuration, one client, one object, faults in their places,
// exclusive reads.
//
// A plan may fail only now and then. Reduce measures how often the best plan fails, and
// tries a candidate so often that one that fails as often is missed at most 1 time in
// 20. A candidate that had its attempts is not tried again.
//
// A load is taken away first: the program without it, and the witness as a program. What
// needs a load keeps the smallest that fails in half of the executions.
//
// A plan of one step without a load, and the result of a finished reduction, are not
// executed.
//
// Reduce always returns the state that it has reached. The error is nil unless
// executions failed or Save did; bounds and interruption are endings.
func Reduce(ctx context.Context, from Plan, o ReduceOptions) (Reduction, error) {
	s := &reducer{ReduceOptions: o, began: time.Now(), needed: map[string]bool{}, refused: map[string]bool{}}
	s.Reduction = Reduction{Best: from, From: len(from.Steps), tried: map[string]Rate{}}
	if o.GoOn != nil {
		s.Reduction = o.GoOn.clone()
		s.earlier = s.Took
	}
	if s.Ending == Minimal || s.Best.IsSmallest() {
		return s.nothingToDo()
	}
	s.Ending = ""
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

// IsSmallest reports whether a reduction has nothing to take away from the plan.
func (p Plan) IsSmallest() bool { return len(p.Steps) <= 1 && p.Load.Clients == 0 }

// nothingToDo is the end of a reduction that executes nothing.
func (s *reducer) nothingToDo() (Reduction, error) {
	s.Ending = Minimal
	if s.Save == nil {
		return s.Reduction, nil
	}
	return s.Reduction, s.Save(s.Reduction)
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
	halves  bool            // a plan with a load gives way only to one that fails in half of the executions
	sizing  bool            // the candidates differ in their operations between faults alone
	silent  bool            // it did not fail again, and neither did it with a larger load
	final   bool            // no smaller load was found, nor a program in place of it
	chain   []Plan          // those with a load that became the best, one after the other
	refused map[string]bool // those of them that failed too rarely after all, by key
}

// all is the course of a reduction.
func (s *reducer) all(ctx context.Context) error {
	if err := s.tryHint(ctx); err != nil {
		return err
	}
	if err := s.tryProgram(ctx); err != nil {
		return err
	}
	if err := s.reproduce(ctx); err != nil {
		return err
	}
	return s.inOrder(ctx, s.grow, s.withoutLoad, s.hinted, s.load, s.steps, s.loadAtLast, s.steps)
}

// inOrder runs passes one after the other.
func (s *reducer) inOrder(ctx context.Context, passes ...func(context.Context) error) error {
	for _, pass := range passes {
		if err := pass(ctx); err != nil {
			return err
		}
	}
	return nil
}

// steps takes steps away and simplifies what is left, until nothing more will do.
func (s *reducer) steps(ctx context.Context) error {
	if s.final {
		return nil
	}
	for {
		before := keyOf(s.Best)
		if err := s.inOrder(ctx, s.objects, s.restarts, s.clients, s.operations, s.canonical, s.oneByOne, s.pairs); err != nil {
			return err
		}
		if keyOf(s.Best) == before {
			return nil
		}
	}
}

// tryHint executes each of the guesses once, then what the hint leaves of the plan, before
// anything is known. The first that fails is the plan that is reduced: the many executions
// that show how often a plan fails are those of a small one.
func (s *reducer) tryHint(ctx context.Context) error {
	for _, ids := range s.Guesses {
		guess := s.Best.keeping(func(st Step) bool { return slices.Contains(ids, st.StepID()) }).withLoad(Load{})
		if len(guess.Steps) == 0 {
			continue
		}
		if failed, err := s.once(ctx, doingGuess, guess); failed || err != nil {
			return err
		}
	}
	if len(s.Hint) == 0 {
		return nil
	}
	_, err := s.once(ctx, doingHint, s.hintedAndFaults().withLoad(Load{}))
	return err
}

// once executes a candidate once, unless something is known already. If it fails, it is
// the best plan.
func (s *reducer) once(ctx context.Context, what string, candidate Plan) (failed bool, err error) {
	key := keyOf(candidate)
	if s.rate.runs > 0 || key == keyOf(s.Best) || s.tried[key].Runs > 0 || !s.canBegin(candidate) {
		return false, nil
	}
	s.Doing = what
	if failed, _, err = s.execute(ctx, candidate); err != nil || !failed {
		return false, err
	}
	s.become(candidate)
	return true, s.save()
}

// become makes a candidate that failed the best plan.
func (s *reducer) become(candidate Plan) {
	s.Best = candidate
	s.rate.follow(s.tried[keyOf(candidate)])
	s.doubts = 0
}

// firstFailures is the number of failures before the first candidate, which shows that
// the plan fails again, and roughly how often; mostFirst bounds the executions for it.
const (
	firstFailures = 4
	mostFirst     = 12
)

// mostSilent is after how many executions a plan that never failed is given up: one
// that fails in 15 % of them is given up wrongly 1 time in 20.
var mostSilent = attemptsFor(0.15)

// reproduce executes the plan until it has failed often enough to know its rate.
func (s *reducer) reproduce(ctx context.Context) error {
	s.Doing = "how often it fails"
	for {
		switch d := s.rate; {
		case d.failures == 0 && d.runs >= float64(mostSilent):
			return stopped(NotReproduced)
		case d.failures == 0 && d.runs >= fewSilent && s.Best.Load.Clients > 0 && !s.silent:
			if err := s.moreLoad(ctx); err != nil {
				return err
			}
			continue
		case d.failures >= firstFailures, d.failures > 0 && d.runs >= mostFirst:
			return nil
		}
		if err := s.control(ctx); err != nil {
			return err
		}
	}
}

// control executes the best plan itself.
func (s *reducer) control(ctx context.Context) error {
	failed, known, err := s.execute(ctx, s.Best)
	if known {
		s.rate.add(failed)
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
	if key == keyOf(s.Best) || !s.canBegin(candidate) {
		return false, nil
	}
	if s.halves && s.Best.Load.Clients > 0 {
		return s.tryHalf(ctx, what, candidate)
	}
	s.Doing = what
	gaveUp := false
	for s.tried[key].Failures == 0 && s.tried[key].Runs < s.attempts() {
		_, known, err := s.execute(ctx, candidate)
		if err != nil {
			return false, err
		}
		if !known {
			continue
		}
		gaveUp = s.tried[key].Failures == 0 && s.tried[key].Runs >= s.attempts()
		if gaveUp {
			s.doubts++
		}
		if gaveUp && s.doubts >= mostDoubts && s.attempts() < surely {
			if err := s.control(ctx); err != nil {
				return false, err
			}
		}
	}
	if s.tried[key].Failures == 0 {
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
func (s *reducer) execute(ctx context.Context, p Plan) (failed, known bool, err error) {
	if ctx.Err() != nil {
		return false, false, s.cut(ctx)
	}
	if s.ReduceOptions.Executions > 0 && s.Reduction.Executions >= s.ReduceOptions.Executions {
		return false, false, stopped(OutOfExecutions)
	}
	failed, err = s.Fails(ctx, p)
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
	if failed {
		seen.Failures++
	}
	s.tried[keyOf(p)] = seen
	if s.Progress != nil {
		s.Progress(s.Reduction)
	}
	return failed, true, nil
}

func (s *reducer) cut(ctx context.Context) error {
	if errors.Is(context.Cause(ctx), errOutOfTime) {
		return errOutOfTime
	}
	return stopped(Interrupted)
}

// decaying is a failure rate that gives older executions less weight: plans become
// smaller, and may fail more rarely.
type decaying struct{ failures, runs float64 }

// memory is the weight that older executions keep each time the best plan changes.
const memory = 0.85

func (d *decaying) add(failed bool) {
	d.runs++
	if failed {
		d.failures++
	}
}

// follow adds the executions of the plan that has become the best.
func (d *decaying) follow(seen Rate) {
	d.failures, d.runs = memory*d.failures+float64(seen.Failures), memory*d.runs+float64(seen.Runs)
}

// rarest is the lowest rate that candidates are tried for.
const rarest = 0.05

// value is the rate. Most executions went on until the plan failed, which shows
// more failures than the rate has: one of them does not count.
func (d decaying) value() float64 {
	if d.failures == d.runs {
		return 1
	}
	return max(rarest, (d.failures-1)/d.runs)
}

// canBegin reports whether a candidate means anything, and can be executed.
func (s *reducer) canBegin(candidate Plan) bool {
	return Validate(candidate) == nil && CheckPath(candidate, s.First, AsNamed) == nil && len(s.Exclude.In(candidate)) <= len(s.Exclude.In(s.Best))
}
