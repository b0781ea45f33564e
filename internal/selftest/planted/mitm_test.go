package planted_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"retain/harness"
	"retain/internal/selftest"
	"retain/internal/selftest/suite"
)

// It is the control of [TestIndependentBugsAreFound]: the man in the middle alone raises
// no alarm.
func TestMITMWithoutBugsPasses(t *testing.T) {
	selftest.Long(t, "10 s")
	plans := 400
	if testing.Short() {
		plans = 100
	}
	session := suite.PlannedSession(t, mitmRuntime(1, ""), 1, plans, cap(suite.SideBySide), harness.DefaultBounds)
	require.Equal(t, harness.Pass, session.Verdict, fmt.Sprint(session.Failures))
	require.Equal(t, plans, session.Counts[harness.Pass])
}
