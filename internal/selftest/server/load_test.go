package server_test

import (
	"context"
	"fmt"
	goruntime "runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/checker"
	"retain/generators"
	"retain/harness"
	"retain/internal/selftest"
	"retain/internal/selftest/suite"
	"retain/model"
	"retain/runtime"
)

// loadedPlans is how many plans of each load run on one server.
const loadedPlans = 20

func TestLoadedPlansPassOnTheRealServer(t *testing.T) {
	selftest.Nightly(t, "5 min")
	suspending := generators.StartConfig{State: generators.LazyState, Suspension: generators.SuspendAtOnce}
	for _, c := range []struct {
		name  string
		load  generators.Load
		start generators.StartConfig
	}{
		{name: "64 clients on one key", load: generators.Load{Clients: 64, Objects: 1, Between: 500}},
		{name: "64 keys", load: generators.Load{Clients: 64, Objects: 64, Between: 1000}},
		{name: "lazy, suspended at once", load: generators.Load{Clients: 32, Objects: 16, Between: 200}, start: suspending},
	} {
		t.Run(c.name, func(t *testing.T) {
			sys, err := suite.Native(t)(t.Context(), runtime.Settings{Partitions: 4, Env: c.start.Env()})
			require.NoError(t, err)
			t.Cleanup(func() { assert.NoError(t, sys.Shutdown(context.WithoutCancel(t.Context()))) })
			require.NoError(t, sys.Boot(t.Context()))
			loadedPlansPass(t, sys, c.load)
		})
	}
}

func loadedPlansPass(t *testing.T, sys *harness.System, l generators.Load) {
	all := harness.NewTally()
	var took, checked time.Duration
	for n := range loadedPlans {
		l.Seed = uint64(n + 1)
		plan := generators.Plan{Load: l, Config: generators.Config{Retry: n%2 == 1, PushOn: n%4 > 1}, Steps: []generators.Step{
			generators.Operate{ID: 1, Client: 0, Object: model.Object{Kind: model.Counter}, Op: model.CounterAdd{Delta: 1}},
			generators.Inject{ID: 2, Fault: model.Kill, When: generators.InFlight{Operations: l.Clients / 2}},
			generators.Inject{ID: 3, Fault: model.Start, When: generators.InPlace{}},
			generators.Inject{ID: 4, Fault: model.Stop, When: generators.InFlight{Operations: l.Clients / 2}},
			generators.Inject{ID: 5, Fault: model.Start, When: generators.InPlace{}},
		}}
		out, err := harness.Execute(t.Context(), sys, plan, harness.Execution{
			ID: fmt.Sprintf("load-%d", n), Path: t.TempDir() + "/history.jsonl", Bounds: harness.DefaultBounds,
		})
		require.NoError(t, err)
		run := harness.Run{Number: n, Plan: plan, Outcome: out}
		began := time.Now()
		run.Judge(nil, checker.Options{})
		checked, took = checked+time.Since(began), took+out.Took
		require.Equal(t, harness.Pass, run.Verdict, run.Sentence)
		all.Add(run.Tally)
	}
	var memory goruntime.MemStats
	goruntime.ReadMemStats(&memory)
	latency := time.Duration(all.Load.BusyNs / int64(all.Load.Operations))
	t.Logf("%d plans: %d operations, %.0f a second, %s each; %.1f in flight at %d stops and kills (%v), at most %d on one key; %d ambiguous, %d open, %d read back",
		loadedPlans, all.Load.Operations, all.Load.Rate(), latency.Round(10*time.Microsecond), all.Load.MeanInFlight(), all.Load.Strikes, all.Load.AtStrikes, all.Load.OnOneKey,
		all.Load.Ambiguous, all.Load.Open, all.Load.ReadBack)
	t.Logf("a plan took %s, its check %s; memory of this process %d MiB", (took / loadedPlans).Round(time.Millisecond), (checked / loadedPlans).Round(time.Millisecond), memory.Sys>>20)
}
