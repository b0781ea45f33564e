package checker

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"retain/model"
)

// unhurried leaves the clock out: memory and effort end a check, on a machine that is slow or
// busy as on any other.
var unhurried = Options{Budget: time.Hour}

// judgeByEffort judges the only object of a history with the effort of the default budget:
// the result is the same on any machine.
func judgeByEffort(t testing.TB, h *model.History) ObjectResult {
	require.NoError(t, h.Validate())
	c := newCheck(h, unhurried)
	c.effort = (*effort)(nil).part(int64(Options{}.withDefaults().Budget.Seconds()) * perSecond)
	return c.judge(objectsOf(h)[0])
}

// TestExplanationsDoNotDependOnTheClock explains a violation twice: while the clock
// stands still, as it does in a bubble while anything runs, and as usual. The effort
// ends both at the same step.
func TestExplanationsDoNotDependOnTheClock(t *testing.T) {
	if testing.Short() {
		t.Skip("the effort of two explanations is seconds under the race detector")
	}
	h := load{kind: model.Register, operations: 300, clients: 5, stale: true, ambiguous: 0.05, values: 3, clears: 0.02}.history(1)
	alone := unhurried
	alone.SecondOpinion = -1
	var still Result
	synctest.Test(t, func(*testing.T) { still = Check(h, alone) })
	usual := Check(h, alone)
	require.Equal(t, Violation, still.Verdict, still.Reason)
	require.Len(t, still.Broken().Proof, proofLimit, "the effort does not suffice for a smaller one")
	require.Equal(t, usual.Broken().Proof, still.Broken().Proof)
	require.Equal(t, usual.Broken().Guarantee, still.Broken().Guarantee)
	require.Equal(t, usual.Broken().Class, still.Broken().Class)
	t.Logf("%s: a proof of %d operations", still.Broken().Guarantee, len(still.Broken().Proof))
}

func TestPartsOfAnEffortSpendTheWhole(t *testing.T) {
	whole := (*effort)(nil).part(10)
	part := whole.part(100)
	require.EqualValues(t, 10, part.rest(), "no more than the whole has")
	part.spend(4)
	require.EqualValues(t, 6, whole.rest())
	half := whole.half()
	half.spend(3)
	require.True(t, half.spent())
	require.False(t, whole.spent())
	whole.spend(5)
	require.True(t, whole.spent())
	require.True(t, part.spent())

	var none *effort
	none.spend(1)
	require.False(t, none.spent())
	require.Nil(t, none.half())
}

// TestSearchesStopWithTheirEffort runs each search on a history that it can't finish.
func TestSearchesStopWithTheirEffort(t *testing.T) {
	records := objectsOf(explosive(t, 24))[0].records
	budget := func() search {
		s := ample()
		s.effort = (*effort)(nil).part(perSecond / 100)
		return s
	}
	for name, decide := range map[string]func(search) Verdict{
		"jit":              func(s search) Verdict { v, _ := decideJIT(model.Register, records, s); return v },
		"porcupine":        func(s search) Verdict { return s.run(model.Register, records) },
		"porcupine's turn": func(s search) Verdict { return s.race(model.Register, records) },
		"all of them":      func(s search) Verdict { return decideFast(part{model.Register, "", records}, s).Verdict },
	} {
		t.Run(name, func(t *testing.T) {
			s := budget()
			require.Equal(t, Undecided, decide(s))
			require.Less(t, s.effort.rest(), int64(perSecond/100))
		})
	}
}
