package retain_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/generators"
	"retain/harness"
	"retain/harness/backend"
	"retain/runtime/simulated"
)

// reductionBounds are short: what is stuck on the simulated runtime is stuck.
var reductionBounds = harness.Bounds{Recovery: time.Minute, Completion: time.Second}

// mostExecutions bounds a reduction: a plan whose operations are in flight at a kill
// by chance only may fail so rarely that it takes hundreds.
const mostExecutions = 300

// executing executes single plans on fresh simulated runtimes with a bug, each with
// chances of its own.
func executing(t *testing.T, seed uint64, bug simulated.Bug, rate float64) generators.Strikes {
	dir, n := t.TempDir(), atomic.Uint64{}
	return func(ctx context.Context, p generators.Plan) (bool, error) {
		open, _, err := backend.Choose(ctx, settings(), backend.Options{
			Name: backend.Simulated, Bugs: []simulated.Bug{bug}, Rate: rate, Seed: seed*1_000_000 + n.Add(1),
		})
		if err != nil {
			return false, err
		}
		session, err := harness.Conduct(ctx, harness.Options{
			Open: open, Draw: func(int) generators.Plan { return p }, Plans: 1, Fresh: true, Bounds: reductionBounds, Late: -1, Dir: dir,
		})
		switch {
		case err != nil:
			return false, err
		case session.Counts[harness.Violation] > 0:
			return true, nil
		case session.Counts[harness.Pass] > 0:
			return false, nil
		}
		return false, fmt.Errorf("%s: %s", session.Failures[0].Verdict, session.Failures[0].Sentence)
	}
}

// reduced finds a plan that fails and reduces it.
func reduced(t *testing.T, seed uint64, bug simulated.Bug, rate float64) (generators.Reduction, bool) {
	strikes := executing(t, seed, bug, rate)
	for n := range 300 {
		plan := generators.Draw(seed, n, generators.Options{})
		struck, err := strikes(t.Context(), plan)
		if !assert.NoError(t, err) {
			return generators.Reduction{}, false
		}
		if !struck {
			continue
		}
		r, err := generators.Reduce(t.Context(), plan, generators.ReduceOptions{Strikes: strikes, Executions: mostExecutions})
		return r, assert.NoError(t, err)
	}
	return generators.Reduction{}, assert.Fail(t, "no plan fails")
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
				n := uint64(seeds)
				if testing.Short() {
					n = 3
				}
				results := make([]generators.Reduction, n)
				var all sync.WaitGroup
				for i := range results {
					all.Go(func() {
						sideBySide <- struct{}{}
						defer func() { <-sideBySide }()
						results[i], _ = reduced(t, uint64(i)+1, d.Bug, c.rate)
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
