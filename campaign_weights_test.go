package retain_test

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/campaign"
	"retain/generators"
	"retain/harness"
	"retain/model"
	"retain/runtime"
	"retain/runtime/simulated"
)

// rareBug opens simulated runtimes that lose the effect of a list's clear, and only
// of that, if a kill finds it between its effect and its answer: about one plan in
// two hundred gets there.
func rareBug(seed uint64) harness.Open {
	var opened atomic.Uint64
	return func(_ context.Context, s runtime.Settings) (*harness.System, error) {
		r := simulated.New(simulated.Options{
			Settings: s, Nonce: "rare", Seed: seed*1_000_003 + opened.Add(1),
			Lapse: func(op model.Operation, killed bool) bool {
				_, clears := op.(model.ListClear)
				return killed && clears
			},
		})
		return &harness.System{Runtime: r, Control: r, Nonce: "rare", Shared: simulated.Shared()}, nil
	}
}

// TestTheRareBugStrikesInItsSituationOnly: the same steps with another fault, or
// with the fault at another moment, pass.
func TestTheRareBugStrikesInItsSituationOnly(t *testing.T) {
	list := model.Object{Kind: model.List}
	for _, c := range []struct {
		fault generators.Inject
		op    model.Operation
		found bool
	}{
		{generators.Inject{Fault: generators.Kill, When: generators.AtGate{Step: 2, After: true}}, model.ListClear{}, true},
		{generators.Inject{Fault: generators.Kill, When: generators.AtGate{Step: 2}}, model.ListClear{}, false},
		{generators.Inject{Fault: generators.Kill, When: generators.InPlace{}}, model.ListClear{}, false},
		{generators.Inject{Fault: generators.Stop, When: generators.AtGate{Step: 2, After: true}, HoldThroughStop: true}, model.ListClear{}, false},
		{generators.Inject{Fault: generators.Kill, When: generators.AtGate{Step: 2, After: true}}, model.ListAppend{Value: "v2"}, false},
	} {
		c.fault.ID = 3
		plan := generators.Plan{Config: generators.Config{Partitions: 1}, Steps: []generators.Step{
			generators.Operate{ID: 1, Object: list, Op: model.ListAppend{Value: "v1"}},
			generators.Operate{ID: 2, Object: list, Op: c.op},
			c.fault, generators.Inject{ID: 4, Fault: generators.Start, When: generators.InPlace{}},
		}}
		session, err := harness.Conduct(t.Context(), harness.Options{
			Open: rareBug(1), Draw: func(int) generators.Plan { return plan }, Plans: 1, Bounds: harness.DefaultBounds, Dir: t.TempDir(), Late: -1,
		})
		require.NoError(t, err)
		assert.Equal(t, c.found, session.Counts[harness.Violation] > 0, "%s", generators.Encode(plan))
	}
}

// plansUntilFound is how many plans of a campaign it takes.
func plansUntilFound(t *testing.T, seed uint64, unweighted bool) int {
	ctx, found := context.WithCancel(t.Context())
	defer found()
	c, err := campaign.Conduct(ctx, campaign.Options{
		Session:   harness.Options{Open: rareBug(seed), Bounds: harness.DefaultBounds, Late: -1},
		Begun:     campaign.Begun{Seed: seed, Duration: 10 * time.Minute, Workers: 1, Unweighted: unweighted},
		Dir:       t.TempDir(),
		OnFinding: func(harness.Run, *harness.Shrunk) { found() },
	})
	if !assert.NoError(t, err) {
		return 0
	}
	totals := c.Totals()
	assert.Equal(t, 1, totals.Verdicts[harness.Violation], "seed %d: %v", seed, totals.Verdicts)
	return totals.Plans
}

// TestARareBugIsFoundSooner: plans that lean towards what was tested rarely find a
// bug of one rare situation in fewer plans than those that do not.
func TestARareBugIsFoundSooner(t *testing.T) {
	t.Parallel() // it mostly waits
	n := seedsOf(t, 3)
	took := map[bool][]int{true: make([]int, n), false: make([]int, n)} // by whether they lean
	var all sync.WaitGroup
	for i := range n {
		for _, leaning := range []bool{true, false} {
			all.Go(func() {
				sideBySide <- struct{}{}
				defer func() { <-sideBySide }()
				took[leaning][i] = plansUntilFound(t, uint64(i)+1, !leaning)
			})
		}
	}
	all.Wait()
	require.False(t, t.Failed())
	sum := func(all []int) (out int) {
		for _, n := range all {
			out += n
		}
		return out
	}
	ratio := float64(sum(took[false])) / float64(sum(took[true]))
	slices.Sort(took[true])
	slices.Sort(took[false])
	t.Logf("%d seeds: %d plans in all with weights (median %d: %d), %d without (median %d: %d): %.1f times fewer",
		n, sum(took[true]), middle(took[true]), took[true], sum(took[false]), middle(took[false]), took[false], ratio)
	if n >= 10 { // a few seeds are chance
		assert.Greater(t, ratio, 1.5)
		assert.Less(t, middle(took[true]), middle(took[false]))
	}
}
