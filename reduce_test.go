package retain_test

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
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
)

// reductionBounds are short: what is stuck on the simulated runtime is stuck.
var reductionBounds = harness.Bounds{Recovery: time.Minute, Completion: time.Second}

// mostExecutions bounds a reduction: a plan whose operations are in flight at a kill
// by chance only may fail so rarely that it takes hundreds.
const mostExecutions = 300

// seedsOf is with how many seeds a test repeats what depends on chance: a few,
// unless the environment says how many.
func seedsOf(t *testing.T, few int) int {
	text, given := os.LookupEnv("RETAIN_SEEDS")
	if !given {
		return few
	}
	n, err := strconv.Atoi(text)
	require.NoError(t, err, "RETAIN_SEEDS")
	return n
}

// long skips a test that takes minutes, unless the environment asks for it.
func long(t *testing.T) {
	if _, given := os.LookupEnv("RETAIN_SEEDS"); !given {
		t.Skip("a minute or more: ask for it with RETAIN_SEEDS=20")
	}
}

// reduced finds a plan that fails and reduces it. Every runtime has chances of its
// own.
func reduced(t *testing.T, seed uint64, bug simulated.Bug, rate float64) generators.Reduction {
	opened := atomic.Uint64{}
	options := harness.Options{
		Open: func(ctx context.Context, s runtime.Settings) (*harness.System, error) {
			open, _, err := backend.Choose(ctx, settings(), backend.Options{
				Name: backend.Simulated, Bugs: []simulated.Bug{bug}, Rate: rate, Seed: seed*1_000_000 + opened.Add(1),
			})
			if err != nil {
				return nil, err
			}
			return open(ctx, s)
		},
		Draw:  func(n int) generators.Plan { return generators.Draw(seed, n, generators.Options{}) },
		Plans: 300, Fresh: true, Bounds: reductionBounds, Late: -1, Dir: t.TempDir(),
	}
	session, err := harness.Conduct(t.Context(), options)
	if !assert.NoError(t, err) || !assert.Equal(t, harness.Violation, session.Verdict) {
		return generators.Reduction{}
	}
	s, err := harness.Shrink(t.Context(), options, &session.Failures[0], harness.ShrinkOptions{Executions: mostExecutions})
	if !assert.NoError(t, err) {
		return generators.Reduction{}
	}
	return s.Reduction
}

// TestPlantedBugsAreReduced shows that a plan that fails becomes a few steps, in
// tens of executions, whatever the bug.
func TestPlantedBugsAreReduced(t *testing.T) {
	for _, c := range []struct {
		rate       float64
		executions int
	}{{1, 40}, {0.5, 150}} {
		for _, d := range simulated.Bugs() {
			t.Run(fmt.Sprintf("%s at %g", d.Bug, c.rate), func(t *testing.T) {
				t.Parallel() // they mostly wait
				n := seedsOf(t, 3)
				results := make([]generators.Reduction, n)
				var all sync.WaitGroup
				for i := range results {
					all.Go(func() {
						sideBySide <- struct{}{}
						defer func() { <-sideBySide }()
						results[i] = reduced(t, uint64(i)+1, d.Bug, c.rate)
					})
				}
				all.Wait()
				require.False(t, t.Failed())
				again := slices.DeleteFunc(slices.Clone(results), func(r generators.Reduction) bool { return r.Ending == generators.NotReproduced })
				assert.GreaterOrEqual(t, len(again), len(results)*9/10, "so many failed again at all")
				operations, faults, executions := sizes(results)
				t.Logf("%d operations, %d faults, %d executions (%d to %d)\n%s", middle(operations), middle(faults),
					middle(executions), executions[0], executions[n-1], generators.Encode(results[0].Best))
				assert.LessOrEqual(t, middle(operations), 4)
				assert.LessOrEqual(t, middle(faults), 1)
				assert.LessOrEqual(t, middle(executions), c.executions)
			})
		}
	}
}

// sizes are the operations, faults and executions of reductions, each sorted. What
// starts the runtime again is no fault.
func sizes(all []generators.Reduction) (operations, faults, executions []int) {
	for _, r := range all {
		o, f := 0, 0
		for _, s := range r.Best.Steps {
			fault, is := s.(generators.Inject)
			switch {
			case !is:
				o++
			case fault.Fault != generators.Start && fault.Fault != generators.Resume:
				f++
			}
		}
		operations, faults, executions = append(operations, o), append(faults, f), append(executions, r.Executions)
	}
	slices.Sort(operations)
	slices.Sort(faults)
	slices.Sort(executions)
	return operations, faults, executions
}

func middle(sorted []int) int { return sorted[len(sorted)/2] }
