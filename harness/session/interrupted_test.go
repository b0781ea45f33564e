package session_test

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/generators"
	"retain/harness"
	"retain/harness/internal/sessiontest"
	"retain/harness/session"
	"retain/runtime/simulated"
)

// Plans under way are no harness errors. The interruption comes between plans, in one,
// or during the ledger.
func TestInterruptedSessionCountsFinishedPlans(t *testing.T) {
	for _, c := range []struct {
		name    string
		workers int
		when    func(o *session.Options, end context.CancelFunc)
		plans   int // at least
	}{
		{"after plans", 2, func(o *session.Options, end context.CancelFunc) {
			n := 0
			o.OnRun = func(harness.Run) {
				if n++; n == 3 {
					end()
				}
			}
		}, 3},
		{"in a plan", 1, func(o *session.Options, end context.CancelFunc) {
			drawn := o.Draw
			o.Draw = func(n int) generators.Plan {
				if n == 2 {
					end()
				}
				return drawn(n)
			}
		}, 2},
		{"while objects are read again", 1, func(o *session.Options, end context.CancelFunc) {
			o.Plans = 2
			o.OnPhase = func(p session.Phase) {
				if p == session.Closing {
					end()
				}
			}
		}, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			ctx, end := context.WithCancel(t.Context())
			defer end()
			o := session.Options{
				Plans: 50, Workers: c.workers, Bounds: sessiontest.Quick, Dir: t.TempDir(),
				Draw: func(n int) generators.Plan { return generators.Draw(1, n, generators.Options{}) },
				Open: sessiontest.Open(simulated.Options{}),
			}
			c.when(&o, end)
			result, err := session.Conduct(ctx, o)
			require.NoError(t, err)
			assert.Equal(t, harness.Interrupted, result.Verdict)
			assert.GreaterOrEqual(t, result.Counts[harness.Pass], c.plans)
			assert.Equal(t, map[harness.Verdict]int{harness.Pass: result.Counts[harness.Pass]}, result.Counts)
			assert.Empty(t, result.Failures)
			assert.Zero(t, result.Excludes)
			left, err := filepath.Glob(filepath.Join(o.Dir, "*"))
			require.NoError(t, err)
			for _, dir := range left {
				files, _ := filepath.Glob(filepath.Join(dir, "*", "*"))
				assert.Empty(t, files, "nothing is left of what was given up")
			}
		})
	}
}

// Both come at the same time.
func TestViolationOutranksAnInterruption(t *testing.T) {
	ctx, end := context.WithCancel(t.Context())
	defer end()
	result, err := session.Conduct(ctx, session.Options{
		Plans: 100, Bounds: sessiontest.Quick, Late: -1, Dir: t.TempDir(),
		Draw: func(n int) generators.Plan { return generators.Draw(1, n, generators.Options{}) },
		OnRun: func(r harness.Run) {
			if r.Verdict == harness.Violation {
				end()
			}
		},
		Open: sessiontest.Open(simulated.Options{Bugs: []simulated.Bug{simulated.LostWrite}, Rate: 1}),
	})
	require.NoError(t, err)
	assert.Equal(t, harness.Violation, result.Verdict)
}
