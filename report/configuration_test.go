package report

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/campaign"
	"retain/generators"
	"retain/harness"
	"retain/harness/session"
	"retain/model"
)

var (
	lazyNever  = generators.StartConfig{State: generators.LazyState, Suspension: generators.SuspendNever}
	lazyAtOnce = generators.StartConfig{State: generators.LazyState, Suspension: generators.SuspendAtOnce}
)

// restartedWith is a history of kills and starts, each with a configuration, nil for one that
// an older retain recorded. The first operation is called after so many restarts.
func restartedWith(t *testing.T, c generators.Config, before int, starts ...*generators.StartConfig) *model.History {
	h := &model.History{Header: model.Header{Version: 1, Run: "r", Plan: generators.Encode(generators.Plan{Config: c})}}
	seq := int64(0)
	at := func() model.Instant {
		seq++
		return model.Instant{Seq: seq, Ns: seq * 1e6}
	}
	for i, s := range starts {
		if i == before {
			require.NoError(t, h.Apply(model.Called{Instant: at(), ID: 1, Process: "0", Phase: model.Program, Object: model.Object{Kind: model.Counter}, Op: "get()"}))
		}
		kill, start := model.FaultBegan{Instant: at(), Kind: model.Kill}, model.FaultBegan{Kind: model.Start}
		require.NoError(t, h.Apply(kill))
		require.NoError(t, h.Apply(model.FaultEnded{Instant: at(), Kind: model.Kill}))
		down := seq * 1e6
		if start.Instant = at(); s != nil {
			start.Start = s.JSON()
		}
		require.NoError(t, h.Apply(start))
		require.NoError(t, h.Apply(model.FaultEnded{Instant: at(), Kind: model.Start}))
		require.NoError(t, h.Apply(model.Recovery{Down: down, Spawned: down + 1, Port: down + 2, Health: down + 3, Probe: seq * 1e6}))
	}
	return h
}

func TestOutageNamesTheConfigurationThatItsStartChangedTo(t *testing.T) {
	facts := func(h *model.History) (out [][]string) {
		for _, o := range outagesOf(h) {
			out = append(out, o.Facts)
		}
		return out
	}
	const down = "down 2 ms"
	lazy := generators.Config{Start: lazyNever}
	assert.Equal(t, [][]string{{down}, {"started lazy, suspended at once", down}, {down}},
		facts(restartedWith(t, lazy, 0, &lazyNever, &lazyAtOnce, &lazyAtOnce)))
	assert.Equal(t, [][]string{{"started lazy, never suspended", down}, {down}}, facts(restartedWith(t, lazy, 1, &lazyNever, &lazyNever)),
		"a server that is taken over ran another one")
	assert.Equal(t, [][]string{{"started with the server's defaults", down}, {down}},
		facts(restartedWith(t, generators.Config{}, 1, &generators.StartConfig{}, &generators.StartConfig{})))
	for _, c := range []generators.Config{{}, {Server: "lazy-state"}} {
		assert.Equal(t, [][]string{{down}, {down}}, facts(restartedWith(t, c, 0, nil, nil)), "an older history")
	}
}

func TestOutageNamesTheVersionThatAStartChangedTo(t *testing.T) {
	h := &model.History{}
	require.NoError(t, h.Apply(model.Header{Version: 3, Run: "r", Runtime: "restate-server 1.6.2 (aaa), process"}))
	seq := int64(0)
	at := func() model.Instant { seq++; return model.Instant{Seq: seq, Ns: seq * 1e9} }
	require.NoError(t, h.Apply(model.Called{Instant: at(), ID: 1, Process: "0", Phase: model.Program, Object: model.Object{Kind: model.Counter}, Op: "get()"}))
	for _, v := range []struct{ name, reported, build string }{
		{"", "1.6.2", "aaa"}, {"1.7.12", "1.7.12", "bbb"}, {"1.7.12", "1.7.12", "bbb"}, {"mine", "1.7.13-dev", ""}, {"other", "", ""}, {"", "1.6.2", "aaa"},
	} {
		require.NoError(t, h.Apply(model.FaultBegan{Instant: at(), Kind: model.Kill}))
		require.NoError(t, h.Apply(model.FaultEnded{Instant: at(), Kind: model.Kill}))
		require.NoError(t, h.Apply(model.FaultBegan{Instant: at(), Kind: model.Start, Version: v.name}))
		require.NoError(t, h.Apply(model.FaultEnded{Instant: at(), Kind: model.Start, Version: v.reported, Build: v.build}))
	}
	var started []string
	for _, o := range outagesOf(h) {
		started = append(started, strings.Join(o.Facts, factGap))
	}
	assert.Equal(t, []string{"", "started as 1.7.12 (bbb)", "", "started as mine, 1.7.13-dev", "started as other", "started as 1.6.2 (aaa)"}, started)
}

func TestSessionSaysWhichVersionsItStarted(t *testing.T) {
	tally := harness.NewTally()
	says := func() string {
		return facts(&session.Result{Verdict: harness.Pass, Tally: tally, Counts: map[harness.Verdict]int{}}, Context{}, 1).String()
	}
	assert.Empty(t, versions(tally.Versions))
	assert.Contains(t, says(), "more than one node, upgrade, sends, timers, attach, output, awakeables")
	tally.Versions = map[string]int{"1.7.12 (bbb)": 3, "1.6.2 (aaa)": 1}
	assert.Equal(t, []string{"1.6.2 (aaa) 1 · 1.7.12 (bbb) 3 (starts of plans that name versions)"}, versions(tally.Versions))
	assert.Contains(t, says(), "more than one node, sends, timers, attach, output, awakeables")
}

func TestSessionSaysWhichConfigurationsItHad(t *testing.T) {
	tally := harness.NewTally()
	assert.Nil(t, servers(tally))
	tally.Serves(generators.Config{Server: "plain-4"})
	tally.Serves(generators.Config{Partitions: 24, Start: lazyNever})
	tally.TakeOvers = 2
	assert.Equal(t, []string{
		"plain-4 1 (plans of each configuration)",
		"2 restarts for another configuration before a plan",
	}, servers(tally))
}

func TestConfigurationsOfACampaignAreByNameOrByAxis(t *testing.T) {
	named, drawn := campaign.PlanResult{Config: "lazy-state"}, campaign.PlanResult{Partitions: 4, Start: lazyAtOnce}
	assert.Equal(t, []string{"lazy-state"}, configurationsOf(named))
	assert.Equal(t, []string{"lazy, suspending", "4 partitions"}, configurationsOf(drawn))
	virtual := campaign.PlanResult{Partitions: 4, VQueues: true, Start: lazyAtOnce}
	assert.Equal(t, []string{"lazy, suspending", "4 partitions", "vqueues"}, configurationsOf(virtual))
	assert.Equal(t, "4 partitions, vqueues, lazy, suspended at once", virtual.Configuration())
	assert.Equal(t, []string{"vqueues-4"}, configurationsOf(campaign.PlanResult{Config: "vqueues-4", Partitions: 4, VQueues: true}))
	assert.Equal(t, "lazy-state", named.Configuration())
	assert.Equal(t, "4 partitions, lazy, suspended at once", drawn.Configuration())
	assert.Equal(t, []string{""}, configurationsOf(campaign.PlanResult{}))
}
