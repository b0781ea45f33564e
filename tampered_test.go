package retain_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"retain/harness"
)

// TestAManInTheMiddleAloneIsNoAlarm is the control of [TestBugsOfOthersAreFound]:
// what is found there are the bugs, not the man in the middle.
func TestAManInTheMiddleAloneIsNoAlarm(t *testing.T) {
	plans := 400
	if testing.Short() {
		plans = 100
	}
	session := plannedSession(t, tamperedRuntime(1, ""), 1, plans, cap(sideBySide), harness.DefaultBounds)
	require.Equal(t, harness.Pass, session.Verdict, fmt.Sprint(session.Failures))
	require.Equal(t, plans, session.Counts[harness.Pass])
}
