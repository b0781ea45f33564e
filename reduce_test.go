package retain_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
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

// freshRuns is in how many fresh executions a reduced plan must fail once.
const freshRuns = 10

// reduced finds a plan that fails and reduces it; one that does not fail afterwards
// ends as not reproduced. Every runtime has chances of its
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
	failed := failure(t, options, rate)
	if failed == nil {
		return generators.Reduction{}
	}
	s, err := harness.Shrink(t.Context(), options, failed, harness.ShrinkOptions{Executions: mostExecutions, Runs: freshRuns})
	if !assert.NoError(t, err) {
		return generators.Reduction{}
	}
	if s.Rate.Strikes == 0 {
		s.Ending = generators.NotReproduced // it is small, and nobody will see it fail
	}
	return s.Reduction
}

// failure is the first run that fails, nil for none. Where the bug always strikes,
// it is the first whose plan fails twice more: a plan may depend on what happens to
// be in flight at a kill, and then strikes now and then all the same.
func failure(t *testing.T, o harness.Options, rate float64) *harness.Run {
	from, draw := 0, o.Draw
	for from < o.Plans {
		o.Draw = func(n int) generators.Plan { return draw(from + n) }
		session, err := harness.Conduct(t.Context(), o)
		if !assert.NoError(t, err) || !assert.Equal(t, harness.Violation, session.Verdict) {
			return nil
		}
		failed := &session.Failures[0]
		if rate < 1 || again(t, o, failed.Plan, 2) {
			return failed
		}
		from += failed.Number + 1
	}
	assert.Fail(t, "no plan fails again")
	return nil
}

// again reports whether a plan fails as often as it is executed, some times more.
func again(t *testing.T, o harness.Options, p generators.Plan, times int) bool {
	o.Draw, o.Plans = func(int) generators.Plan { return p }, 1
	for range times {
		session, err := harness.Conduct(t.Context(), o)
		if !assert.NoError(t, err) || session.Verdict != harness.Violation {
			return false
		}
	}
	return true
}

// TestPlantedBugsAreReduced shows that a plan that fails becomes a few steps, in
// tens of executions, whatever the bug.
func TestPlantedBugsAreReduced(t *testing.T) {
	for _, c := range []struct {
		rate       float64
		executions int
	}{{1, 40}, {0.5, 150}} {
		var mu sync.Mutex
		var every []generators.Reduction
		t.Run(fmt.Sprint("at ", c.rate), func(t *testing.T) {
			for _, d := range simulated.Bugs() {
				t.Run(string(d.Bug), func(t *testing.T) {
					t.Parallel() // they mostly wait
					results := reducedOften(t, d.Bug, c.rate)
					again := slices.DeleteFunc(slices.Clone(results), func(r generators.Reduction) bool { return r.Ending == generators.NotReproduced })
					assert.GreaterOrEqual(t, len(again), len(results)*9/10, "so many failed again, reduced too")
					operations, faults, executions := sizes(results)
					t.Logf("%d operations, %d faults, %d executions (%d to %d)\n%s", middle(operations), middle(faults),
						middle(executions), executions[0], executions[len(executions)-1], generators.Encode(results[0].Best))
					assert.LessOrEqual(t, middle(operations), 4)
					assert.LessOrEqual(t, middle(faults), 1)
					typical := middle(executions)
					if len(results) < enoughForAMedian {
						typical = executions[0]
					}
					assert.LessOrEqual(t, typical, c.executions)
					mu.Lock()
					defer mu.Unlock()
					every = append(every, results...)
				})
			}
		})
		if len(every) == 0 && strings.Contains(flag.Lookup("test.run").Value.String(), "/") {
			continue // -run named none of this rate
		}
		_, _, executions := sizes(every)
		require.NotEmpty(t, executions)
		assert.LessOrEqual(t, middle(executions), c.executions, "of all bugs")
	}
}

// enoughForAMedian is how many seeds a bug's median needs: that of three is chance.
// With fewer it is the best one that counts, and the median of all bugs.
const enoughForAMedian = 10

// reducedOften reduces plans that a bug makes fail, one for each seed.
func reducedOften(t *testing.T, bug simulated.Bug, rate float64) []generators.Reduction {
	results := make([]generators.Reduction, seedsOf(t, 3))
	var all sync.WaitGroup
	for i := range results {
		all.Go(func() {
			sideBySide <- struct{}{}
			defer func() { <-sideBySide }()
			results[i] = reduced(t, uint64(i)+1, bug, rate)
		})
	}
	all.Wait()
	require.False(t, t.Failed())
	return results
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
