package planted_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"retain/generators"
	"retain/harness"
	"retain/harness/session"
	"retain/internal/selftest"
	"retain/internal/selftest/suite"
	"retain/model"
)

// The property of TestProperties runs through rapid.Check, with rapid's drawing and
// shrinking: a test of the generators and the harness.
func TestEveryPlanPassesOnSimulatedRuntime(t *testing.T) {
	plans := generators.Plans(generators.Options{})
	dir := t.TempDir()
	open, left := suite.Simulated(t, 1), 25*selftest.Seeds(t, 1)
	rapid.Check(t, func(rt *rapid.T) {
		plan := plans.Draw(rt, "plan")
		if left--; left < 0 {
			return // TestPlansPassWithoutBugs executes hundreds side by side
		}
		session, err := session.Conduct(t.Context(), session.Options{
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

// A replay executes the plan several times, on fresh runtimes.
func TestReplayExecutesStoredPlan(t *testing.T) {
	plan := filepath.Join(t.TempDir(), "plan.json")
	require.NoError(t, os.WriteFile(plan, generators.Encode(generators.StartAndStop(model.Kill)), 0o644))
	run := suite.New(t, nil, "-test.run", "Replay$", "-runtime", "simulated", "-rapid.checks", "3", "-plan", plan)
	require.NoError(t, run.Run(), run.Text())
	require.Contains(t, run.Text(), "3 pass")
}
