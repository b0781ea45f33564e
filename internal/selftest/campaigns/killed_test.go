package campaigns_test

import (
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/campaign"
	"retain/harness"
	"retain/internal/cli"
	"retain/internal/selftest"
	"retain/internal/selftest/suite"
)

// SIGKILL hits a campaign on the real server. The next session reaps what was left,
// draws the unfinished plans again, and loses nothing.
func TestCampaignResumesAfterKill(t *testing.T) {
	selftest.Long(t, "a minute")
	t.Parallel() // it mostly waits
	cache := suite.NewCache(t)
	args := []string{"-runtime", "process", "-duration", "40s"}
	victim := suite.Campaign(t, cache.Env(), append(args, "-rapid.seed", "3")...)
	require.NoError(t, victim.Start())
	suite.AwaitPlans(t, victim, 1) // then a slow machine has time left for the unfinished plans
	require.NoError(t, victim.Process.Kill())
	require.Error(t, victim.Wait(), "it was killed")
	own := cache.Of(t, victim)
	require.True(t, slices.ContainsFunc(own.Dirs, func(dir string) bool {
		_, err := os.Stat(dir)
		return err == nil
	}), "nothing is left that could be removed")
	before := suite.Recorded(victim)
	require.Len(t, before.Segments, 1)
	file := filepath.Join(victim.Dir, "c", before.Segments[0].File)
	text, err := os.ReadFile(file)
	require.NoError(t, err)

	next := suite.Campaign(t, cache.Env(), args...)
	next.Dir, next.Dir = victim.Dir, victim.Dir
	require.NoError(t, next.Run(), next.Text())
	assert.Contains(t, next.Text(), "leftovers removed")
	own.AreGone(t)
	again, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, text, again, "what was on record stays as it was")

	after := suite.Recorded(victim)
	require.Len(t, after.Segments, 2)
	killed, went := after.Segments[0], after.Segments[1]
	assert.Nil(t, killed.End)
	require.NotNil(t, went.End)
	assert.Equal(t, "the time is over", went.End.Why)
	assert.Equal(t, killed.Seed, went.Seed)
	canaries := went.Took() - went.AtWork()
	for n, d := range went.Drawn {
		assert.Less(t, killed.AtWork()+d.At.Sub(went.At)-canaries, 41*time.Second, "plan %d is drawn in the time that was left", n)
	}
	addsUp(t, after)
	require.NotEmpty(t, killed.Pending)
	for n, d := range killed.Pending {
		redrawn, drawn := went.Drawn[n]
		require.True(t, drawn, "plan %d was under way and is drawn again", n)
		assert.Equal(t, killed.Redraw(d), went.Redraw(redrawn), "and is the same")
	}
	totals := after.Totals()
	assert.Equal(t, len(killed.Plans)+len(went.Plans), totals.Plans)
	assert.Contains(t, next.Text(), "pass       ")
}

// addsUp asserts that each plan up to the last one was judged exactly once.
func addsUp(t *testing.T, c *campaign.Campaign) {
	judged, last := map[int]int{}, 0
	for _, s := range c.Segments {
		assert.Empty(t, s.Damage)
		for _, j := range s.Plans {
			judged[j.Number]++
			last = max(last, j.Number)
		}
	}
	under := c.Segments[len(c.Segments)-1].Pending
	for n := range last + 1 {
		if _, waits := under[n]; !waits {
			assert.Equal(t, 1, judged[n], "plan %d", n)
		}
	}
}

// Ctrl-C is recorded as an interruption, and the printed command resumes the campaign.
func TestCampaignRecordsInterruption(t *testing.T) {
	t.Parallel()
	c := suite.Campaign(t, nil, "-runtime", "simulated", "-duration", "5m", "-rapid.seed", "4")
	require.NoError(t, c.Start())
	suite.AwaitPlans(t, c, 10)
	require.NoError(t, c.Process.Signal(syscall.SIGINT))
	require.Error(t, c.Wait(), c.Text())
	assert.Equal(t, cli.RunAgain, c.ProcessState.ExitCode(), c.Text())
	all := suite.Recorded(c)
	require.NotNil(t, all.Segments[0].End, c.Text())
	assert.Equal(t, "interrupted", all.Segments[0].End.Why)
	assert.Zero(t, all.Totals().Verdicts[harness.Harness], "what was interrupted is no error")
	assert.Contains(t, c.Text(), "go on      go test -run Campaign -timeout 0 -resume c\n")
	assert.NotEmpty(t, all.Segments[0].Samples)
	assert.NotZero(t, all.Segments[0].Samples[0].Resident)
	assert.NotZero(t, all.Segments[0].Samples[0].Descriptors)
}
