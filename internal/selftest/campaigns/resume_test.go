package campaigns_test

import (
	"regexp"
	"strings"
	"syscall"
	"testing"

	"retain/internal/cli"
	"retain/internal/selftest"
	"retain/internal/selftest/suite"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A resumed campaign has the recorded flags. Flags that contradict the record are
// refused.
func TestResumedCampaignKeepsItsFlags(t *testing.T) {
	selftest.Long(t, "10 s")
	t.Parallel()
	begun := []string{"-runtime", "simulated", "-config", "plain-4", "-unresolved", "-load", "0", "-service.faults", "0.5", "-rapid.steps", "10", "-recovery.max", "50s"}
	c := suite.Campaign(t, nil, append(begun, "-duration", "3s", "-rapid.seed", "8", "-workers", "1")...)
	_ = c.Run() // it proves too little to be green
	goesOn := regexp.MustCompile(`(?m)^go on      go test -run Campaign (.*)$`).FindStringSubmatch(c.Text())
	require.NotNil(t, goesOn, c.Text())

	again := suite.Command(t, c.Dir, nil, c.Path, append([]string{"-test.run", "^TestCampaign$"}, strings.Fields(strings.Replace(goesOn[1], "-timeout", "-test.timeout", 1))...)...)
	_ = again.Run()
	all := suite.Recorded(c)
	require.Len(t, all.Segments, 2, again.Text())
	first, second := all.Segments[0].Start, all.Segments[1].Start
	assert.Equal(t, "simulated", second.Runtime)
	assert.Equal(t, "plain-4", second.Server)
	assert.True(t, second.Unresolved)
	assert.Zero(t, second.Loads)
	assert.Equal(t, 0.5, second.ServiceFaults)
	assert.Equal(t, 1, second.Workers)
	assert.ElementsMatch(t, first.Flags, second.Flags)
	assert.Equal(t, first.RapidSteps, second.RapidSteps)
	assert.Equal(t, 2*first.Duration, second.Duration, "its time was over")
	require.NotEmpty(t, all.Segments[1].Plans, again.Text())

	for _, other := range [][]string{
		{"-runtime", "process"}, {"-config", "plain-24"}, {"-unresolved=false"}, {"-load", "8"}, {"-service.faults", "0.1"}, {"-recovery.max", "40s"}, {"-bugs", "lost-write"},
		{"-restate.env", "A=B"}, {"-restate.version", "1.6.2"}, {"-rapid.steps", "20"}, {"-rapid.seed", "9"},
	} {
		no := suite.Command(t, c.Dir, nil, c.Path, append([]string{"-test.run", "^TestCampaign$", "-resume", "c", "-duration", "20s"}, other...)...)
		require.Error(t, no.Run(), other)
		named := strings.TrimPrefix(strings.SplitN(other[0], "=", 2)[0], "-rapid.")
		assert.Contains(t, no.Text(), named, "%v: it says which", other)
		if other[0] == "-bugs" {
			assert.Contains(t, no.Text(), "it has no -bugs, this command line -bugs=lost-write", "an empty -bugs is refused")
		}
	}
	assert.Len(t, suite.Recorded(c).Segments, 2, "none of them began")
}

// SIGTERM, with which a container is stopped, is no failure of the campaign.
func TestTerminatedCampaignExitsWithRunAgain(t *testing.T) {
	t.Parallel()
	c := suite.Campaign(t, nil, "-runtime", "simulated", "-duration", "1h", "-test.timeout", "0")
	require.NoError(t, c.Start())
	suite.AwaitPlans(t, c, 1)
	require.NoError(t, c.Process.Signal(syscall.SIGTERM))
	require.Error(t, c.Wait())
	assert.Equal(t, cli.RunAgain, c.ProcessState.ExitCode(), c.Text())
	assert.Contains(t, c.Text(), "go on with it")
	assert.NotNil(t, suite.Recorded(c).Segments[0].End, "it has ended by itself")
}
