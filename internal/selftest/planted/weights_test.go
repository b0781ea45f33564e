package planted_test

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
	"retain/harness/regress"
	"retain/harness/session"
	"retain/internal/selftest"
	"retain/internal/selftest/suite"
	"retain/model"
	"retain/runtime"
	"retain/runtime/simulated"
)

// rareBug opens simulated runtimes that lose a list's clear if a kill hits between its
// effect and its answer. About one plan in two hundred gets there.
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
		return &harness.System{Runtime: r, Control: r, Nonce: "rare", Contract: simulated.Contract()}, nil
	}
}

// The same steps pass with another fault, or with the fault at another moment. There is
// no closing kill: it could meet the attempt that the start retries.
func TestRareBugStrikesOnlyInItsSituation(t *testing.T) {
	list := model.Object{Kind: model.List}
	for _, c := range []struct {
		fault generators.Inject
		op    model.Operation
		found bool
	}{
		{generators.Inject{Fault: model.Kill, When: generators.AtGate{Step: 2, After: true}}, model.ListClear{}, true},
		{generators.Inject{Fault: model.Kill, When: generators.AtGate{Step: 2}}, model.ListClear{}, false},
		{generators.Inject{Fault: model.Kill, When: generators.InPlace{}}, model.ListClear{}, false},
		{generators.Inject{Fault: model.Stop, When: generators.AtGate{Step: 2, After: true}, HoldThroughStop: true}, model.ListClear{}, false},
		{generators.Inject{Fault: model.Kill, When: generators.AtGate{Step: 2, After: true}}, model.ListAppend{Value: "v2"}, false},
	} {
		c.fault.ID = 3
		plan := generators.Plan{Config: generators.Config{Partitions: 1, NoClosingKill: true}, Steps: []generators.Step{
			generators.Operate{ID: 1, Object: list, Op: model.ListAppend{Value: "v1"}},
			generators.Operate{ID: 2, Object: list, Op: c.op},
			c.fault, generators.Inject{ID: 4, Fault: model.Start, When: generators.InPlace{}},
		}}
		session, err := session.Conduct(t.Context(), session.Options{
			Open: rareBug(1), Draw: func(int) generators.Plan { return plan }, Plans: 1, Bounds: harness.DefaultBounds, Dir: t.TempDir(), Late: -1,
		})
		require.NoError(t, err)
		assert.Equal(t, c.found, session.Counts[harness.Violation] > 0, "%s", generators.Encode(plan))
	}
}

// plansUntilFound is the number of a campaign's plans until its first violation.
func plansUntilFound(t *testing.T, seed uint64, unweighted bool) int {
	ctx, found := context.WithCancel(t.Context())
	defer found()
	c, err := campaign.Conduct(ctx, campaign.Options{
		Session:   session.Options{Open: rareBug(seed), Bounds: harness.DefaultBounds, Late: -1},
		Start:     campaign.Start{Seed: seed, Duration: 10 * time.Minute, Workers: 1, Unweighted: unweighted},
		Dir:       t.TempDir(),
		OnFinding: func(harness.Run, *regress.Shrunk, []string) { found() },
	})
	if !assert.NoError(t, err) {
		return 0
	}
	totals := c.Totals()
	assert.Equal(t, 1, totals.Verdicts[harness.Violation], "seed %d: %v", seed, totals.Verdicts)
	return totals.Plans
}

// Plans that are weighted towards rarely tested situations find a bug of one rare
// situation in fewer plans.
func TestWeightedPlansFindRareBugSooner(t *testing.T) {
	selftest.Nightly(t, "40 s")
	t.Parallel() // it mostly waits
	n := selftest.Seeds(t, 3)
	took := map[bool][]int{true: make([]int, n), false: make([]int, n)} // by whether they lean
	var all sync.WaitGroup
	for i := range n {
		for _, leaning := range []bool{true, false} {
			all.Go(func() {
				suite.SideBySide <- struct{}{}
				defer func() { <-suite.SideBySide }()
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
		n, sum(took[true]), suite.Median(took[true]), took[true], sum(took[false]), suite.Median(took[false]), took[false], ratio)
	if n >= 10 { // a few seeds are chance
		assert.Greater(t, ratio, 1.5)
		assert.Less(t, suite.Median(took[true]), suite.Median(took[false]))
	}
}
