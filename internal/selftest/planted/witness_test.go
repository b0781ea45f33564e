package planted_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/checker"
	"retain/harness"
	"retain/internal/selftest/suite"
)

// The witness of a violation can't be made smaller, and the median of enough witnesses
// is a few operations. If only second effects explain the history, they explain the
// witness.
func TestPlantedBugsHaveWitnesses(t *testing.T) {
	for bug, sessions := range searchedFor(t) {
		t.Run(string(bug), func(t *testing.T) {
			var sizes []int
			for _, s := range sessions {
				require.Equal(t, harness.Violation, s.Verdict)
				if failure := s.Failures[0]; failure.Check.Verdict == checker.Violation { // else something did not happen
					sizes = append(sizes, witnessed(t, failure))
				}
			}
			if len(sizes) >= enoughForAMedian {
				assert.LessOrEqual(t, suite.Median(slices.Sorted(slices.Values(sizes))), 6)
			}
		})
	}
}

// witnessed is the number of operations of a failure's witness.
func witnessed(t *testing.T, failure harness.Run) int {
	t.Helper()
	began := time.Now()
	w, err := checker.Witness(failure.Outcome.History, checker.Options{})
	require.NoError(t, err)
	took := time.Since(began)
	was, broken := failure.Check.Broken(), checker.Check(w, checker.Options{}).Broken()
	if was.Class == checker.OneEffect && was.Raw.Verdict == checker.Pass {
		assert.Equal(t, was.Class, broken.Class, "second effects explain the witness, too")
	}
	again, err := checker.Witness(w, checker.Options{})
	require.NoError(t, err)
	assert.Len(t, again.Operations, len(w.Operations), "the witness of a witness is no smaller")
	t.Logf("%d operations of %d, %s: %s; was: %s", len(w.Operations), len(failure.Outcome.History.Operations), took,
		broken.Guarantee, was.Guarantee)
	return len(w.Operations)
}
