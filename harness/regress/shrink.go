package regress

import (
	"context"
	"errors"
	"fmt"
	"time"

	"retain/generators"
	"retain/harness"
	"retain/harness/session"
	"retain/harness/triage"
	"retain/model"
)

// ShrinkOptions bound a reduction.
type ShrinkOptions struct {
	// Time and Executions bound the reduction; 0 is no bound.
	Time       time.Duration
	Executions int
	// Runs is how many fresh executions afterwards measure how often the result
	// fails, RateTime how long they may take.
	Runs     int
	RateTime time.Duration
	// GoOn is an unfinished reduction of the same plan; nil to begin.
	GoOn *generators.Reduction
	// AskUntil is until when the reduced plan may be executed once more for a failure with
	// its own triage; zero for not at all.
	AskUntil time.Time
	// Progress, if not nil, is called after every execution.
	Progress func(generators.Reduction)
	// Measured, if not nil, receives the rate so far, when the measurement begins and after
	// every execution. Asking, if not nil, is called before the server's tables and logs
	// are read for a failure of the reduced plan.
	Measured func(generators.Rate)
	Asking   func()
}

// Shrunk is the result of a reduction of a failed run.
type Shrunk struct {
	generators.Reduction
	// Rate is how often the reduced plan failed in fresh executions after the
	// reduction.
	Rate generators.Rate
	// Run is an execution of the reduced plan that failed, nil if none did. If it
	// had its triage, its artefacts are in [ReducedDir].
	Run *harness.Run
	// Witness is the smallest part of a failed history that has no legal order,
	// nil for a violation that no order shows.
	Witness *model.History
	// Early says how the executions told what is stuck before its whole bound had passed;
	// nil if each waited for it.
	Early *EarlyEnd
	// Problem is what kept its files from being saved, nil for nothing.
	Problem error
}

// EarlyEnd is how the executions of a reduction ended before their bounds.
type EarlyEnd struct {
	// Sign is by which sign: "the same call failed in the same way 4 times more".
	Sign string
	// Whole is how often the reduced plan was executed with the whole bound, Bound, and
	// how often that failed.
	Whole generators.Rate
	Bound time.Duration
	// Refuted is true if the sign was seen in one of those, and the operation finished
	// within its bound.
	Refuted bool
}

// tellingRuns is how many fresh executions without a failure tell of any plan that it
// hardly ever fails.
const tellingRuns = 10

// NeverAgain reports whether fresh executions show that the reduced plan failed by chance,
// or hardly ever does: none of them failed, and they are as many as show that, at 95 %, of
// a plan that fails as often as in the reduction.
func (s *Shrunk) NeverAgain() bool {
	refuted := s.Early != nil && s.Early.Refuted
	return s.Rate.Runs > 0 && s.Rate.Failures == 0 && (refuted || s.Rate.Runs >= min(tellingRuns, s.Seen().RunsNeeded()))
}

// FailsAgain is how often the reduced plan failed: in fresh executions, or if these were
// too few to tell, in those of the reduction too.
func (s *Shrunk) FailsAgain() generators.Rate {
	if s.Rate.Failures > 0 || s.NeverAgain() {
		return s.Rate
	}
	seen := s.Seen()
	return generators.Rate{Failures: seen.Failures, Runs: seen.Runs + s.Rate.Runs}
}

// shrinking executes smaller and smaller plans.
type shrinking struct {
	session session.Options
	// ledger is true if only the reads after one more kill show the failure.
	ledger bool
	failed *harness.Run
	latest *harness.Run // the last one that failed
	best   *harness.Run // of the best plan so far
	// early is the sign by which an execution was over before its bound, "" for none.
	early string
}

// Shrink looks for a smaller plan that fails like a run did, each execution on a
// fresh runtime, and for the smallest part of a history that shows it. What it has
// come to is in the run's folder at any time. The error is nil unless nothing
// could be tried; bounds and interruption are endings.
func Shrink(ctx context.Context, of session.Options, failed *harness.Run, o ShrinkOptions) (*Shrunk, error) {
	of.OnRun, of.OnPhase = nil, nil
	of.Bounds.Early = EarlyStopFor(failed, of.Bounds.Completion)
	s := &shrinking{session: of, ledger: failed.Ledger, failed: failed}
	hint, guesses := hintOf(failed), guessesOf(failed)
	if len(guesses) > 0 {
		hint = guesses[len(guesses)-1]
	}
	reduced, err := generators.Reduce(ctx, failed.Plan, generators.ReduceOptions{
		First: firstVersionOf(failed), Exclude: of.Exclude, Fails: s.fails, Executions: o.Executions, Time: s.timeFor(o), Hint: hint, LoadHint: loadHintOf(failed), Guesses: guesses, GoOn: o.GoOn,
		Progress: o.Progress, Save: s.save,
	})
	if err != nil {
		return nil, fmt.Errorf("reduce the plan: %w", err)
	}
	out := &Shrunk{Reduction: reduced}
	if reduced.Ending != generators.NotReproduced && s.early != "" {
		s.confirm(ctx, out, o)
	}
	if reduced.Ending != generators.NotReproduced && ctx.Err() == nil && (out.Early == nil || !out.Early.Refuted) {
		out.Rate = s.measure(ctx, reduced.Best, o)
	}
	if out.Early == nil && s.early != "" { // nothing was reduced: the first failure waited for the whole bound
		out.Early = &EarlyEnd{Sign: s.early, Bound: of.Bounds.Completion, Whole: generators.Rate{Failures: 1, Runs: 1}}
	}
	if s.best != nil && out.Early == nil {
		if o.Asking != nil {
			o.Asking()
		}
		s.ask(ctx, reduced.Best, o.AskUntil)
	}
	if s.best != nil {
		s.best.Lost = triage.LostOf(s.best)
	}
	out.Run = s.best
	out.Problem = s.witness(out)
	return out, nil
}

// timeFor is the time for the reduction. A plan with a stuck operation needs time for one
// more execution with the whole bound.
func (s *shrinking) timeFor(o ShrinkOptions) time.Duration {
	if s.session.Bounds.Early.Like == nil || o.AskUntil.IsZero() || o.Time == 0 {
		return o.Time
	}
	whole := s.session.Bounds.Completion + s.session.Bounds.Completion/2 // and what comes before and after
	return max(o.Time/2, min(o.Time, time.Until(o.AskUntil)-whole))
}

// fails executes a plan once and reports whether it failed.
func (s *shrinking) fails(ctx context.Context, p generators.Plan) (bool, error) {
	result, err := session.Rerun(ctx, s.session, p, session.RerunOptions{ReadLedger: s.ledger})
	if err != nil {
		return false, err
	}
	for _, r := range result.Failures {
		if SameFailure(&r, s.failed) {
			r.Number = s.failed.Number
			tellOf(&r, kindOf(s.failed))
			s.latest = &r
			if r.Outcome != nil && r.Outcome.Liveness != nil && r.Outcome.Liveness.Early != "" {
				s.early = r.Outcome.Liveness.Early
			}
			return true, nil
		}
		if r.Verdict == harness.Harness {
			return false, errors.New(r.Sentence)
		}
	}
	return false, context.Cause(ctx)
}

// firstVersionOf is the version that a run began with, "" if that is not known.
func firstVersionOf(r *harness.Run) string {
	if r.Outcome == nil {
		return ""
	}
	return r.Outcome.Server.Version
}
