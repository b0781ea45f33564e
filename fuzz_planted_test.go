package retain_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestTheFuzzerFindsAPlantedBug in a few seconds, and finds none where there is none.
func TestTheFuzzerFindsAPlantedBug(t *testing.T) {
	t.Parallel() // it mostly waits
	args := []string{"-test.run", "^$", "-test.fuzz", "^FuzzPlan$", "-test.fuzzcachedir", t.TempDir(), "-test.parallel", "1", "-test.fuzzminimizetime", "1x", "-runtime", "simulated"}
	bug := newChild(t, nil, append(args, "-test.fuzztime", "60s", "-bugs", "swallowed-write", "-bugs.rate", "1")...)
	require.Error(t, bug.Run(), bug.text())
	assert.Contains(t, bug.text(), "violation: ")
	assert.Contains(t, bug.text(), `"steps"`, "the plan is told")

	none := newChild(t, nil, append(args, "-test.fuzztime", "200x")...)
	require.NoError(t, none.Run(), none.text())
}
