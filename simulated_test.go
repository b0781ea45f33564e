package retain_test

import (
	"testing"

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
