package checker

import (
	"cmp"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/model"
)

var histories = flag.Int("histories", 10_000, "random histories that are judged by brute force, class and sentence included")

// sendAgain makes some operations ones that were sent twice, at random moments, and
// gives some of these two effects: all answers are then those of one order in which
// the second effects have their place.
func sendAgain(rng *rand.Rand, h *model.History) {
	end := int64(0)
	for i := range h.Operations {
		o := &h.Operations[i]
		o.Process = fmt.Sprintf("%s/%d", o.Process, o.ID)
		if o.Return != model.Forever {
			end = max(end, o.Return.Seq)
		}
	}
	if rng.IntN(4) == 0 {
		return
	}
	type effect struct {
		at      int64
		i       int
		answers bool
	}
	var effects []effect
	double := []float64{0, 0.3, 0.7}[rng.IntN(3)]
	twice := 0 // brute force takes long where they are many
	for i := range h.Operations {
		o := &h.Operations[i]
		in := o.In(model.Resolved)
		if o.Outcome == model.Failed {
			continue
		}
		ret := min(in.Return.Seq, end+1)
		between := func(from int64) int64 { return from + rng.Int64N(max(1, ret-from)) }
		first, second := between(o.Call.Seq), int64(0)
		if !o.Op.ReadOnly() && rng.IntN(2) == 0 && o.Resolution == nil && twice < 3 {
			twice++
			again := between(o.Call.Seq)
			o.Attempts = append(o.Attempts[:1:1], model.Attempt{N: 2, Start: model.Instant{Seq: again, Ns: again}, End: model.Forever, Wrote: true})
			o.Attempts[0].Wrote = true
			if o.Outcome == model.OK && rng.IntN(3) > 0 {
				o.Resolution = &model.Resolution{At: o.Return, By: model.Resend, Answer: o.Answer}
				o.Outcome, o.Reason, o.Answer, o.Return = model.Ambiguous, model.TimedOut, nil, model.Forever
			}
			if rng.Float64() < double {
				second = again + 1 + rng.Int64N(max(1, end-again))
			}
		}
		if second > 0 {
			answered := second < ret && rng.IntN(2) == 0
			effects = append(effects, effect{first, i, !answered}, effect{second, i, answered})
		} else if in.Outcome == model.OK || rng.IntN(2) == 0 {
			effects = append(effects, effect{first, i, true})
		}
	}
	slices.SortStableFunc(effects, func(a, b effect) int { return cmp.Compare(a.at, b.at) })
	state := h.Operations[0].Object.Kind.Initial()
	for _, e := range effects {
		o := &h.Operations[e.i]
		next, answer := o.Op.Apply(state)
		state = next
		switch {
		case !e.answers:
		case o.Outcome == model.OK:
			o.Answer = answer
		case o.Resolution != nil:
			o.Resolution.Answer = answer
		}
	}
}

// explainedTwice is brute force over what [check.secondEffects] decides: which
// operations took effect twice, and which of the two effects was answered.
func explainedTwice(h *model.History, records []record) bool {
	kind := h.Operations[0].Object.Kind
	var twice []int
	for i, r := range records {
		if h.Operations[r.id-1].MayHaveRunTwice() {
			twice = append(twice, i)
		}
	}
	for ways := range 1 << len(twice) { // an effect that may come, or not
		all, possible := slices.Clone(records), true
		for k, i := range twice {
			second, again := all[i], h.Operations[all[i].id-1].SentAgain().Seq
			second.answer, second.ret = nil, open
			if ways>>k&1 == 0 {
				second.call = max(second.call, again)
			} else {
				possible = possible && again < all[i].ret
				all[i].call = max(all[i].call, again)
			}
			all = append(all, second)
		}
		if possible && orders(all, 0, kind.Initial()) {
			return true
		}
	}
	return false
}

// explainedByLoss is the same over what [check.loss] decides.
func explainedByLoss(h *model.History, records []record) bool {
	kind := h.Operations[0].Object.Kind
	for _, f := range h.Faults {
		var before, behind []record
		for _, r := range records {
			forgotten := r
			forgotten.answer, forgotten.ret = nil, open
			if r.ret <= f.End.Seq {
				before, behind = append(before, r), append(behind, forgotten)
			} else {
				behind = append(behind, r)
				if r.call <= f.End.Seq {
					before = append(before, forgotten)
				}
			}
		}
		if f.Ends() && orders(before, 0, kind.Initial()) && orders(behind, 0, kind.Initial()) {
			return true
		}
	}
	return false
}

// classByForce is the class of a violation by its definition.
func classByForce(h *model.History, records []record) Class {
	raw := bruteForce(h, h.Operations[0].Object, model.Raw)
	if explainedTwice(h, records) && (raw || !explainedByLoss(h, records)) {
		return OneEffect
	}
	return StateGuarantee
}

// TestClassAndSentenceOfRandomHistoriesAreRight judges short histories of operations that were
// sent twice as brute force does: the verdict, the class by its definition, and whether
// the sentence is true.
func TestClassAndSentenceOfRandomHistoriesAreRight(t *testing.T) {
	each(t, func(t *testing.T, kind model.Kind, rng *rand.Rand) {
		object, classes, sentences := model.Object{Kind: kind}, map[Class]int{}, map[string]int{}
		judged := *histories / len(decidedKinds)
		if testing.Short() {
			judged /= 10
		}
		for n := 0; n < judged; {
			h := drawSimulation(rng, kind, 3+rng.IntN(5)).run()
			sendAgain(rng, h)
			mutate(rng, h)
			if h.Validate() != nil {
				continue
			}
			n++
			r := Check(h, Options{SecondOpinion: -1})
			legal := bruteForce(h, object, model.Resolved)
			require.Equal(t, legal, r.Verdict == Pass, "%s\n%s", r.Reason, dumpTwice(h))
			if legal {
				continue
			}
			b := r.Broken()
			require.Equal(t, classByForce(h, objectsOf(h)[0].records), b.Class, "%s\n%s", b.Guarantee, dumpTwice(h))
			require.True(t, isTrue(h, *b), "%s (%v of %v)\n%s", b.Guarantee, b.Contradiction, b.Proof, dumpTwice(h))
			classes[b.Class]++
			bare := b.Guarantee
			bare.Fault = ""
			sentences[bare.String()]++
		}
		t.Logf("%d histories; by class %v", judged, classes)
		for s, n := range sentences {
			t.Logf("  %6d %s", n, s)
		}
		assert.Greater(t, classes[OneEffect], judged/200)
		assert.Greater(t, classes[StateGuarantee], judged/50)
	})
}

// dumpTwice is [dump] with what it leaves out.
func dumpTwice(h *model.History) string {
	var b strings.Builder
	b.WriteString(dump(h))
	for _, o := range h.Operations {
		if again := o.SentAgain(); again.Seq > 0 {
			fmt.Fprintf(&b, "operation %d was sent again at %d\n", o.ID, again.Seq)
		}
	}
	for _, f := range h.Faults {
		fmt.Fprintf(&b, "%s %d %d\n", f.Kind, f.Begin.Seq, f.End.Seq)
	}
	return b.String()
}
