package retain_test

import (
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestASittingGoesOnAsItBegan: what goes on is the same test, whatever the command
// line leaves out, and no command line makes another one of it.
func TestASittingGoesOnAsItBegan(t *testing.T) {
	begun := []string{"-runtime", "simulated", "-config", "plain-4", "-unresolved", "-rapid.steps", "10", "-recovery.max", "50s"}
	c := hours(t, nil, append(begun, "-duration", "3s", "-rapid.seed", "8", "-workers", "1")...)
	_ = c.Run() // it proves too little to be green
	goesOn := regexp.MustCompile(`(?m)^go on      go test -run Campaign (.*)$`).FindStringSubmatch(c.text())
	require.NotNil(t, goesOn, c.text())

	again := newCommand(t, c.dir, nil, c.Path, append([]string{"-test.run", "^TestCampaign$"}, strings.Fields(strings.Replace(goesOn[1], "-timeout", "-test.timeout", 1))...)...)
	_ = again.Run()
	all := recorded(c)
	require.Len(t, all.Sittings, 2, again.text())
	first, second := all.Sittings[0].Begun, all.Sittings[1].Begun
	assert.Equal(t, "simulated", second.Runtime)
	assert.Equal(t, "plain-4", second.Server)
	assert.True(t, second.Unresolved)
	assert.Equal(t, 1, second.Workers)
	assert.ElementsMatch(t, first.Flags, second.Flags)
	assert.Equal(t, first.RapidSteps, second.RapidSteps)
	assert.Equal(t, 2*first.Duration, second.Duration, "its time was over")
	require.NotEmpty(t, all.Sittings[1].Plans, again.text())

	for _, other := range [][]string{
		{"-runtime", "process"}, {"-config", "plain-24"}, {"-unresolved=false"}, {"-recovery.max", "40s"}, {"-bugs", "lost-write"},
		{"-restate.env", "A=B"}, {"-restate.version", "1.6.2"}, {"-rapid.steps", "20"}, {"-rapid.seed", "9"},
	} {
		no := newCommand(t, c.dir, nil, c.Path, append([]string{"-test.run", "^TestCampaign$", "-resume", "c", "-duration", "20s"}, other...)...)
		require.Error(t, no.Run(), other)
		named := strings.TrimPrefix(strings.SplitN(other[0], "=", 2)[0], "-rapid.")
		assert.Contains(t, no.text(), named, "%v: it says which", other)
	}
	assert.Len(t, recorded(c).Sittings, 2, "none of them began")
}

// TestASittingThatIsToldToEndSaysThatItDidNot: the signal of a container that is to
// end is no red campaign.
func TestASittingThatIsToldToEndSaysThatItDidNot(t *testing.T) {
	c := hours(t, nil, "-runtime", "simulated", "-duration", "1h", "-test.timeout", "0")
	require.NoError(t, c.Start())
	awaitPlans(t, c, 1)
	require.NoError(t, c.Process.Signal(syscall.SIGTERM))
	require.Error(t, c.Wait())
	assert.Equal(t, runAgain, c.ProcessState.ExitCode(), c.text())
	assert.Contains(t, c.text(), "go on with it")
	assert.NotNil(t, recorded(c).Sittings[0].Ended, "it has ended by itself")
}
