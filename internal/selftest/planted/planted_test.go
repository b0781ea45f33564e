package planted_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/harness"
	"retain/harness/session"
	"retain/internal/selftest"
	"retain/internal/selftest/suite"
	"retain/runtime"
	"retain/runtime/mitm"
	"retain/runtime/simulated"
)

// fewSeeds is the default number of sessions that must find each planted bug.
const fewSeeds = 3

// everySeed runs a search for a bug with each of n seeds, side by side.
func everySeed(t *testing.T, n int, search func(seed uint64) *session.Result) {
	var all sync.WaitGroup
	for seed := range uint64(n) {
		all.Go(func() {
			suite.SideBySide <- struct{}{}
			defer func() { <-suite.SideBySide }()
			session := search(seed + 1)
			assert.Equal(t, harness.Violation, session.Verdict, "seed %d, %d plans", seed+1, session.Tally.Plans)
		})
	}
	all.Wait()
}

// 100 drawn plans find each planted bug of the simulated runtime, whatever the seed.
func TestPlantedBugsAreFound(t *testing.T) {
	n := selftest.Seeds(t, fewSeeds)
	for _, d := range simulated.Bugs() {
		t.Run(string(d.Bug), func(t *testing.T) {
			everySeed(t, n, func(seed uint64) *session.Result {
				return suite.PlannedSession(t, suite.Simulated(t, seed, d.Bug), seed, 100, 1, reductionBounds)
			})
		})
	}
}

// The bugs of the man in the middle were written without knowledge of how plans are
// drawn or histories judged.
func TestIndependentBugsAreFound(t *testing.T) {
	n := selftest.Seeds(t, fewSeeds)
	for _, d := range mitm.Bugs() {
		t.Run(string(d.Bug), func(t *testing.T) {
			everySeed(t, n, func(seed uint64) *session.Result {
				return suite.PlannedSession(t, mitmRuntime(seed, d.Bug), seed, 100, 1, harness.DefaultBounds)
			})
		})
	}
}

// mitmRuntime opens simulated runtimes behind a man in the middle.
func mitmRuntime(seed uint64, bug mitm.Bug) harness.Open {
	var opened atomic.Uint64
	return func(_ context.Context, s runtime.Settings) (*harness.System, error) {
		n := opened.Add(1)
		nonce := fmt.Sprint("nonce-", seed, "-", n)
		inner := simulated.New(simulated.Options{Settings: s, Nonce: nonce, Seed: seed + n})
		outer := mitm.New(inner, mitm.Options{Bugs: []mitm.Bug{bug}, Seed: seed*1000 + n})
		return &harness.System{Runtime: outer, Control: inner, Nonce: nonce, Contract: simulated.Contract()}, nil
	}
}

// Hundreds of plans raise no alarm, and prove that they tested something.
func TestPlansPassWithoutBugs(t *testing.T) {
	plans := 100 * selftest.Seeds(t, fewSeeds)
	session := suite.PlannedSession(t, suite.Simulated(t, 1), 1, plans, cap(suite.SideBySide), harness.DefaultBounds)
	require.Equal(t, harness.Pass, session.Verdict, fmt.Sprint(session.Failures))
	require.Equal(t, plans, session.Counts[harness.Pass])
	require.GreaterOrEqual(t, session.Tally.Swapped*100, session.Tally.Swaps*30, "fewer than 30 %% of the compare-and-sets set")
}
