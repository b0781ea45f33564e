package campaigns_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/harness"
	"retain/internal/cli"
	"retain/internal/selftest"
	"retain/internal/selftest/suite"
	"retain/model"
	"retain/report"
)

// upgrade makes a child that leads servers along versions, in its directory "c".
func upgrade(t *testing.T, args ...string) *suite.Child {
	return suite.New(t, nil, append([]string{"-test.run", "^TestUpgrade$", "-test.timeout", "0", "-dir", "c"}, args...)...)
}

// certificate is the one that a child wrote.
func certificate(t *testing.T, c *suite.Child) (out report.Certificate) {
	text, err := os.ReadFile(filepath.Join(c.Dir, "c", report.CertificateFile))
	require.NoError(t, err, c.Text())
	require.NoError(t, json.Unmarshal(text, &out))
	return out
}

func TestInterruptedUpgradeWritesItsCertificateAndGoesOn(t *testing.T) {
	t.Parallel()
	c := upgrade(t, "-runtime", "simulated", "-restate.versions", "1.7.12,1.6.2", "-duration", "1h")
	interrupt := func(c *suite.Child, segment int) {
		require.NoError(t, c.Start())
		require.Eventually(t, func() bool {
			all := suite.Recorded(c)
			return all != nil && len(all.Segments) == segment && len(all.Segments[segment-1].Pending) > 0
		}, 2*time.Minute, 20*time.Millisecond, "no plan began")
		require.NoError(t, c.Process.Signal(syscall.SIGTERM))
		require.Error(t, c.Wait())
		assert.Equal(t, cli.RunAgain, c.ProcessState.ExitCode(), c.Text())
	}
	interrupt(c, 1)
	first := certificate(t, c)
	assert.Equal(t, harness.Interrupted, first.Verdict)
	assert.Contains(t, first.Answer[0], "not answered yet")
	assert.Equal(t, "go test -run Upgrade -timeout 0 -resume c", first.GoOn)
	assert.Contains(t, c.Text(), "go on      "+first.GoOn)
	page, err := os.ReadFile(filepath.Join(c.Dir, "c", "report.html"))
	require.NoError(t, err)
	assert.Contains(t, string(page), "not answered yet")

	again := func(test string, args ...string) *suite.Child {
		return suite.Command(t, c.Dir, nil, c.Path, append([]string{"-test.run", test, "-test.timeout", "0", "-resume", "c"}, args...)...)
	}
	for _, refused := range []*suite.Child{again("^TestUpgrade$", "-restate.versions", "1.6.2,1.7.2"), again("^TestUpgrade$", "-runtime", "process"), again("^TestCampaign$")} {
		require.Error(t, refused.Run())
		assert.Equal(t, cli.BadCommandLine, refused.ProcessState.ExitCode(), refused.Text())
	}
	second := again("^TestUpgrade$")
	interrupt(second, 2)
	all := suite.Recorded(c)
	require.Len(t, all.Segments, 2)
	assert.Equal(t, all.Segments[0].Upgrade, all.Segments[1].Upgrade)
	assert.Equal(t, all.Segments[0].Seed, all.Segments[1].Seed)
	assert.Equal(t, all.Segments[0].Duration, all.Segments[1].Duration)
}

// What the page says to who signs is what happened: a step each way by each fault, with
// many operations in flight, and every kind of object with values from before.
func TestUpgradeOfRealServersPasses(t *testing.T) {
	selftest.Nightly(t, "6 min")
	c := upgrade(t, "-runtime", "process", "-restate.versions", "1.6.2,1.7.12", "-duration", "4m")
	require.NoError(t, c.Run(), c.Text())
	got := certificate(t, c)
	assert.Equal(t, harness.Pass, got.Verdict)
	assert.Greater(t, got.Operations, 10_000)
	assert.ElementsMatch(t, model.Kinds(), got.Tested.Kinds)
	for _, s := range got.Steps {
		assert.Positive(t, s.Times, s)
		assert.GreaterOrEqual(t, s.Open.Most, 30, s)
		assert.Positive(t, s.Resent, s)
		assert.Equal(t, s.Resent, s.Same, s)
	}
	for _, v := range got.Versions {
		assert.NotEmpty(t, v.Servers, v.Name)
	}
}
