package server_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/generators"
	"retain/harness"
	"retain/harness/session"
	"retain/internal/selftest"
	"retain/internal/selftest/suite"
	"retain/model"
	"retain/runtime"
	"retain/service/proxy"
)

// addAndRead is a plan with a configuration: a counter is counted before a restart that
// changes it, and after.
func addAndRead(start, change generators.StartConfig) generators.Plan {
	object := model.Object{Kind: model.Counter}
	return generators.Plan{
		Config: generators.Config{Partitions: 4, Start: start},
		Steps: []generators.Step{
			generators.Operate{ID: 1, Object: object, Op: model.CounterAdd{Delta: 1}},
			generators.Inject{ID: 2, Fault: model.Kill, When: generators.InPlace{}},
			generators.Inject{ID: 3, Fault: model.Start, When: generators.InPlace{}, Start: change},
			generators.Operate{ID: 4, Object: object, Op: model.CounterAdd{Delta: 1}},
			generators.Operate{ID: 5, Object: object, Op: model.CounterGet{}},
		},
	}
}

// One real server serves plans of every class, each with its own configuration, by what
// it sends to the handlers.
func TestPlansOfEveryClassRunOnOneServer(t *testing.T) {
	selftest.Long(t, "15 s")
	never := func(s generators.StateMode) generators.StartConfig {
		return generators.StartConfig{State: s, Suspension: generators.SuspendNever}
	}
	atOnce := func(s generators.StateMode) generators.StartConfig {
		return generators.StartConfig{State: s, Suspension: generators.SuspendAtOnce}
	}
	cases := []struct {
		plan                 generators.Plan
		partial, all, closes bool // some streams begin without state, all do, some are closed
	}{
		{plan: addAndRead(never(generators.EagerState), generators.StartConfig{})},
		{plan: addAndRead(never(generators.LazyState), generators.StartConfig{}), partial: true, all: true},
		{plan: addAndRead(atOnce(generators.LazyState), generators.StartConfig{}), partial: true, all: true, closes: true},
		{plan: addAndRead(atOnce(generators.EagerState), generators.StartConfig{}), closes: true},
		{plan: addAndRead(never(generators.LazyState), generators.StartConfig{State: generators.EagerState}), partial: true},
		{plan: addAndRead(never(generators.EagerState), generators.StartConfig{Suspension: generators.SuspendAtOnce}), closes: true},
	}
	var server *proxy.Proxy
	open := suite.Native(t)
	var before proxy.Stats
	result, err := session.Conduct(t.Context(), session.Options{
		Open: func(ctx context.Context, s runtime.Settings) (*harness.System, error) {
			sys, err := open(ctx, s)
			if err == nil {
				server = sys.Control.(*proxy.Proxy)
			}
			return sys, err
		},
		Plans: len(cases), Dir: t.TempDir(), Bounds: harness.DefaultBounds,
		Draw: func(n int) generators.Plan {
			p := cases[n].plan
			p.Config.TakeOver = []model.FaultKind{model.Kill, model.Stop}[n%2]
			return p
		},
		OnRun: func(r harness.Run) {
			if r.Ledger || r.Number < 0 {
				return
			}
			assert.Equal(t, 1, r.Runtime, "plan %d", r.Number)
			now := server.Stats()
			streams, partial, closed := now.Streams-before.Streams, now.Partial-before.Partial, now.Closed-before.Closed
			before = now
			c := cases[r.Number]
			const probe = 1 // before a server is taken over
			assert.Equal(t, c.partial, partial > probe, "plan %d: %d of %d streams begin without state", r.Number, partial, streams)
			assert.Equal(t, c.all, streams-partial <= probe, "plan %d: %d of %d streams begin without state", r.Number, partial, streams)
			assert.Equal(t, c.closes, closed > probe, "plan %d: %d of %d streams are closed by the server", r.Number, closed, streams)
		},
	})
	require.NoError(t, err)
	require.Equal(t, harness.Pass, result.Verdict, result.Failures)
	assert.Equal(t, len(cases)-2, result.Tally.TakeOvers, "the last but one leaves the server as the last begins")
	assert.Equal(t, 2*len(cases), result.Tally.Faults[model.Kill], "of the plans themselves")
}
