package campaign

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/generators"
	"retain/harness"
	"retain/model"
)

func TestTargetsOfACampaignAreInTheClassOfTheirPlan(t *testing.T) {
	t.Parallel() // it mostly waits
	o := short(t, 4*time.Second)
	o.Start.Scheduled = true
	c, err := Conduct(t.Context(), o)
	require.NoError(t, err)
	s := c.Segments[0]
	require.NotEmpty(t, s.Plans)
	targeted := 0
	for n, d := range s.Drawn {
		p := s.Redraw(d)
		if d.Situation == nil {
			assert.Equal(t, p, generators.Draw(s.Seed, n, generators.Options{Scheduled: true}))
			continue
		}
		targeted++
		assert.Equal(t, p.Config.Class(), d.Situation.Class)
		assert.Equal(t, p, generators.Draw(s.Seed, n, generators.Options{Situation: *d.Situation}))
	}
	assert.Positive(t, targeted)
	tested, _ := c.Totals().Coverage.Changes()
	assert.Positive(t, tested)
	for _, j := range s.Plans {
		assert.Equal(t, s.Redraw(s.Drawn[j.Number]).Config.Class(), *j.Class)
		assert.NotZero(t, j.Partitions)
	}
}

func TestResumedCampaignDrawsAsItBegan(t *testing.T) {
	t.Parallel() // it mostly waits
	o := short(t, 2*time.Second)
	_, err := Conduct(t.Context(), o)
	require.NoError(t, err)
	o.Start.Duration, o.Start.Scheduled, o.Start.StartConfigs, o.Start.VQueues = 4*time.Second, true, true, true
	o.Start.Loads.Times = 2
	c, err := Conduct(t.Context(), o)
	require.NoError(t, err)
	require.Len(t, c.Segments, 2)
	assert.False(t, c.Segments[1].Scheduled)
	assert.False(t, c.Segments[1].StartConfigs)
	assert.False(t, c.Segments[1].VQueues)
	assert.Zero(t, c.Segments[1].Loads.Times)
}

// Records of version 3 name no class: their plans kept one configuration.
func TestOlderRecordsHaveTheClassOfTheirConfiguration(t *testing.T) {
	dir := t.TempDir()
	b := one()
	b.Version = 3
	plan := func(n int, config string) PlanResult {
		return PlanResult{Number: n, At: noon, Verdict: harness.Pass, Config: config, Situations: []string{"map set · kill · first after", "of · a newer · version"}}
	}
	onDisk(t, dir, b, plan(0, "lazy-suspend-50ms"), plan(2, ""))
	c, err := Read(dir)
	require.NoError(t, err)
	plans := c.Segments[0].Plans
	assert.Equal(t, []string{"map set · kill · first after · lazy, suspending", "of · a newer · version"}, plans[0].Situations)
	assert.Equal(t, "map set · kill · first after · eager", plans[1].Situations[0])
	covered := c.Totals().Coverage
	assert.Equal(t, map[generators.Class]int{{Lazy: true, Suspending: true}: 1, {}: 1}, covered.Plans)
	assert.Equal(t, map[int]int{1: 1}, covered.Partitions)
}

// What an earlier campaign draws again is what it was: its plans had no mailboxes, no
// answers and no awakeables.
func TestEarlierCampaignsGoOnWithoutLaterKinds(t *testing.T) {
	for version, without := range map[int]bool{7: true, Version: false} {
		dir, b := t.TempDir(), one()
		b.Version = version
		onDisk(t, dir, b)
		c, err := Read(dir)
		require.NoError(t, err)
		start := c.Segments[0].Start
		for _, k := range []model.Kind{model.Mailbox, model.Answers, model.Awakeables} {
			assert.Equal(t, without, start.Exclude.Excludes(generators.ExcludedObject, string(k)))
		}
		for n := range 40 {
			if without {
				assert.Empty(t, start.Exclude.In(start.Redraw(PlanDrawn{Number: n})), "plan %d", n)
			}
		}
	}
}
