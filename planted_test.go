package retain_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/generators"
	"retain/harness"
	"retain/harness/backend"
	"retain/runtime"
	"retain/runtime/simulated"
	"retain/runtime/tampered"
)

// seeds is how many sessions each planted bug must be found in.
const seeds = 20

// sideBySide bounds the simulated sessions at once: they mostly wait.
var sideBySide = make(chan struct{}, 8)

// plannedSession conducts a session of generated plans, away from testdata/.
func plannedSession(t *testing.T, open harness.Open, seed uint64, plans, workers int, bounds harness.Bounds) *harness.Session {
	session, err := harness.Conduct(t.Context(), harness.Options{
		Open: open, Draw: func(n int) generators.Plan { return generators.Draw(seed, n, generators.Options{}) },
		Plans: plans, Workers: workers, Bounds: bounds, Dir: t.TempDir(), Late: -1,
	})
	require.NoError(t, err)
	return session
}

// simulatedRuntime opens simulated runtimes with these bugs.
func simulatedRuntime(t *testing.T, seed uint64, bugs ...simulated.Bug) harness.Open {
	open, _, err := backend.Choose(context.WithoutCancel(t.Context()), settings(),
		backend.Options{Name: backend.Simulated, Bugs: bugs, Rate: simulated.DefaultRate, Seed: seed})
	require.NoError(t, err)
	return open
}

// everySeed runs a search for a bug with every seed, side by side.
func everySeed(t *testing.T, search func(seed uint64) *harness.Session) {
	n := uint64(seeds)
	if testing.Short() {
		n = 3
	}
	var all sync.WaitGroup
	for seed := range n {
		all.Go(func() {
			sideBySide <- struct{}{}
			defer func() { <-sideBySide }()
			session := search(seed + 1)
			assert.Equal(t, harness.Violation, session.Verdict, "seed %d, %d plans", seed+1, session.Tally.Plans)
		})
	}
	all.Wait()
}

// TestPlantedBugsAreFound shows that the suite finds each bug that the simulated
// runtime can have, in 100 generated plans, whatever the seed.
func TestPlantedBugsAreFound(t *testing.T) {
	for _, d := range simulated.Bugs() {
		t.Run(string(d.Bug), func(t *testing.T) {
			bounds := harness.Bounds{Recovery: time.Minute, Completion: 2 * time.Second}
			everySeed(t, func(seed uint64) *harness.Session {
				return plannedSession(t, simulatedRuntime(t, seed, d.Bug), seed, 100, 1, bounds)
			})
		})
	}
}

// TestBugsOfOthersAreFound is the same for bugs that were written by somebody who
// had not seen how plans are drawn or histories judged.
func TestBugsOfOthersAreFound(t *testing.T) {
	for _, d := range tampered.Bugs() {
		t.Run(string(d.Bug), func(t *testing.T) {
			everySeed(t, func(seed uint64) *harness.Session {
				return plannedSession(t, tamperedRuntime(seed, d.Bug), seed, 100, 1, harness.DefaultBounds)
			})
		})
	}
}

// tamperedRuntime opens simulated runtimes behind a man in the middle.
func tamperedRuntime(seed uint64, bug tampered.Bug) harness.Open {
	var opened atomic.Uint64
	return func(_ context.Context, s runtime.Settings) (*harness.System, error) {
		n := opened.Add(1)
		nonce := fmt.Sprint("nonce-", seed, "-", n)
		inner := simulated.New(simulated.Options{Settings: s, Nonce: nonce, Seed: seed + n})
		outer := tampered.New(inner, tampered.Options{Bugs: []tampered.Bug{bug}, Seed: seed*1000 + n})
		return &harness.System{Runtime: outer, Control: inner, Nonce: nonce, Shared: simulated.Shared()}, nil
	}
}

// TestWithoutBugsEverythingPasses is the other half: 2,000 plans, no alarm, and
// proof that they tested something.
func TestWithoutBugsEverythingPasses(t *testing.T) {
	plans := 2000
	if testing.Short() {
		plans = 200
	}
	session := plannedSession(t, simulatedRuntime(t, 1), 1, plans, cap(sideBySide), harness.DefaultBounds)
	require.Equal(t, harness.Pass, session.Verdict, fmt.Sprint(session.Failures))
	require.Equal(t, plans, session.Counts[harness.Pass])
	require.GreaterOrEqual(t, session.Tally.Swapped*100, session.Tally.Swaps*30, "fewer than 30 %% of the compare-and-sets set")
}
