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
const fewSeeds = 2

// everySeed runs a search for each of some bugs with each of n seeds, side by side. What it gives
// are the sessions of each bug.
func everySeed[Bug comparable](bugs []Bug, n int, search func(bug Bug, seed uint64) *session.Result) map[Bug][]*session.Result {
	out := map[Bug][]*session.Result{}
	var all sync.WaitGroup
	for _, bug := range bugs {
		sessions := make([]*session.Result, n)
		out[bug] = sessions
		for i := range sessions {
			all.Go(func() {
				suite.SideBySide <- struct{}{}
				defer func() { <-suite.SideBySide }()
				sessions[i] = search(bug, uint64(i)+1)
			})
		}
	}
	all.Wait()
	return out
}

// assertFound asserts that each session found its bug.
func assertFound(t *testing.T, sessions []*session.Result) {
	for i, s := range sessions {
		assert.Equal(t, harness.Violation, s.Verdict, "seed %d, %d plans", i+1, s.Tally.Plans)
	}
}

// searched are the sessions of each planted bug of the simulated runtime, which two tests look at.
var searched struct {
	once sync.Once
	of   map[simulated.Bug][]*session.Result
}

// searchedFor executes the sessions of [searched], once.
func searchedFor(t *testing.T) map[simulated.Bug][]*session.Result {
	searched.once.Do(func() {
		var bugs []simulated.Bug
		for _, d := range simulated.Bugs() {
			bugs = append(bugs, d.Bug)
		}
		searched.of = everySeed(bugs, selftest.Seeds(t, fewSeeds), func(bug simulated.Bug, seed uint64) *session.Result {
			return suite.PlannedSession(t, suite.Simulated(t, seed, bug), seed, 100, 1, reductionBounds)
		})
	})
	return searched.of
}

// 100 drawn plans find each planted bug of the simulated runtime, whatever the seed.
func TestPlantedBugsAreFound(t *testing.T) {
	for bug, sessions := range searchedFor(t) {
		t.Run(string(bug), func(t *testing.T) { assertFound(t, sessions) })
	}
}

// The bugs of the man in the middle were written without knowledge of how plans are
// drawn or histories judged.
func TestIndependentBugsAreFound(t *testing.T) {
	var bugs []mitm.Bug
	for _, d := range mitm.Bugs() {
		bugs = append(bugs, d.Bug)
	}
	for bug, sessions := range everySeed(bugs, selftest.Seeds(t, fewSeeds), func(bug mitm.Bug, seed uint64) *session.Result {
		return suite.PlannedSession(t, mitmRuntime(seed, bug), seed, 100, 1, harness.DefaultBounds)
	}) {
		t.Run(string(bug), func(t *testing.T) { assertFound(t, sessions) })
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
