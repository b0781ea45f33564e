package regress

import (
	"slices"

	"retain/checker"
	"retain/generators"
	"retain/harness"
	"retain/model"
)

// SameFailure reports whether a run failed like another one: with an object of the same
// kind without a legal order, or else something that did not happen, or the server's
// own words.
// Two stuck operations match where the same handler fails in the same way, or nobody
// has the key, as far as both are known.
func SameFailure(a, b *harness.Run) bool {
	if a.Verdict != harness.Violation || !slices.Contains(waysOf(a), wayOf(b)) {
		return false
	}
	x, y := a.Culprit(), b.Culprit()
	return x.IsZero() || y.IsZero() || x.Like(y)
}

// failureMode is a way to fail: an object of a kind without a legal order, or else a guarantee.
type failureMode struct {
	kind model.Kind
	code model.GuaranteeCode
}

// wayOf is the reported way in which a run failed, the zero value if it did not fail.
func wayOf(r *harness.Run) failureMode {
	if ways := waysOf(r); len(ways) > 0 {
		return ways[0]
	}
	return failureMode{}
}

// waysOf are the ways in which a run failed, the reported one first: the order of several
// objects may be random. Other failures count where no object broke.
func waysOf(r *harness.Run) []failureMode {
	var ways []failureMode
	for _, o := range r.Check.Objects {
		if o.Verdict == checker.Violation {
			ways = append(ways, failureMode{kind: o.Object.Kind})
		}
	}
	if len(ways) > 0 {
		return ways
	}
	if r.Outcome != nil && r.Outcome.Liveness != nil {
		ways = append(ways, failureMode{code: r.Outcome.Liveness.Guarantee.Code})
	}
	for _, a := range r.Admissions {
		ways = append(ways, failureMode{code: a.Code})
	}
	return ways
}

// kindOf is the kind of the object that a run is reported with, "" for none.
func kindOf(r *harness.Run) model.Kind {
	if broken := r.Check.Broken(); broken != nil {
		return broken.Object.Kind
	}
	return ""
}

// tellOf makes a run one of an object of a kind, if one broke.
func tellOf(r *harness.Run, kind model.Kind) {
	if r.Check.Verdict == checker.Violation {
		r.Check = r.Check.Foremost(kind)
		r.Sentence = r.Check.Reason
	}
}

// hintOf lists the steps of the operations that prove a violation.
func hintOf(r *harness.Run) []int {
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

// loadHintOf are the operations of the plan's load in the proof of a run's violation.
func loadHintOf(r *harness.Run) []generators.LoadOperation {
	broken := r.Check.Broken()
	if broken == nil {
		return nil
	}
	var proof []model.Invoked
	for _, id := range broken.Proof {
		proof = append(proof, r.Outcome.History.Operations[id-1])
	}
	return generators.LoadOperations(proof, r.Outcome.History.Faults)
}
