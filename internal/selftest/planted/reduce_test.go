package planted_test

import (
	"context"
	"flag"
	"fmt"
	"slices"
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
	"retain/harness/regress"
	"retain/harness/session"
	"retain/internal/selftest"
	"retain/internal/selftest/suite"
	"retain/runtime"
	"retain/runtime/simulated"
)

// reductionBounds are short: a stuck operation of the simulated runtime stays stuck.
var reductionBounds = harness.Bounds{Recovery: time.Minute, Completion: time.Second}

// mostExecutions bounds a reduction. A plan that fails only if an operation happens to
// be in flight at a kill may take hundreds.
const mostExecutions = 300

// freshRuns is in how many fresh executions a reduced plan must fail once.
const freshRuns = 10

// reduced finds a failing plan and reduces it. A reduced plan that never fails again
// counts as not reproduced. Each runtime has a seed of its own.
func reduced(t *testing.T, seed uint64, bug simulated.Bug, rate float64) generators.Reduction {
	opened := atomic.Uint64{}
	options := session.Options{
		Open: func(ctx context.Context, s runtime.Settings) (*harness.System, error) {
			open, _, err := backend.Choose(ctx, runtime.Settings{Version: runtime.DefaultVersion}, backend.Options{
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
	s, err := regress.Shrink(t.Context(), options, failed, regress.ShrinkOptions{Executions: mostExecutions, Runs: freshRuns})
	if !assert.NoError(t, err) {
		return generators.Reduction{}
	}
	if s.Rate.Failures == 0 {
		s.Ending = generators.NotReproduced // it is small, and nobody will see it fail
	}
	return s.Reduction
}

// failure is the first run that fails, nil for none. If the bug always strikes, the plan
// must fail twice more: a failure may depend on what happened to be in flight at a kill.
func failure(t *testing.T, o session.Options, rate float64) *harness.Run {
	from, draw := 0, o.Draw
	for from < o.Plans {
		o.Draw = func(n int) generators.Plan { return draw(from + n) }
		session, err := session.Conduct(t.Context(), o)
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

// again reports whether a plan fails in each of some more executions.
func again(t *testing.T, o session.Options, p generators.Plan, times int) bool {
	o.Draw, o.Plans = func(int) generators.Plan { return p }, 1
	for range times {
		session, err := session.Conduct(t.Context(), o)
		if !assert.NoError(t, err) || session.Verdict != harness.Violation {
			return false
		}
	}
	return true
}

// A failing plan becomes a few steps in tens of executions, whatever the bug.
func TestPlantedBugsAreReduced(t *testing.T) {
	n := selftest.Seeds(t, 3)
	for _, c := range []struct {
		rate       float64
		executions int
	}{{1, 40}, {0.5, 150}} {
		var mu sync.Mutex
		var every []generators.Reduction
		t.Run(fmt.Sprint("at ", c.rate), func(t *testing.T) {
			if c.rate < 1 {
				selftest.Nightly(t, "20 s")
			}
			var bugs sync.WaitGroup // not t.Parallel, which has room for one a core: they mostly wait
			for _, d := range simulated.Bugs() {
				bugs.Go(func() {
					t.Run(string(d.Bug), func(t *testing.T) {
						switch d.Bug {
						case simulated.StuckKey, simulated.StuckRetry:
							selftest.Nightly(t, "35 s: each execution waits for the bound")
						case simulated.DroppedSend, simulated.EarlyTimer, simulated.NewestFirst:
							selftest.Nightly(t, "60 s: executions wait for what is delayed, or has a queue")
						case simulated.LostCompletion, simulated.LastCompletionWins, simulated.EarlyCompletionLost, simulated.EndedReturns:
							selftest.Nightly(t, "60 s: executions wait for what awaits")
						}
						results := reducedOften(t, n, d.Bug, c.rate)
						assertSmallOfBug(t, results, c.executions)
						mu.Lock()
						defer mu.Unlock()
						every = append(every, results...)
					})
				})
			}
			bugs.Wait()
			if len(every) == 0 && strings.Contains(flag.Lookup("test.run").Value.String(), "/") {
				return // -run named none of this rate
			}
			require.NotEmpty(t, every)
			if len(every) >= enoughForAMedian {
				assertSmall(t, every, c.executions)
			}
		})
	}
}

// assertSmall asserts that reductions came to a few steps, in so many executions, and
// fail again.
func assertSmall(t *testing.T, results []generators.Reduction, most int) {
	t.Helper()
	again := slices.DeleteFunc(slices.Clone(results), func(r generators.Reduction) bool { return r.Ending == generators.NotReproduced })
	assert.GreaterOrEqual(t, len(again), len(results)*9/10, "so many failed again, reduced too")
	operations, faults, executions := suite.Sizes(results)
	assert.LessOrEqual(t, suite.Median(operations), 4)
	assert.LessOrEqual(t, suite.Median(faults), 1)
	assert.LessOrEqual(t, suite.Median(executions), most)
}

// assertSmallOfBug asserts that of the reductions of one bug, or that the best one is
// small if there are only a few.
func assertSmallOfBug(t *testing.T, results []generators.Reduction, most int) {
	t.Helper()
	operations, faults, executions := suite.Sizes(results)
	t.Logf("%d operations, %d faults, %d executions (%d to %d)\n%s", suite.Median(operations), suite.Median(faults),
		suite.Median(executions), executions[0], executions[len(executions)-1], generators.Encode(results[0].Best))
	if len(results) >= enoughForAMedian {
		assertSmall(t, results, most)
		return
	}
	assert.LessOrEqual(t, operations[0], 4)
	assert.LessOrEqual(t, faults[0], 1)
}

// enoughForAMedian is how many seeds a bug's median needs: that of three is chance.
// With fewer it is the best one that counts, and the medians of all bugs.
const enoughForAMedian = 10

// reducedOften reduces a failing plan for each of n seeds.
func reducedOften(t *testing.T, n int, bug simulated.Bug, rate float64) []generators.Reduction {
	results := make([]generators.Reduction, n)
	var all sync.WaitGroup
	for i := range results {
		all.Go(func() {
			suite.SideBySide <- struct{}{}
			defer func() { <-suite.SideBySide }()
			results[i] = reduced(t, uint64(i)+1, bug, rate)
		})
	}
	all.Wait()
	require.False(t, t.Failed())
	return results
}
