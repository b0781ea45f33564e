package campaigns_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/campaign"
	"retain/generators"
	"retain/harness"
	"retain/harness/regress"
	"retain/harness/session"
	"retain/harness/triage"
	"retain/internal/cli"
	"retain/internal/selftest"
	"retain/internal/selftest/suite"
)

// kept asserts that the campaign reduced each new finding once, stored it as a case, and
// only counted equal ones. One case at least has at most this part of its plan's steps.
func kept(t *testing.T, c *suite.Child, part float64) *campaign.Campaign {
	all := suite.Recorded(c)
	require.NotNil(t, all, c.Text())
	totals := all.Totals()
	violations := totals.Verdicts[harness.Violation]
	require.NotZero(t, violations, c.Text())
	counted, promoted, small := 0, 0, 0
	for _, n := range totals.Findings {
		counted += n
	}
	assert.Equal(t, violations, counted, "every violation is one of a finding")
	for _, s := range all.Segments {
		reduced := map[int]bool{}
		for _, r := range s.Reductions {
			assert.False(t, reduced[r.Number], "once")
			reduced[r.Number] = true
			if r.Case == "" {
				continue
			}
			promoted++
			case_, plan, err := regress.LoadCase(filepath.Join(c.Dir, "c", r.Case))
			require.NoError(t, err)
			assert.Len(t, plan.Steps, r.Steps)
			assert.LessOrEqual(t, r.Steps, r.From)
			if float64(r.Steps) <= part*float64(r.From) {
				small++
			}
			assert.NotZero(t, case_.Rate.Failures)
		}
		for _, f := range s.Violations {
			assert.Equal(t, f.Finding == f.Number, reduced[f.Number], "only what is new is reduced: plan %d", f.Number)
			if f.Finding == f.Number {
				assert.FileExists(t, filepath.Join(c.Dir, "c", f.Dir, triage.PageFile))
			}
		}
	}
	assert.NotZero(t, promoted, c.Text())
	assert.NotZero(t, small, c.Text())
	return all
}

// A planted bug strikes in plan after plan; the campaign reduces the first of equal
// violations and counts the rest.
func TestCampaignReducesEqualViolationsOnce(t *testing.T) {
	selftest.Nightly(t, "40 s")
	t.Parallel() // it mostly waits
	c := suite.Campaign(t, nil, "-runtime", "simulated", "-bugs", "lost-write", "-bugs.rate", "1", "-duration", "40s", "-shrink.budget", "10s", "-rapid.seed", "5")
	require.Error(t, c.Run(), "a violation is red")
	all := kept(t, c, 0.25)
	totals := all.Totals()
	t.Logf("%d violations, %d findings: %v", totals.Verdicts[harness.Violation], len(totals.Findings), totals.Findings)
	assert.Greater(t, totals.Verdicts[harness.Violation], len(totals.Findings), "equal ones are counted")
	assert.Contains(t, c.Text(), "violation  ")
}

// The real server runs without its write-ahead log.
func TestCampaignReducesAndKeepsLossOfRealServer(t *testing.T) {
	selftest.Nightly(t, "two minutes")
	t.Parallel() // it mostly waits
	c := suite.Campaign(t, nil, "-runtime", "process", "-restate.env", "RESTATE_LOG_SERVER__ROCKSDB_DISABLE_WAL=true",
		"-duration", "100s", "-shrink.budget", "25s", "-rapid.seed", "6")
	require.Error(t, c.Run(), "a violation is red")
	all := kept(t, c, 0.75) // in 19 s, on a machine with other tests beside; TestLossOnRealServerIsReduced takes its time
	totals := all.Totals()
	t.Logf("%d plans, %d violations, findings %v", totals.Plans, totals.Verdicts[harness.Violation], totals.Findings)
	verdict, _ := all.Verdict()
	assert.Equal(t, harness.Violation, verdict)
	require.NotEmpty(t, all.Segments[0].Canaries)
	assert.True(t, all.Segments[0].Canaries[0].Caught)
	assert.Equal(t, "the server without its write-ahead log", all.Segments[0].Canaries[0].Bug)
}

// brief conducts a campaign of seconds on the simulated runtime.
func brief(t *testing.T, d time.Duration, o campaign.Options) *campaign.Campaign {
	o.Session = session.Options{Open: suite.Simulated(t, 1), Bounds: harness.DefaultBounds, Late: -1}
	o.Start.Seed, o.Start.Duration, o.Start.Workers, o.Dir = 7, d, 4, t.TempDir()
	c, err := campaign.Conduct(t.Context(), o)
	require.NoError(t, err)
	return c
}

// A campaign that misses a planted bug could have missed others: it fails, however many
// plans passed.
func TestCampaignFailsIfPlantedBugIsMissed(t *testing.T) {
	selftest.Long(t, "12 s")
	t.Parallel() // it mostly waits
	harmless := campaign.Planted{Bug: "none at all", Open: suite.Simulated(t, 2)}
	c := brief(t, 12*time.Second, campaign.Options{Canaries: []campaign.Planted{harmless}})
	verdict, why := c.Verdict()
	assert.Equal(t, harness.Harness, verdict)
	require.Len(t, why, 1)
	assert.Equal(t, campaign.CouldNotFind+": 0 of 1 canaries were caught", why[0])
	require.Len(t, c.Segments[0].Canaries, 1)
	assert.Equal(t, "20 plans passed", c.Segments[0].Canaries[0].Why)
	assert.NotZero(t, c.Totals().Plans, "it goes on all the same")
}

func TestCampaignSearchesItsPlantedBugAgainAndAgain(t *testing.T) {
	selftest.Long(t, "8 s")
	t.Parallel() // it mostly waits
	c := brief(t, 8*time.Second, campaign.Options{Canaries: cli.Canaries(nil)[len(cli.Canaries(nil))-1:], CanaryEvery: time.Second})
	verdict, why := c.Verdict()
	assert.Equal(t, harness.Pass, verdict, why)
	assert.GreaterOrEqual(t, len(c.Segments[0].Canaries), 2)
}

// The records and a plan's number are enough to draw it again.
func TestEveryRecordedPlanIsRedrawn(t *testing.T) {
	t.Parallel()
	c := brief(t, 4*time.Second, campaign.Options{Canaries: cli.Canaries(nil)[len(cli.Canaries(nil))-1:]})
	s := c.Segments[0]
	aimed := 0
	for _, j := range s.Plans {
		d, drawn := s.Drawn[j.Number]
		require.True(t, drawn)
		p := s.Redraw(d)
		assert.Len(t, p.Steps, j.Steps)
		assert.Equal(t, j.Config, p.Config.Server)
		if d.Situation != nil {
			aimed++
			assert.NotEqual(t, generators.Encode(p), generators.Encode(s.Redraw(campaign.PlanDrawn{Number: j.Number})))
		}
	}
	assert.NotZero(t, aimed)
}
