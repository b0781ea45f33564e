package regress

import (
	"time"

	"retain/generators"
	"retain/harness"
	"retain/model"
)

const (
	// failsAgain is how often a call fails in the same way once more until a reduction
	// takes it for stuck.
	failsAgain = 4
	// minEarlyBound is the shortest bound of a reduction; slowestFactor is how many times as
	// long as the slowest operation of the failed run it is, up to one in completionFraction of the
	// whole bound.
	minEarlyBound      = 2 * time.Second
	slowestFactor      = 10
	completionFraction = 3
)

// EarlyStopFor is when a further execution of a failed run's plan may end early, the zero value if that was not
// stuck or nobody knows why.
func EarlyStopFor(r *harness.Run, completion time.Duration) harness.EarlyStop {
	like := r.Culprit()
	if like.IsZero() {
		return harness.EarlyStop{}
	}
	least := min(completion, minEarlyBound)
	bound := max(least, min(completion/completionFraction, slowestFactor*slowest(r.Outcome.History)))
	return harness.EarlyStop{Like: like.Like, Operation: bound, Retries: failsAgain, Unchanged: bound}
}

// slowest is the longest that an operation took which was answered, stood at no gate and
// met no fault.
func slowest(h *model.History) (longest time.Duration) {
	held := map[int]bool{}
	for _, e := range h.Evidence {
		held[e.ID] = held[e.ID] || e.Held
	}
	for _, o := range h.Operations {
		if o.Outcome != model.OK || o.Return == model.Forever {
			continue
		}
		met := held[o.ID]
		for _, f := range h.Faults {
			met = met || f.Begin.Seq < o.Return.Seq && (f.End.Seq == 0 || f.End.Seq > o.Call.Seq)
		}
		for _, back := range h.Recoveries {
			met = met || o.Call.Ns < back.Probe && o.Return.Ns > back.Down
		}
		if !met {
			longest = max(longest, time.Duration(o.Return.Ns-o.Call.Ns))
		}
	}
	return longest
}

// guessesOf are small sets of steps of which one may be enough for what is stuck: the
// operation that does not finish, with more and more of the changes of its object
// before it. nil if it is not one of the plan's.
func guessesOf(r *harness.Run) [][]int {
	if r.Outcome == nil || r.Outcome.Liveness == nil || r.Outcome.Liveness.Operation == 0 || r.Check.Broken() != nil {
		return nil
	}
	culprit := r.Outcome.History.Operations[r.Outcome.Liveness.Operation-1]
	var before []int
	for _, s := range r.Plan.Steps {
		op, is := s.(generators.Operate)
		if !is || op.ID == culprit.Step {
			continue
		}
		if at := stepOf(r.Outcome.History, op.ID); at != nil && op.Object == culprit.Object && !op.Op.ReadOnly() && at.Call.Seq < culprit.Call.Seq {
			before = append(before, op.ID)
		}
	}
	var guesses [][]int
	for _, n := range []int{0, 1, 2, 4, len(before)} {
		if n > len(before) {
			continue
		}
		guess := append([]int(nil), before[len(before)-n:]...)
		if culprit.Step != 0 {
			guess = append(guess, culprit.Step)
		}
		if len(guess) > 0 {
			guesses = append(guesses, guess)
		}
	}
	return guesses
}

// stepOf is the operation of a step, nil if it was not called.
func stepOf(h *model.History, step int) *model.Invoked {
	for i := range h.Operations {
		if h.Operations[i].Step == step {
			return &h.Operations[i]
		}
	}
	return nil
}
