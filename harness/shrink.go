package harness

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"retain/checker"
	"retain/generators"
	"retain/model"
)

// The files of a reduction, in the finding's folder.
const (
	// ReducedFile is the smallest plan so far that fails.
	ReducedFile = "reduced.json"
	// ReductionFile is where the reduction stands, to go on from.
	ReductionFile = "reduction.json"
	// ReducedHistoryFile is a history of the reduced plan that failed.
	ReducedHistoryFile = "reduced.jsonl"
	// ReducedDir is a folder with the artefacts of a failed execution of the reduced
	// plan, as a finding's own, where it was asked about.
	ReducedDir = "reduced"
	// WitnessFile is the part of a failed history that is enough to show it.
	WitnessFile = "witness.jsonl"
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
	// AskUntil is until when the reduced plan may be executed and asked about like
	// the first failure was; zero for not at all.
	AskUntil time.Time
	// Progress, if not nil, is told after every execution.
	Progress func(generators.Reduction)
}

// Shrunk is what a reduction of a failed run came to.
type Shrunk struct {
	generators.Reduction
	// Rate is how often the reduced plan failed in fresh executions after the
	// reduction.
	Rate generators.Rate
	// Run is an execution of the reduced plan that failed, nil if none did. If it
	// was asked about, its artefacts are in [ReducedDir].
	Run *Run
	// Witness is the smallest part of a failed history that has no legal order,
	// nil for a violation that no order shows.
	Witness *model.History
	// Problem is what kept its files from being saved, nil for nothing.
	Problem error
}

// FailsAgain is how often the reduced plan failed: in fresh executions, or in those of
// the reduction if there was no time for any.
func (s *Shrunk) FailsAgain() generators.Rate {
	if s.Rate.Runs > 0 {
		return s.Rate
	}
	return s.Seen()
}

// rehearsal says that a session only tries whether a plan fails: it keeps nothing and
// asks nothing.
type rehearsal int

const (
	noRehearsal   rehearsal = iota
	withoutLedger           // the program and its reads show it
	withLedger              // only the reads after one more kill do
)

// shrinking executes smaller and smaller plans.
type shrinking struct {
	session Options
	failed  *Run
	latest  *Run // the last one that failed
	best    *Run // of the best plan so far
}

// Shrink looks for a smaller plan that fails like a run did, each execution on a
// fresh runtime, and for the smallest part of a history that shows it. What it has
// come to is in the run's folder at any time. The error is nil unless nothing
// could be tried; bounds and interruption are endings.
func Shrink(ctx context.Context, session Options, failed *Run, o ShrinkOptions) (*Shrunk, error) {
	session.Plans, session.Workers, session.Fresh, session.OnRun, session.rehearsal = 1, 1, true, nil, withoutLedger
	if failed.Ledger {
		session.rehearsal = withLedger
	}
	s := &shrinking{session: session, failed: failed}
	reduced, err := generators.Reduce(ctx, failed.Plan, generators.ReduceOptions{
		Strikes: s.strikes, Executions: o.Executions, Time: o.Time, Hint: hintOf(failed), GoOn: o.GoOn,
		Progress: o.Progress, Save: s.save,
	})
	if err != nil {
		return nil, fmt.Errorf("reduce the plan: %w", err)
	}
	out := &Shrunk{Reduction: reduced}
	if reduced.Ending != generators.NotReproduced && ctx.Err() == nil {
		out.Rate = s.measure(ctx, reduced.Best, o)
	}
	if s.best != nil {
		s.ask(ctx, reduced.Best, o.AskUntil)
		s.best.Lost = lostOf(s.best)
	}
	out.Run = s.best
	out.Problem = s.witness(out)
	return out, nil
}

// strikes executes a plan once.
func (s *shrinking) strikes(ctx context.Context, p generators.Plan) (bool, error) {
	one := s.session
	one.Draw = func(int) generators.Plan { return p }
	result, err := Conduct(ctx, one)
	if err != nil {
		return false, err
	}
	for _, r := range result.Failures {
		if alike(&r, s.failed) {
			r.Number = s.failed.Number
			r.tellOf(kindOf(s.failed))
			s.latest = &r
			return true, nil
		}
		if r.Verdict == Harness {
			return false, errors.New(r.Sentence)
		}
	}
	return false, context.Cause(ctx)
}

// alike reports whether a run failed like another one: with an object of the same
// kind without a legal order, or else something that did not happen, or the server's
// own words.
func alike(a, b *Run) bool { return a.Verdict == Violation && slices.Contains(waysOf(a), wayOf(b)) }

// wayOf is how a run failed, as it is told, "" if it did not.
func wayOf(r *Run) string {
	if ways := waysOf(r); len(ways) > 0 {
		return ways[0]
	}
	return ""
}

// waysOf are the ways in which a run failed, first the one that it is told as: which
// of several objects was called first may be chance. What else went wrong counts where
// no object broke.
func waysOf(r *Run) []string {
	var ways []string
	for _, o := range r.Check.Objects {
		if o.Verdict == checker.Violation {
			ways = append(ways, string(o.Object.Kind))
		}
	}
	if len(ways) > 0 {
		return ways
	}
	if r.Outcome != nil && r.Outcome.Liveness != nil {
		ways = append(ways, r.Outcome.Liveness.Guarantee)
	}
	for _, a := range r.Admissions {
		ways = append(ways, a.Class)
	}
	return ways
}

// kindOf is the kind of the object that a run is told of, "" for none.
func kindOf(r *Run) model.Kind {
	if broken := r.Check.Broken(); broken != nil {
		return broken.Object.Kind
	}
	return ""
}

// tellOf makes a run one of an object of a kind, if one broke.
func (r *Run) tellOf(kind model.Kind) {
	if r.Check.Verdict == checker.Violation {
		r.Check = r.Check.Foremost(kind)
		r.Sentence = r.Check.Reason
	}
}

// hintOf lists the steps of the operations that prove a violation.
func hintOf(r *Run) []int {
	broken := r.Check.Broken()
	if broken == nil {
		return nil
	}
	var steps []int
	for _, id := range broken.Proof {
		if step := r.Outcome.History.Operations[id-1].Step; step != 0 {
			steps = append(steps, step)
		}
	}
	return steps
}

// save stores what the reduction has come to. Without a folder there is nothing
// to store it in.
func (s *shrinking) save(r generators.Reduction) error {
	text := generators.Encode(r.Best)
	if s.latest != nil && bytes.Equal(generators.Encode(s.latest.Plan), text) {
		s.best = s.latest
	}
	if s.failed.Dir == "" {
		return nil
	}
	state, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("encode the reduction: %w", err)
	}
	return errors.Join(s.write(ReducedFile, text), s.write(ReductionFile, state))
}

// write replaces a file at once: one that is cut short is worth nothing.
func (s *shrinking) write(name string, text []byte) error {
	path := filepath.Join(s.failed.Dir, name)
	if err := os.WriteFile(path+".new", text, 0o644); err != nil {
		return fmt.Errorf("save the reduction: %w", err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		return fmt.Errorf("save the reduction: %w", err)
	}
	return nil
}

// measure executes the reduced plan again and again, on fresh runtimes.
func (s *shrinking) measure(ctx context.Context, p generators.Plan, o ShrinkOptions) generators.Rate {
	if o.RateTime > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, o.RateTime)
		defer cancel()
	}
	rate, _ := generators.Measure(ctx, p, func(ctx context.Context, p generators.Plan) (bool, error) { // what was seen counts
		struck, err := s.strikes(ctx, p)
		if struck {
			s.best = s.latest
		}
		return struck, err
	}, o.Runs)
	return rate
}

// mostAsked is how often the reduced plan is executed for a failure to ask about.
const mostAsked = 5

// ask executes the reduced plan until it fails once more, and asks about that one
// what was asked about the first. What comes to no end in time leaves nothing.
func (s *shrinking) ask(ctx context.Context, p generators.Plan, until time.Time) {
	if s.failed.Dir == "" || until.IsZero() {
		return
	}
	ctx, cancel := context.WithDeadline(ctx, until)
	defer cancel()
	one := s.session
	one.Draw = func(int) generators.Plan { return p }
	one.folder = filepath.Join(s.failed.Dir, ReducedDir)
	for range mostAsked {
		if ctx.Err() != nil {
			return
		}
		result, err := Conduct(ctx, one)
		if err == nil && ctx.Err() == nil {
			for _, r := range result.Failures {
				if r.Verdict == Violation && wayOf(&r) == wayOf(s.failed) && r.Dir != "" { // it was asked about that
					r.Number = s.failed.Number
					s.best = &r
					return
				}
			}
		}
		_ = os.RemoveAll(one.folder) // it tells of something else, or of half
		if err != nil {
			return
		}
	}
}

// witness finds and stores the part of the failed history that shows it, of the
// reduced plan if that failed.
func (s *shrinking) witness(out *Shrunk) error {
	shown := s.failed
	if out.Run != nil {
		shown = out.Run
	}
	var errs []error
	if shown.Check.Verdict == checker.Violation {
		w, err := checker.WitnessOf(shown.Outcome.History, shown.Check.Broken().Object, s.session.Check)
		if err != nil {
			errs = append(errs, fmt.Errorf("minimise the history: %w", err))
		}
		out.Witness = w
	}
	if s.failed.Dir == "" {
		return errors.Join(errs...)
	}
	for name, h := range map[string]*model.History{WitnessFile: out.Witness, ReducedHistoryFile: historyOf(out.Run)} {
		if h == nil {
			continue
		}
		var text bytes.Buffer
		if err := model.WriteHistory(&text, h); err != nil {
			errs = append(errs, fmt.Errorf("encode %s: %w", name, err))
			continue
		}
		errs = append(errs, s.write(name, text.Bytes()))
	}
	return errors.Join(errs...)
}

func historyOf(r *Run) *model.History {
	if r == nil || r.Outcome == nil {
		return nil
	}
	return r.Outcome.History
}
