package campaign

import (
	"context"
	"errors"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/generators"
	"retain/harness"
	"retain/runtime"
	"retain/runtime/simulated"
)

// opener opens simulated runtimes with these bugs, which always strike.
func opener(bugs ...simulated.Bug) harness.Open {
	var opened atomic.Uint64
	return func(_ context.Context, s runtime.Settings) (*harness.System, error) {
		r := simulated.New(simulated.Options{Settings: s, Nonce: "n", Seed: opened.Add(1), Bugs: bugs, Rate: 1})
		return &harness.System{Runtime: r, Control: r, Nonce: "n", Shared: simulated.Shared()}, nil
	}
}

// short are the options of a campaign of seconds.
func short(t *testing.T, d time.Duration, bugs ...simulated.Bug) Options {
	return Options{
		Session: harness.Options{Open: opener(bugs...), Bounds: harness.DefaultBounds, Late: -1},
		Begun:   Begun{Seed: 1, Duration: d, Workers: 2}, Dir: t.TempDir(), ShrinkBudget: time.Second,
		Canaries: []Planted{{Bug: "planted", Open: opener(simulated.LostWrite)}},
	}
}

// TestShardsDrawOtherPlans: each has the numbers that are its own.
func TestShardsDrawOtherPlans(t *testing.T) {
	o := short(t, 2*time.Second)
	o.Begun.Shard = Shard{Index: 1, Of: 3}
	c, err := Conduct(t.Context(), o)
	require.NoError(t, err)
	require.NotEmpty(t, c.Sittings[0].Plans)
	for _, j := range c.Sittings[0].Plans {
		assert.Equal(t, 1, j.Number%3)
	}
	o.Begun.Shard.Index = 2
	c, err = Conduct(t.Context(), o)
	require.NoError(t, err)
	assert.Len(t, c.Sittings, 2, "in the same directory, and not mixed up")
	assert.Less(t, c.Sittings[1].Plans[0].Number, 10, "it begins at its own beginning")
	_, why := c.Verdict()
	assert.NotContains(t, Explain(why), CouldNotFind)
}

// TestAViolationThatNobodyGotToIsReduced by the next sitting: the one before was
// killed right after its verdict.
func TestAViolationThatNobodyGotToIsReduced(t *testing.T) {
	o := short(t, 2*time.Minute, simulated.LostWrite)
	o.ShrinkBudget, o.Begun.Workers = 20*time.Second, 1
	ctx, stop := context.WithCancel(t.Context())
	o.OnFinding = func(harness.Run, *harness.Shrunk) { stop() } // before its reduction
	c, err := Conduct(ctx, o)
	require.NoError(t, err)
	first := c.Sittings[0]
	require.Len(t, first.Found, 1)
	require.Empty(t, first.Reduced)

	ctx, stop = context.WithCancel(t.Context())
	told := 0
	o.OnFinding = func(r harness.Run, s *harness.Shrunk) { told++; stop() }
	c, err = Conduct(ctx, o)
	require.NoError(t, err)
	require.NotEmpty(t, c.Sittings[1].Reduced, "%+v", c.Sittings[1].Notes)
	r := c.Sittings[1].Reduced[0]
	assert.Equal(t, first.Found[0].Number, r.Number)
	assert.Empty(t, r.Problem)
	assert.NotEmpty(t, r.Case)
	assert.Less(t, r.Steps, r.From)
	assert.Equal(t, 1, told)
}

// TestWhatCanNotWorkEnds: a server that can't be started is no reason to go on for
// hours.
func TestWhatCanNotWorkEnds(t *testing.T) {
	o := short(t, time.Hour)
	o.Canaries = nil
	o.Session.Open = func(context.Context, runtime.Settings) (*harness.System, error) { return nil, errors.New("no disk") }
	c, err := Conduct(t.Context(), o)
	require.ErrorContains(t, err, "3 sessions in a row judged no plan")
	require.ErrorContains(t, err, "no disk")
	require.NotNil(t, c)
	assert.Len(t, c.Sittings[0].Notes, hopeless)
	assert.Contains(t, c.Sittings[0].Ended.Why, "no disk")
	verdict, _ := c.Verdict()
	assert.Equal(t, harness.Harness, verdict)
}

// TestACanaryTakesWhatFits: a bug that a version does not have is not planted.
func TestACanaryTakesWhatFits(t *testing.T) {
	o := short(t, time.Second)
	o.Canaries = append([]Planted{{Bug: "of another version", Open: opener(), Fits: func(runtime.Identity) bool { return false }}}, o.Canaries...)
	c, err := Conduct(t.Context(), o)
	require.NoError(t, err)
	require.NotEmpty(t, c.Sittings[0].Canary)
	assert.Equal(t, "planted", c.Sittings[0].Canary[0].Bug)
	assert.True(t, c.Sittings[0].Canary[0].Caught, c.Sittings[0].Canary[0].Why)
}

// TestAnotherSeedIsRefused: a campaign's plans are those of its seed.
func TestAnotherSeedIsRefused(t *testing.T) {
	o := short(t, time.Second)
	_, err := Conduct(t.Context(), o)
	require.NoError(t, err)
	o.Begun.Seed = 2
	_, err = Conduct(t.Context(), o)
	assert.ErrorContains(t, err, "its seed is 1, not 2")
	o.Begun.Seed, o.Begun.Duration = 0, 0
	c, err := Conduct(t.Context(), o)
	require.NoError(t, err)
	assert.Equal(t, uint64(1), c.Sittings[1].Seed)
	o.Dir = t.TempDir()
	_, err = Conduct(t.Context(), o)
	assert.ErrorContains(t, err, "say how long")
}

// TestTheLedgerIsPartOfIt: sessions end with it.
func TestTheLedgerIsPartOfIt(t *testing.T) {
	o := short(t, 5*time.Second)
	o.Chunk, o.Canaries = time.Second, nil // which would take a part of it
	c, err := Conduct(t.Context(), o)
	require.NoError(t, err)
	require.NotNil(t, c.Sittings[0].Ended)
	assert.NotZero(t, c.Sittings[0].Ended.Ledger)
	assert.Greater(t, c.Sittings[0].Ended.Inside, 0.3)
	runtimes := map[int]bool{}
	for _, j := range c.Sittings[0].Plans {
		runtimes[j.Runtime] = true
	}
	assert.Greater(t, len(runtimes), 2, "each session has its own")
}

// TestWhatWasUnderWayIsDrawnAgain first, and towards the same.
func TestWhatWasUnderWayIsDrawnAgain(t *testing.T) {
	o := short(t, 3*time.Second)
	aim, lost := generators.Situations()[40], generators.Situations()[80]
	killed := begunAt(time.Now().Add(-time.Hour).UTC(), "a")
	killed.Seed, killed.RapidSteps = 1, generators.Draw(1, 0, generators.Options{}).RapidSteps
	at := killed.At
	file := onDisk(t, o.Dir, killed, Drawn{Number: 0, At: at}, Drawn{Number: 1, At: at, Aim: &aim}, Judged{Number: 0, Run: "r", At: at, Verdict: harness.Pass},
		Drawn{Number: 2, At: at, Aim: &lost})
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(file, append(text, `{"r":"plan","n":1,"run`...), 0o600)) // the kill came in the middle of a line
	c, err := Conduct(t.Context(), o)
	require.NoError(t, err)
	require.Len(t, c.Sittings, 2)
	assert.NotEmpty(t, c.Sittings[0].Damage)
	went := c.Sittings[1]
	assert.Equal(t, &aim, went.Drawn[1].Aim)
	assert.Equal(t, &lost, went.Drawn[2].Aim)
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

// TestProgressIsTold of all sittings, as a line and with a bar.
func TestProgressIsTold(t *testing.T) {
	o := short(t, 3*time.Second)
	var last Progress
	o.OnProgress = func(p Progress) { last = p }
	c, err := Conduct(t.Context(), o)
	require.NoError(t, err)
	totals := c.Totals()
	assert.Equal(t, totals.Plans, last.Plans)
	assert.Equal(t, totals.Operations, last.Operations)
	assert.Equal(t, len(totals.Situations), last.Tested)
	assert.Equal(t, totals.Faults["stop"]+totals.Faults["kill"]+totals.Faults["pause"], last.Faults)
	p := Progress{
		Gone: 30 * time.Minute, Of: time.Hour, Plans: 100, Operations: 2000, Faults: 300, PerMinute: 3.3, Tested: 5, Situations: 10,
		Findings: 1, Violations: 2, Others: 1, Missed: 1, Doing: "canary",
	}
	assert.Equal(t, "[##########..........] left 30m0s · 100 plans · 2000 operations · 300 faults · 3 plans/min · 5 of 10 situations · "+
		"1 findings in 2 violations · 1 not judged · 1 CANARIES NOT CAUGHT · canary", p.Bar())
}
