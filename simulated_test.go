package retain_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"retain/generators"
	"retain/harness"
)

// TestEveryPlanPassesOnTheSimulatedRuntime is the main job's property through
// rapid.Check, with rapid's own drawing and shrinking: a test of the generators
// and of the harness.
func TestEveryPlanPassesOnTheSimulatedRuntime(t *testing.T) {
	plans := generators.Plans(generators.Options{})
	dir := t.TempDir()
	open := simulatedRuntime(t, 1)
	rapid.Check(t, func(rt *rapid.T) {
		plan := plans.Draw(rt, "plan")
		session, err := harness.Conduct(t.Context(), harness.Options{
			Open: open, Plans: 1, Bounds: harness.DefaultBounds, Dir: dir,
			Draw: func(int) generators.Plan { return plan },
		})
		if err != nil {
			rt.Fatal(err)
		}
		if session.Verdict != harness.Pass {
			rt.Fatalf("%s: %s", session.Verdict, session.Failures[0].Sentence)
		}
	})
}

// TestAStoredPlanIsExecuted as a user would, and a session of several on
// fresh runtimes.
func TestAStoredPlanIsExecuted(t *testing.T) {
	plan := filepath.Join(t.TempDir(), "plan.json")
	require.NoError(t, os.WriteFile(plan, generators.Encode(generators.StartAndStop(generators.Kill)), 0o644))
	run := newChild(t, nil, "-test.run", "Replay$", "-runtime", "simulated", "-rapid.checks", "3", "-plan", plan)
	require.NoError(t, run.Run(), run.text())
	require.Contains(t, run.text(), "3 pass")
}
