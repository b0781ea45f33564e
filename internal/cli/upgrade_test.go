package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/campaign"
	"retain/harness"
	"retain/harness/backend"
	"retain/harness/upgrade"
	"retain/report"
	"retain/runtime"
)

// upgrading are the options of an upgrade on the simulated runtime that lasts for a time.
func upgrading(t *testing.T, d time.Duration) campaign.Options {
	onSimulated(t)
	with(t, versionsFlag, "1.6.2,1.7.12")
	with(t, durationFlag, d)
	o, err := upgradeOptions(t.Context())
	require.NoError(t, err)
	return o
}

// goOn is the command of the certificate that goes on with the upgrade.
func goOn(t *testing.T) string {
	text, err := os.ReadFile(*summaryFlag)
	require.NoError(t, err)
	var summary report.Certificate
	require.NoError(t, json.Unmarshal(text, &summary))
	return summary.GoOn
}

// rewrite changes a text in the records of a directory. They end where the new one has a zero.
func rewrite(t *testing.T, dir, from, to string) {
	files, err := filepath.Glob(filepath.Join(dir, campaign.RecordsDir, "*.jsonl"))
	require.NoError(t, err)
	require.Len(t, files, 1)
	text, err := os.ReadFile(files[0])
	require.NoError(t, err)
	require.Contains(t, string(text), from)
	text, _, _ = bytes.Cut(bytes.ReplaceAll(text, []byte(from), []byte(to)), []byte("\x00"))
	require.NoError(t, os.WriteFile(files[0], text, 0o600))
}

func TestReportOfAnUnfinishedUpgradeIsNoPass(t *testing.T) {
	o := upgrading(t, time.Second)
	conductCampaign(t, t.Context(), o)
	with(t, dirFlag, o.Dir)
	again := func() (failed bool) {
		ended.cut = false
		return observe(t, Report)
	}
	assert.False(t, again(), "it has come to its end")
	assert.Equal(t, "pass", verdict(t))
	assert.False(t, ended.cut)

	rewrite(t, o.Dir, `"duration_ns":1000000000`, `"duration_ns":3600000000000`)
	assert.False(t, again(), "its last process says that the time is over")
	rewrite(t, o.Dir, `"the time is over"`, `"interrupted"`)
	assert.True(t, again())
	assert.Equal(t, "interrupted", verdict(t))
	assert.True(t, ended.cut, "it can go on")
	assert.False(t, ended.red)

	rewrite(t, o.Dir, `"duration_ns":3600000000000`, `"duration_ns":1000000000`)
	assert.False(t, again(), "it was interrupted after its end")
	rewrite(t, o.Dir, `{"r":"end"`, "\x00")
	assert.True(t, again(), "it still runs, or was killed")
	assert.Equal(t, "interrupted", verdict(t))
	assert.NotEmpty(t, goOn(t))

	with(t, junitFlag, filepath.Join(t.TempDir(), "junit.xml"))
	again()
	text, err := os.ReadFile(*junitFlag)
	require.NoError(t, err)
	assert.Contains(t, string(text), `type="interrupted"`)
}

func TestUpgradeThatEndsBeforeItsFirstPlansIsInterrupted(t *testing.T) {
	o := upgrading(t, 10*time.Millisecond)
	ctx, stop := context.WithTimeout(t.Context(), 2*o.Start.Duration)
	defer stop()
	open := o.Session.Open
	o.Session.Open = func(_ context.Context, s runtime.Settings) (*harness.System, error) {
		<-ctx.Done()
		return open(ctx, s)
	}
	c := conductCampaign(t, ctx, o)
	verdict, _ := c.Verdict()
	assert.Equal(t, harness.Interrupted, verdict)
	assert.True(t, ended.cut)
	assert.GreaterOrEqual(t, elapsed(c, o.Start.Shard), o.Start.Duration)
}

func TestRedrawnPlanOfAnUpgradeIsReplayedOnItsFirstVersion(t *testing.T) {
	o := upgrading(t, 200*time.Millisecond)
	o.Start.Upgrade.Settings = []map[string]string{{"A": "1"}}
	conductCampaign(t, t.Context(), o)
	_, flags, err := redraw(o.Dir, 0)
	require.NoError(t, err)
	assert.Equal(t, []string{"-restate.env=A=1"}, flags[len(flags)-1:], "the simulated runtime has no first version")
	rewrite(t, o.Dir, `"runtime":"simulated"`, `"runtime":"process"`)
	_, flags, err = redraw(o.Dir, 0)
	require.NoError(t, err)
	assert.Equal(t, []string{"-restate.version=1.6.2", "-restate.env=A=1"}, flags[len(flags)-2:])
}

func TestWayBackOfABuildIsThatOfTheReleaseItReports(t *testing.T) {
	with(t, &binaryFlag.named, map[string]string{"next": "a", "old": "b"})
	on := chosen{found: map[string]backend.Subject{"": {Version: "1.6.2"}, "next": {Version: "1.7.12"}}}
	settings, err := on.wayBack(upgrade.Path{"old", "next"})
	require.NoError(t, err)
	assert.Equal(t, map[string]string{"RESTATE_DISABLE_CONTROLLED_IDEMPOTENT_SHARDING": "true"}, settings)

	on.found = map[string]backend.Subject{"": {Version: "1.7.12"}, "1.6.2": {Version: "1.6.2"}}
	_, err = on.wayBack(upgrade.Path{"next", "1.6.2"})
	assert.ErrorContains(t, err, "next -> 1.6.2 is 1.7.12 -> 1.6.2, and leads from 1.7.12 down to 1.6.2")

	on.found = map[string]backend.Subject{"": {}, "next": {}} // images
	settings, err = on.wayBack(upgrade.Path{"1.6.2", "next"})
	require.NoError(t, err)
	assert.Empty(t, settings)
}
