package campaign

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/checker"
	"retain/generators"
	"retain/harness"
	"retain/harness/regress"
	"retain/harness/upgrade"
	"retain/model"
	"retain/runtime"
	"retain/runtime/simulated"
)

// upgrading are the options of an upgrade of the simulated runtime along paths.
func upgrading(t *testing.T, d time.Duration, paths []upgrade.Path, bugs ...simulated.Bug) Options {
	o := short(t, d, bugs...)
	o.Canaries, o.ShrinkBudget = nil, 0
	o.Start.Unweighted, o.Start.StartConfigs, o.Start.Loads = true, true, generators.Loads{Share: 1, Clients: 40}
	o.Start.Upgrade = &Upgrade{Versions: "of a test", Paths: paths, Settings: make([]map[string]string, len(paths)), Between: 40}
	return o
}

var upAndBack = []upgrade.Path{{"1.6.2", "1.7.12"}}

func TestEachPathHasASystematicPlanOfEachFaultAndThenDrawnOnes(t *testing.T) {
	o := upgrading(t, time.Hour, nil)
	o.Start.Upgrade.Paths = []upgrade.Path{{"1.6.1", "1.6.2"}, {"1.6.2", "1.7.12"}}
	var kinds []bool
	for turn := range 6 {
		_, systematic := Systematic(turn)
		kinds = append(kinds, systematic)
		p := o.Start.Redraw(PlanDrawn{Number: 10 + turn, Path: 1, Turn: turn})
		assert.Equal(t, 10+turn, p.Number)
		assert.NotEmpty(t, p.Path(), "a plan without a switch")
		assert.NotContains(t, p.Path(), "1.6.1", "a version of another path")
		if systematic {
			assert.Equal(t, []string{"1.7.12", "1.6.2", "1.7.12"}, p.Path())
		}
	}
	assert.Equal(t, []bool{true, true, true, false, true, false}, kinds)
	first := func(turn int) model.FaultKind {
		for _, s := range o.Start.Redraw(PlanDrawn{Path: 1, Turn: turn}).Steps {
			if f, is := s.(generators.Inject); is {
				return f.Fault
			}
		}
		return ""
	}
	assert.ElementsMatch(t, []model.FaultKind{model.Stop, model.Kill}, []model.FaultKind{first(0), first(1)})
}

func TestUpgradeThatKeepsEverythingPassesWithoutCanaries(t *testing.T) {
	t.Parallel() // it mostly waits
	o := upgrading(t, time.Second, upAndBack)
	// Calls that take a while are still in flight when the server ends.
	o.Session.Open = opening(simulated.Options{Timings: simulated.Timings{Latency: 20 * time.Millisecond}})
	c, err := Conduct(t.Context(), o)
	require.NoError(t, err)
	verdict, why := c.Verdict()
	assert.Equal(t, harness.Pass, verdict, why)
	steps := upgrade.Steps(upAndBack, c.Judged())
	require.Len(t, steps, 4)
	for _, s := range steps {
		assert.NotEmpty(t, s.Switches, s)
		assert.Positive(t, s.Outages().Least, s)
	}
	c.Segments[0].Plans = c.Segments[0].Plans[:1]
	verdict, why = c.Verdict()
	assert.Equal(t, harness.Vacuous, verdict, "one plan has not each step by each fault")
	assert.NotEmpty(t, why)
}

func TestFindingOfAnUpgradeSaysAfterWhichStep(t *testing.T) {
	t.Parallel() // it mostly waits
	o := upgrading(t, time.Second, upAndBack)
	o.Session.Open = opening(simulated.Options{Step: func(_, to string) simulated.Damage { return simulated.Damage{DropsObject: to == "1.7.12"} }})
	o.Start.Upgrade.Settings = []map[string]string{{"A": "1"}}
	var flags []string
	o.OnFinding = onFinding(func(f []string) { flags = f })
	c, err := Conduct(t.Context(), o)
	require.NoError(t, err)
	verdict, _ := c.Verdict()
	require.Equal(t, harness.Violation, verdict)
	broke := 0
	for _, s := range upgrade.Steps(upAndBack, c.Judged()) {
		broke += len(s.Broke)
	}
	assert.Positive(t, broke, "%+v", c.Judged())
	assert.Equal(t, []string{"-restate.version=1.6.2", "-restate.env=A=1"}, flags, "what its replay needs")
}

func TestInterruptedUpgradeGoesOnWhereItWas(t *testing.T) {
	t.Parallel() // it mostly waits
	o := upgrading(t, time.Minute, upAndBack)
	o.Start.Workers = 1
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var opened atomic.Int32
	open := o.Session.Open
	o.Session.Open = func(ctx context.Context, s runtime.Settings) (*harness.System, error) {
		if opened.Add(1) == 2 { // each plan has a server of its own: the first one is judged
			stop()
		}
		return open(ctx, s)
	}
	c, err := Conduct(ctx, o)
	require.NoError(t, err)
	c.Interrupted = true
	verdict, _ := c.Verdict()
	assert.Equal(t, harness.Interrupted, verdict)
	first := c.Segments[0]
	require.NotEmpty(t, first.Plans)

	o.Session.Open, o.Start.Duration = open, first.Took()+2*time.Second
	c, err = Conduct(t.Context(), o)
	require.NoError(t, err)
	require.Len(t, c.Segments, 2)
	assert.Equal(t, first.Upgrade, c.Segments[1].Upgrade)
	for n, d := range c.Segments[1].Drawn {
		earlier, was := first.Drawn[n]
		if was {
			assert.Equal(t, earlier.Turn, d.Turn, "a plan that was under way is drawn again as it was")
		} else {
			assert.GreaterOrEqual(t, d.Turn, len(first.Drawn), "turns go on")
		}
	}

	o.Start.Upgrade = &Upgrade{Versions: "others", Paths: upAndBack, Settings: make([]map[string]string, 1)}
	_, err = Conduct(t.Context(), o)
	assert.ErrorContains(t, err, "-restate.versions is of a test, not others")
	o.Start.Upgrade = nil
	_, err = Conduct(t.Context(), o)
	assert.ErrorContains(t, err, "-restate.versions is of a test, not none")
}

func TestEachPathHasItsFirstPlansWhereTheMachineIsSlow(t *testing.T) {
	o := upgrading(t, time.Millisecond, []upgrade.Path{{"1.6.1", "1.6.2"}, {"1.6.2", "1.7.12"}})
	o.Start.Duration = 30 * time.Second
	c := &campaign{Options: o, turns: newTurns(o.Start.Upgrade), ends: time.Now().Add(-time.Second)}
	c.turns.next = []int{SystematicFirst, SystematicFirst - 1}
	assert.True(t, c.lacksTurns())
	c.turns.next[1]++
	assert.False(t, c.lacksTurns())
	c.turns.next[1]--
	c.ends = time.Now().Add(-31 * time.Second)
	assert.False(t, c.lacksTurns(), "not for ever")
	assert.False(t, (&campaign{Options: short(t, time.Hour), ends: time.Now()}).lacksTurns(), "another campaign has no turns")
}

// An upgrade whose time is over goes on with the first plans that were interrupted.
func TestUpgradeIsUnfinishedUntilItsFirstPlansHaveRun(t *testing.T) {
	t.Parallel() // it mostly waits
	o := upgrading(t, 300*time.Millisecond, upAndBack)
	ctx, stop := context.WithTimeout(t.Context(), 3*o.Start.Duration)
	defer stop()
	open := o.Session.Open
	o.Session.Open = func(_ context.Context, s runtime.Settings) (*harness.System, error) {
		<-ctx.Done()
		return open(ctx, s)
	}
	c, err := Conduct(ctx, o)
	require.NoError(t, err)
	require.NotEmpty(t, c.Segments[0].Pending)
	require.Equal(t, "interrupted", c.Segments[0].End.Why)
	require.Greater(t, c.Segments[0].Took(), o.Start.Duration)
	assert.True(t, c.Unfinished())

	o.Session.Open = open
	c, err = Conduct(t.Context(), o)
	require.NoError(t, err)
	require.Len(t, c.Segments, 2)
	assert.NotEmpty(t, c.Segments[1].Plans)
	assert.False(t, c.Unfinished(), "a later process finished it")

	last := &c.Segments[1]
	last.End = nil
	assert.True(t, c.Unfinished(), "it still runs, or was killed")
	last.End = &End{Why: "interrupted"}
	assert.False(t, c.Unfinished(), "interrupted after its time and its first plans")
	last.Duration = time.Hour
	assert.True(t, c.Unfinished())
	last.End.Why = timeOver
	assert.False(t, c.Unfinished())
}

func TestPathsShareTheTime(t *testing.T) {
	u := &Upgrade{Paths: []upgrade.Path{{"1", "2"}, {"2", "3"}, {"3", "4"}}}
	turns := newTurns(u)
	var order []int
	for range 4 {
		left := turns.begin(time.Minute)
		order = append(order, turns.path)
		assert.LessOrEqual(t, left, time.Minute)
		turns.spent[turns.path] += time.Minute - 5*time.Second
	}
	assert.Equal(t, []int{0, 1, 2, 2}, order, "where all have had as much, the last one goes on")
	turns.spent = []time.Duration{time.Minute, time.Minute, 50 * time.Second}
	assert.Equal(t, leastTurn, turns.begin(time.Minute))
	assert.Equal(t, 2, turns.path)
}

// onFinding receives the flags of a finding.
func onFinding(flags func([]string)) func(harness.Run, *regress.Shrunk, []string) {
	return func(_ harness.Run, _ *regress.Shrunk, f []string) { flags(f) }
}

// violating is a run on 1.6.2 that goes to 1.7.12 and starts once more as 1.7.12. Its
// instants are not on whole milliseconds.
func violating(operations ...model.Invoked) harness.Run {
	start := func(seq int64, version string) model.Fault {
		return model.Fault{Step: int(seq), Kind: model.Start, Version: version, Reported: version, Begin: instant(seq)}
	}
	return harness.Run{Verdict: harness.Violation, Outcome: &harness.Outcome{History: &model.History{
		Header: model.Header{Runtime: "restate-server 1.6.2 (abc), process"}, Operations: operations,
		Faults: []model.Fault{{Kind: model.Stop, Begin: instant(9)}, start(10, "1.7.12"), {Kind: model.Kill, Begin: instant(19)}, start(20, "1.7.12")},
	}}}
}

func instant(seq int64) model.Instant { return model.Instant{Seq: seq, Ns: seq*1e6 + 7} }

// got is an answer of one counter at a moment.
func got(id int, seq int64) model.Invoked {
	return model.Invoked{ID: id, Object: model.Object{Kind: model.Counter}, Op: model.CounterAdd{Delta: 1}, Call: instant(seq), Return: instant(seq), Outcome: model.OK, Answer: model.Change{New: 1}}
}

// A server that ends right after a switch broke at that one, also between two milliseconds.
func TestServerThatDoesNotComeBackBrokeAtTheSwitchItself(t *testing.T) {
	r := violating(got(1, 5))
	h := r.Outcome.History
	h.Faults, r.Outcome.Liveness = h.Faults[:2], &harness.Liveness{}
	after, while := brokeAfter(r, harness.SwitchesOf(h, ""))
	assert.Equal(t, 1, after)
	assert.Empty(t, while)
}

func TestLossAtAStartOfTheSameVersionBrokeAtNoSwitch(t *testing.T) {
	broke := func(good, bad int64) (int, string) {
		r := violating(got(1, good), got(2, bad))
		r.Check = checker.Result{Objects: []checker.ObjectResult{{Object: model.Object{Kind: model.Counter}, Verdict: checker.Violation, Contradiction: 2}}}
		return brokeAfter(r, harness.SwitchesOf(r.Outcome.History, ""))
	}
	for _, c := range []struct {
		good, bad int64
		after     int
		while     string
	}{{5, 25, 1, ""}, {5, 15, 1, ""}, {15, 25, 0, "1.7.12"}, {5, 6, 0, ""}} {
		after, while := broke(c.good, c.bad)
		assert.Equal(t, []any{c.after, c.while}, []any{after, while}, "good at %d, bad at %d", c.good, c.bad)
	}
}
