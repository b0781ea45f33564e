package campaign

import (
	"context"
	"errors"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/generators"
	"retain/harness"
	"retain/harness/regress"
	"retain/harness/session"
	"retain/runtime"
	"retain/runtime/simulated"
)

// opener opens simulated runtimes with these bugs, which always strike.
func opener(bugs ...simulated.Bug) harness.Open {
	return opening(simulated.Options{Bugs: bugs, Rate: 1})
}

// opening opens simulated servers with options.
func opening(o simulated.Options) harness.Open {
	var opened atomic.Uint64
	return func(_ context.Context, s runtime.Settings) (*harness.System, error) {
		o := o
		o.Settings, o.Nonce, o.Seed = s, "n", opened.Add(1)
		r := simulated.New(o)
		return &harness.System{Runtime: r, Control: r, Nonce: "n", Contract: simulated.Contract()}, nil
	}
}

// short are the options of a campaign of seconds.
func short(t *testing.T, d time.Duration, bugs ...simulated.Bug) Options {
	return Options{
		Session: session.Options{Open: opener(bugs...), Bounds: harness.DefaultBounds, Late: -1},
		Start:   Start{Seed: 1, Duration: d, Workers: 2}, Dir: t.TempDir(), ShrinkBudget: time.Second,
		Canaries: []Planted{{Bug: "planted", Open: opener(simulated.LostWrite)}},
	}
}

// Each shard has numbers of its own.
func TestShardsDrawDistinctPlans(t *testing.T) {
	t.Parallel() // it mostly waits
	o := short(t, 2*time.Second)
	o.Start.Shard = Shard{Index: 1, Of: 3}
	c, err := Conduct(t.Context(), o)
	require.NoError(t, err)
	require.NotEmpty(t, c.Segments[0].Plans)
	for _, j := range c.Segments[0].Plans {
		assert.Equal(t, 1, j.Number%3)
	}
	o.Start.Shard.Index = 2
	c, err = Conduct(t.Context(), o)
	require.NoError(t, err)
	require.Len(t, c.Segments, 2, "in the same directory, and not mixed up")
	require.NotEmpty(t, c.Segments[1].Plans)
	assert.Less(t, c.Segments[1].Plans[0].Number, 10, "it begins at its own beginning")
	_, why := c.Verdict()
	assert.NotContains(t, strings.Join(why, "\n"), CouldNotFind)
}

// The earlier segment was killed right after its verdict.
func TestResumeReducesAViolationOfAKilledSegment(t *testing.T) {
	o := short(t, 2*time.Minute, simulated.LostWrite)
	o.ShrinkBudget, o.Start.Workers = 20*time.Second, 1
	ctx, stop := context.WithCancel(t.Context())
	o.OnFinding = func(harness.Run, *regress.Shrunk, []string) { stop() } // before its reduction
	c, err := Conduct(ctx, o)
	require.NoError(t, err)
	first := c.Segments[0]
	require.Len(t, first.Violations, 1)
	require.Empty(t, first.Reductions)

	ctx, stop = context.WithCancel(t.Context())
	findings := 0
	o.OnFinding = func(r harness.Run, s *regress.Shrunk, _ []string) { findings++; stop() }
	c, err = Conduct(ctx, o)
	require.NoError(t, err)
	require.NotEmpty(t, c.Segments[1].Reductions, "%+v", c.Segments[1].Notes)
	r := c.Segments[1].Reductions[0]
	assert.Equal(t, first.Violations[0].Number, r.Number)
	assert.Empty(t, r.Problem)
	assert.NotEmpty(t, r.Case)
	assert.Less(t, r.Steps, r.From)
	assert.Equal(t, 1, findings)
}

// A server that can not be started ends the campaign: it does not retry for hours.
func TestCampaignEndsIfNoServerStarts(t *testing.T) {
	o := short(t, time.Hour)
	o.Canaries = nil
	o.Session.Open = func(context.Context, runtime.Settings) (*harness.System, error) { return nil, errors.New("no disk") }
	c, err := Conduct(t.Context(), o)
	require.ErrorContains(t, err, "3 sessions in a row judged no plan")
	require.ErrorContains(t, err, "no disk")
	require.NotNil(t, c)
	assert.Len(t, c.Segments[0].Notes, maxIdleSessions)
	assert.Contains(t, c.Segments[0].End.Why, "no disk")
	verdict, _ := c.Verdict()
	assert.Equal(t, harness.Harness, verdict)
}

func TestCanarySkipsBugsThatTheVersionLacks(t *testing.T) {
	t.Parallel() // it mostly waits
	o := short(t, time.Second)
	o.Canaries = append([]Planted{{Bug: "of another version", Open: opener(), Fits: func(runtime.Identity) bool { return false }}}, o.Canaries...)
	c, err := Conduct(t.Context(), o)
	require.NoError(t, err)
	require.NotEmpty(t, c.Segments[0].Canaries)
	assert.Equal(t, "planted", c.Segments[0].Canaries[0].Bug)
	assert.True(t, c.Segments[0].Canaries[0].Caught, c.Segments[0].Canaries[0].Why)
}

// The seed determines the plans of a campaign.
func TestResumeRefusesAnotherSeed(t *testing.T) {
	t.Parallel() // it mostly waits
	o := short(t, time.Second)
	_, err := Conduct(t.Context(), o)
	require.NoError(t, err)
	o.Start.Seed = 2
	_, err = Conduct(t.Context(), o)
	assert.ErrorContains(t, err, "its seed is 1, not 2")
	o.Start.Seed, o.Start.Duration = 0, 0
	c, err := Conduct(t.Context(), o)
	require.NoError(t, err)
	assert.Equal(t, uint64(1), c.Segments[1].Seed)
	o.Dir = t.TempDir()
	_, err = Conduct(t.Context(), o)
	assert.ErrorContains(t, err, "say how long")
}

func TestCampaignSessionsEndWithALedger(t *testing.T) {
	t.Parallel() // it mostly waits
	o := short(t, 5*time.Second)
	o.Chunk, o.Canaries = time.Second, nil // which would take a part of it
	c, err := Conduct(t.Context(), o)
	require.NoError(t, err)
	require.NotNil(t, c.Segments[0].End)
	assert.NotZero(t, c.Segments[0].End.Ledger)
	assert.Greater(t, c.Segments[0].End.Inside, 0.3)
	spent := c.Totals().WorkerTime
	assert.Equal(t, 2, spent.Workers)
	assert.Positive(t, spent.Spent[harness.PartLedger])
	assert.Greater(t, spent.Total(), c.Totals().Inside, "plans are a part of it")
	assert.LessOrEqual(t, spent.Total(), c.Totals().Took)
	runtimes := map[int]bool{}
	for _, j := range c.Segments[0].Plans {
		runtimes[j.Runtime] = true
	}
	assert.Greater(t, len(runtimes), 2, "each session has its own")
}

// Pending plans come first and keep their situation.
func TestResumeRedrawsPendingPlans(t *testing.T) {
	t.Parallel() // it mostly waits
	o := short(t, 3*time.Second)
	target, lost := generators.Situations()[40], generators.Situations()[80]
	killed := begunAt(time.Now().Add(-time.Hour).UTC(), "a")
	killed.Seed, killed.RapidSteps = 1, generators.Draw(1, 0, generators.Options{}).RapidSteps
	at := killed.At
	file := onDisk(t, o.Dir, killed, PlanDrawn{Number: 0, At: at}, PlanDrawn{Number: 1, At: at, Situation: &target}, PlanResult{Number: 0, Run: "r", At: at, Verdict: harness.Pass},
		PlanDrawn{Number: 2, At: at, Situation: &lost})
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(file, append(text, `{"r":"plan","n":1,"run`...), 0o600)) // the kill came in the middle of a line
	c, err := Conduct(t.Context(), o)
	require.NoError(t, err)
	require.Len(t, c.Segments, 2)
	assert.NotEmpty(t, c.Segments[0].Damage)
	went := c.Segments[1]
	assert.Equal(t, &target, went.Drawn[1].Situation)
	assert.Equal(t, &lost, went.Drawn[2].Situation)
	judged := map[int]int{}
	for _, j := range went.Plans {
		judged[j.Number]++
	}
	assert.Zero(t, judged[0], "it was judged before")
	for n := 1; n <= len(went.Plans); n++ {
		assert.Equal(t, 1, judged[n], "plan %d", n)
	}
	assert.Equal(t, len(went.Plans)+1, c.Totals().Plans)
}

// The most important counts come first.
func TestProgressCountsAllSegments(t *testing.T) {
	t.Parallel() // it mostly waits
	o := short(t, 3*time.Second)
	var progress func() Progress
	o.OnStart = func(p func() Progress) { progress = p }
	c, err := Conduct(t.Context(), o)
	require.NoError(t, err)
	totals, last := c.Totals(), progress()
	assert.Equal(t, totals.Plans, last.Plans)
	assert.Equal(t, totals.Operations, last.Operations)
	assert.Equal(t, len(totals.Situations), last.Tested)
	faults := 0
	for _, k := range generators.Faults() {
		faults += totals.Faults[k]
	}
	assert.Equal(t, faults, last.Faults)
	p := Progress{
		Gone: 30 * time.Minute, Of: time.Hour, Plans: 100, Operations: 2000, Faults: 300, PerMinute: 3.3, Tested: 5, Situations: 10,
		Findings: 1, Violations: 2, Others: 1, Missed: 1, Doing: "canary",
	}
	assert.Equal(t, "1 findings · 1 CANARIES NOT CAUGHT · left 30m0s · canary · 100 plans · 2 violations · 1 not judged · "+
		"2000 operations · 3 plans/min · 5 of 10 situations · 300 faults", p.String())
	assert.InDelta(t, 0.5, p.Done(), 1e-9)
}

func TestCanaryLongerThanACampaignLeavesThePlansTheirTime(t *testing.T) {
	t.Parallel() // it mostly waits
	o := short(t, time.Second)
	caught := o.Canaries[0].Open
	o.Canaries[0].Open = func(ctx context.Context, s runtime.Settings) (*harness.System, error) {
		<-time.After(2 * o.Start.Duration)
		return caught(ctx, s)
	}
	c, err := Conduct(t.Context(), o)
	require.NoError(t, err)
	s := c.Segments[0]
	require.Len(t, s.Canaries, 1)
	assert.NotEmpty(t, s.Plans)
	assert.Equal(t, s.Took()-s.Canaries[0].Took, s.AtWork(), "which a resumed campaign counts")
}
