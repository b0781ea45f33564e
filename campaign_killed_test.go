package retain_test

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
)

// hours is a child that conducts a campaign in its folder "c".
func hours(t *testing.T, env []string, args ...string) *child {
	return newChild(t, env, append([]string{"-test.run", "^TestCampaign$", "-test.timeout", "10m", "-resume", "c"}, args...)...)
}

// recorded are the records of a child's campaign so far, nil before the first line.
func recorded(c *child) *campaign.Campaign {
	all, err := campaign.Read(filepath.Join(c.dir, "c"))
	if err != nil {
		return nil
	}
	return all
}

// awaitPlans waits until a campaign has judged so many plans and draws more.
func awaitPlans(t *testing.T, c *child, n int) {
	require.Eventually(t, func() bool {
		all := recorded(c)
		return all != nil && len(all.Sittings[len(all.Sittings)-1].Plans) >= n && len(all.Sittings[len(all.Sittings)-1].Under) > 0
	}, 2*time.Minute, 20*time.Millisecond, "no plans: %s", c.text())
}

// TestWhatWasKilledGoesOn: SIGKILL in the middle of a campaign on the real server.
// Whoever goes on removes what was left, draws what was under way again, and loses
// nothing.
func TestWhatWasKilledGoesOn(t *testing.T) {
	t.Parallel() // it mostly waits
	cache := newCache(t)
	args := []string{"-runtime", "process", "-duration", "40s"}
	victim := hours(t, cache.env(), append(args, "-rapid.seed", "3")...)
	require.NoError(t, victim.Start())
	awaitPlans(t, victim, 4)
	require.NoError(t, victim.Process.Kill())
	require.Error(t, victim.Wait(), "it was killed")
	own := cache.of(t, victim)
	require.True(t, slices.ContainsFunc(own.dirs, func(dir string) bool {
		_, err := os.Stat(dir)
		return err == nil
	}), "nothing is left that could be removed")
	before := recorded(victim)
	require.Len(t, before.Sittings, 1)
	file := filepath.Join(victim.dir, "c", before.Sittings[0].File)
	text, err := os.ReadFile(file)
	require.NoError(t, err)

	next := hours(t, cache.env(), args...)
	next.Dir, next.dir = victim.dir, victim.dir
	require.NoError(t, next.Run(), next.text())
	assert.Contains(t, next.text(), "leftovers removed")
	own.areGone(t)
	again, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, text, again, "what was on record stays as it was")

	after := recorded(victim)
	require.Len(t, after.Sittings, 2)
	killed, went := after.Sittings[0], after.Sittings[1]
	assert.Nil(t, killed.Ended)
	require.NotNil(t, went.Ended)
	assert.Equal(t, "the time is over", went.Ended.Why)
	assert.Equal(t, killed.Seed, went.Seed)
	assert.Less(t, went.Took(), 40*time.Second+15*time.Second, "it takes what was left")
	addsUp(t, after)
	require.NotEmpty(t, killed.Under)
	for n, d := range killed.Under {
		redrawn, drawn := went.Drawn[n]
		require.True(t, drawn, "plan %d was under way and is drawn again", n)
		assert.Equal(t, killed.Redraw(d), went.Redraw(redrawn), "and is the same")
	}
	totals := after.Totals()
	assert.Equal(t, len(killed.Plans)+len(went.Plans), totals.Plans)
	assert.Contains(t, next.text(), "pass       ")
}

// addsUp shows that each plan up to the last one was judged exactly once.
func addsUp(t *testing.T, c *campaign.Campaign) {
	judged, last := map[int]int{}, 0
	for _, s := range c.Sittings {
		assert.Empty(t, s.Damage)
		for _, j := range s.Plans {
			judged[j.Number]++
			last = max(last, j.Number)
		}
	}
	under := c.Sittings[len(c.Sittings)-1].Under
	for n := range last + 1 {
		if _, waits := under[n]; !waits {
			assert.Equal(t, 1, judged[n], "plan %d", n)
		}
	}
}

// TestCtrlCEndsACleanSitting: it is on record as interrupted, and can go on.
func TestCtrlCEndsACleanSitting(t *testing.T) {
	c := hours(t, nil, "-runtime", "simulated", "-duration", "5m", "-rapid.seed", "4")
	require.NoError(t, c.Start())
	awaitPlans(t, c, 10)
	require.NoError(t, c.Process.Signal(syscall.SIGINT))
	require.Error(t, c.Wait(), c.text())
	assert.Equal(t, runAgain, c.ProcessState.ExitCode(), c.text())
	all := recorded(c)
	require.NotNil(t, all.Sittings[0].Ended, c.text())
	assert.Equal(t, "interrupted", all.Sittings[0].Ended.Why)
	assert.Zero(t, all.Totals().Verdicts[harness.Harness], "what was interrupted is no error")
	assert.Contains(t, c.text(), "go on      go test -run Campaign -timeout 0 -resume c\n")
	assert.NotEmpty(t, all.Sittings[0].Samples)
	assert.NotZero(t, all.Sittings[0].Samples[0].Resident)
	assert.NotZero(t, all.Sittings[0].Samples[0].Descriptors)
}
