package retain_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/campaign"
	"retain/generators"
	"retain/harness"
)

// kept shows that the findings of a campaign were reduced, one at least to a part of
// its steps, and promoted, and that equal ones were counted, not repeated.
func kept(t *testing.T, c *child, part float64) *campaign.Campaign {
	all := recorded(c)
	require.NotNil(t, all, c.text())
	totals := all.Totals()
	violations := totals.Verdicts[harness.Violation]
	require.NotZero(t, violations, c.text())
	counted, promoted, small := 0, 0, 0
	for _, n := range totals.Findings {
		counted += n
	}
	assert.Equal(t, violations, counted, "every violation is one of a finding")
	for _, s := range all.Sittings {
		reduced := map[int]bool{}
		for _, r := range s.Reduced {
			assert.False(t, reduced[r.Number], "once")
			reduced[r.Number] = true
			if r.Case == "" {
				continue
			}
			promoted++
			case_, plan, err := harness.LoadCase(filepath.Join(c.dir, "c", r.Case))
			require.NoError(t, err)
			assert.Len(t, plan.Steps, r.Steps)
			assert.LessOrEqual(t, r.Steps, r.From)
			if float64(r.Steps) <= part*float64(r.From) {
				small++
			}
			assert.NotZero(t, case_.Rate.Strikes)
		}
		for _, f := range s.Found {
			assert.Equal(t, f.Finding == f.Number, reduced[f.Number], "only what is new is reduced: plan %d", f.Number)
			if f.Finding == f.Number {
				assert.FileExists(t, filepath.Join(c.dir, "c", f.Dir, harness.PageFile))
			}
		}
	}
	assert.NotZero(t, promoted, c.text())
	assert.NotZero(t, small, c.text())
	return all
}

// TestAFindingIsKeptOnce: a planted bug shows in plan after plan, and is told few
// times.
func TestAFindingIsKeptOnce(t *testing.T) {
	t.Parallel() // it mostly waits
	c := hours(t, nil, "-runtime", "simulated", "-bugs", "lost-write", "-bugs.rate", "1", "-duration", "40s", "-shrink.budget", "10s", "-rapid.seed", "5")
	require.Error(t, c.Run(), "a violation is red")
	all := kept(t, c, 0.25)
	totals := all.Totals()
	t.Logf("%d violations, %d findings: %v", totals.Verdicts[harness.Violation], len(totals.Findings), totals.Findings)
	assert.Greater(t, totals.Verdicts[harness.Violation], len(totals.Findings), "equal ones are counted")
	assert.Contains(t, c.text(), "violation  ")
}

// TestALostLogIsKeptWithNoHand: the real server without its write-ahead log.
func TestALostLogIsKeptWithNoHand(t *testing.T) {
	t.Parallel() // it mostly waits
	c := hours(t, nil, "-runtime", "process", "-restate.env", "RESTATE_LOG_SERVER__ROCKSDB_DISABLE_WAL=true",
		"-duration", "100s", "-shrink.budget", "25s", "-rapid.seed", "6")
	require.Error(t, c.Run(), "a violation is red")
	all := kept(t, c, 0.75) // in 19 s, on a machine with other tests beside; TestALossIsReduced takes its time
	totals := all.Totals()
	t.Logf("%d plans, %d violations, findings %v", totals.Plans, totals.Verdicts[harness.Violation], totals.Findings)
	verdict, _ := all.Verdict()
	assert.Equal(t, harness.Violation, verdict)
	require.NotEmpty(t, all.Sittings[0].Canary)
	assert.True(t, all.Sittings[0].Canary[0].Caught)
	assert.Equal(t, "the server without its write-ahead log", all.Sittings[0].Canary[0].Bug)
}

// brief conducts a campaign of seconds on the simulated runtime.
func brief(t *testing.T, d time.Duration, o campaign.Options) *campaign.Campaign {
	o.Session = harness.Options{Open: simulatedRuntime(t, 1), Bounds: harness.DefaultBounds, Late: -1}
	o.Begun.Seed, o.Begun.Duration, o.Begun.Workers, o.Dir = 7, d, 4, t.TempDir()
	c, err := campaign.Conduct(t.Context(), o)
	require.NoError(t, err)
	return c
}

// TestACanaryThatLivesIsRed: what did not find a planted bug could not have found
// another one, however many plans passed.
func TestACanaryThatLivesIsRed(t *testing.T) {
	t.Parallel() // it mostly waits
	harmless := campaign.Planted{Bug: "none at all", Open: simulatedRuntime(t, 2)}
	c := brief(t, 12*time.Second, campaign.Options{Canaries: []campaign.Planted{harmless}})
	verdict, why := c.Verdict()
	assert.Equal(t, harness.Harness, verdict)
	require.Len(t, why, 1)
	assert.Equal(t, campaign.CouldNotFind+": 0 of 1 canaries were caught", why[0])
	require.Len(t, c.Sittings[0].Canary, 1)
	assert.Equal(t, "20 plans passed", c.Sittings[0].Canary[0].Why)
	assert.NotZero(t, c.Totals().Plans, "it goes on all the same")

	c = brief(t, 4*time.Second, campaign.Options{Canaries: canaries(nil)[len(canaries(nil))-1:], CanaryEvery: time.Second})
	verdict, why = c.Verdict()
	assert.Equal(t, harness.Pass, verdict, why)
	assert.GreaterOrEqual(t, len(c.Sittings[0].Canary), 2, "again and again")
}

// TestAnyPlanIsDrawnAgain: the records of a campaign and a number are enough.
func TestAnyPlanIsDrawnAgain(t *testing.T) {
	c := brief(t, 4*time.Second, campaign.Options{Canaries: canaries(nil)[len(canaries(nil))-1:]})
	s := c.Sittings[0]
	aimed := 0
	for _, j := range s.Plans {
		d, drawn := s.Drawn[j.Number]
		require.True(t, drawn)
		p := s.Redraw(d)
		assert.Len(t, p.Steps, j.Steps)
		assert.Equal(t, j.Config, p.Config.Server)
		if d.Aim != nil {
			aimed++
			assert.NotEqual(t, generators.Encode(p), generators.Encode(s.Redraw(campaign.Drawn{Number: j.Number})))
		}
	}
	assert.NotZero(t, aimed)
}
