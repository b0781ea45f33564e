package regress

import (
	"context"
	"os"
	"path/filepath"
	"time"

	"retain/generators"
	"retain/harness"
	"retain/harness/session"
)

// confirm executes a plan that was reduced by early signs once more with the whole bound.
// The reduction is refuted if the stuck operation then finishes.
func (s *shrinking) confirm(ctx context.Context, out *Shrunk, o ShrinkOptions) {
	whole := s.session
	whole.Bounds.Early.CountOnly = true
	out.Early = &EarlyEnd{Sign: s.early, Bound: whole.Bounds.Completion}
	until := o.AskUntil
	if until.IsZero() {
		until = time.Now().Add(mostAsked * whole.Bounds.Completion)
	}
	dir := ""
	if s.failed.Dir != "" && !o.AskUntil.IsZero() {
		dir = filepath.Join(s.failed.Dir, ReducedDir)
	}
	whole.OnRun = func(r harness.Run) {
		out.Early.Refuted = out.Early.Refuted || r.Verdict == harness.Pass && r.Outcome.EarlySigns > 0
	}
	out.Early.Whole = s.failOnce(ctx, whole, out.Best, dir, until, mostConfirming)
	if out.Early.Refuted = out.Early.Refuted && out.Early.Whole.Failures == 0; out.Early.Refuted {
		s.best, out.Rate = nil, out.Early.Whole
	}
}

// mostConfirming is how often a plan is executed with the whole bound: those that do not
// fail are over soon.
const mostConfirming = 30

// failOnce executes a plan until it fails like the first failure, which is then the best
// run there is. What comes to no end in time is not counted and leaves nothing.
func (s *shrinking) failOnce(ctx context.Context, one session.Options, p generators.Plan, dir string, until time.Time, most int) (seen generators.Rate) {
	ctx, cancel := context.WithDeadline(ctx, until)
	defer cancel()
	for range most {
		if ctx.Err() != nil {
			return seen
		}
		result, err := session.Rerun(ctx, one, p, session.RerunOptions{ReadLedger: s.ledger, Dir: dir})
		if err == nil && ctx.Err() == nil {
			seen.Runs++
			for _, r := range result.Failures {
				if SameFailure(&r, s.failed) && (dir == "" || wayOf(&r) == wayOf(s.failed) && r.Dir != "") { // its triage is of that failure
					seen.Failures++
					r.Number = s.failed.Number
					s.best = &r
					return seen
				}
			}
		}
		if dir != "" {
			_ = os.RemoveAll(dir) // of another failure, or incomplete
		}
		if err != nil {
			return seen
		}
	}
	return seen
}

// measure executes the reduced plan again and again, on fresh runtimes.
func (s *shrinking) measure(ctx context.Context, p generators.Plan, o ShrinkOptions) generators.Rate {
	if o.RateTime > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, o.RateTime)
		defer cancel()
	}
	var soFar generators.Rate
	measured := func() {
		if o.Measured != nil {
			o.Measured(soFar)
		}
	}
	measured()
	rate, _ := generators.Measure(ctx, p, func(ctx context.Context, p generators.Plan) (bool, error) { // what was seen counts
		failed, err := s.fails(ctx, p)
		if failed && s.early == "" { // the run with the whole bound is the better one
			s.best = s.latest
		}
		if err == nil {
			soFar.Runs++
		}
		if failed {
			soFar.Failures++
		}
		measured()
		return failed, err
	}, o.Runs)
	return rate
}

// mostAsked is how often the reduced plan is executed for a failure to ask about.
const mostAsked = 5

// ask executes the reduced plan until it fails once more, with the triage of that failure.
// An execution that does not end in time leaves nothing.
func (s *shrinking) ask(ctx context.Context, p generators.Plan, until time.Time) {
	if s.failed.Dir == "" || until.IsZero() {
		return
	}
	s.failOnce(ctx, s.session, p, filepath.Join(s.failed.Dir, ReducedDir), until, mostAsked)
}
