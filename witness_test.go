package retain_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/checker"
	"retain/harness"
	"retain/runtime/simulated"
)

// TestPlantedBugsHaveWitnesses shows that the history of a run that violated becomes
// one of a few operations, and where only second effects explain it, they still do.
func TestPlantedBugsHaveWitnesses(t *testing.T) {
	t.Parallel() // it mostly waits
	for _, d := range simulated.Bugs() {
		t.Run(string(d.Bug), func(t *testing.T) {
			if d.Bug == simulated.StuckKey {
				t.Skip("an operation that never ends has no history that contradicts itself")
			}
			var sizes []int
			for seed := range uint64(5) {
				session := plannedSession(t, simulatedRuntime(t, seed, d.Bug), seed, 200, 1, reductionBounds)
				require.Equal(t, harness.Violation, session.Verdict)
				failure := session.Failures[0]
				began := time.Now()
				w, err := checker.Witness(failure.Outcome.History, checker.Options{})
				require.NoError(t, err)
				took := time.Since(began)
				broken := checker.Check(w, checker.Options{}).Broken()
				if was := failure.Check.Broken(); was.Class == checker.OneEffect && was.Raw.Verdict == checker.Pass {
					assert.Equal(t, was.Class, broken.Class, "second effects explain the witness, too")
				}
				t.Logf("%d operations of %d, %s: %s; was: %s", len(w.Operations), len(failure.Outcome.History.Operations), took,
					broken.Guarantee, failure.Check.Broken().Guarantee)
				sizes = append(sizes, len(w.Operations))
			}
			assert.LessOrEqual(t, middle(slices.Sorted(slices.Values(sizes))), 6)
		})
	}
}
