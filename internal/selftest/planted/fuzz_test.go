package planted_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/internal/selftest"
	"retain/internal/selftest/suite"
)

// The fuzzer finds a planted bug within seconds, and nothing without one.
func TestFuzzerFindsPlantedBug(t *testing.T) {
	selftest.Nightly(t, "half a minute")
	t.Parallel() // it mostly waits
	args := []string{"-test.run", "^$", "-test.fuzz", "^FuzzPlan$", "-test.fuzzcachedir", t.TempDir(), "-test.parallel", "1", "-test.fuzzminimizetime", "1x", "-runtime", "simulated"}
	bug := suite.New(t, nil, append(args, "-test.fuzztime", "60s", "-bugs", "swallowed-write", "-bugs.rate", "1")...)
	require.Error(t, bug.Run(), bug.Text())
	assert.Contains(t, bug.Text(), "violation: ")
	assert.Contains(t, bug.Text(), `"steps"`, "the failure shows the plan")

	none := suite.New(t, nil, append(args, "-test.fuzztime", "200x")...)
	require.NoError(t, none.Run(), none.Text())
}
