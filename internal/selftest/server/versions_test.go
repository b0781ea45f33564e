package server_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/generators"
	"retain/harness"
	"retain/harness/backend"
	"retain/harness/regress"
	"retain/harness/session"
	"retain/internal/selftest"
	"retain/internal/selftest/suite"
	"retain/model"
	"retain/runtime"
	"retain/runtime/binary"
)

// restart is a fault that ends the server, and a start as a version.
func restart(id int, end model.FaultKind, when generators.Trigger, version string) []generators.Step {
	return []generators.Step{
		generators.Inject{ID: id, Fault: end, When: when},
		generators.Inject{ID: id + 1, Fault: model.Start, When: generators.InPlace{}, Version: version},
	}
}

func TestPlanLeadsARealServerUpAndDownAndUpAgain(t *testing.T) {
	selftest.Long(t, "40 s")
	t.Parallel()
	counter := model.Object{Kind: model.Counter}
	inFlight := generators.InFlight{Operations: 8}
	// 1.6.2 forgets the metadata of errors (restatedev/restate#4508).
	others := slices.DeleteFunc(generators.Names(), func(name string) bool { return name == "answer fail" })
	plan := generators.Plan{
		Config: generators.Config{Server: "plain-4"}, Load: generators.Load{Clients: 16, Objects: 8, Seed: 7, Between: 200, Operations: others},
		Steps: slices.Concat(
			[]generators.Step{generators.Operate{ID: 1, Object: counter, Op: model.CounterAdd{Delta: 1}}},
			restart(2, model.Stop, inFlight, "1.7.12"),
			[]generators.Step{generators.Operate{ID: 4, Object: counter, Op: model.CounterAdd{Delta: 2}}},
			restart(5, model.Kill, inFlight, "1.6.2"),
			[]generators.Step{generators.Operate{ID: 7, Object: counter, Op: model.CounterGet{}}},
			restart(8, model.Stop, inFlight, "1.7.12"),
			[]generators.Step{generators.Operate{ID: 10, Object: counter, Op: model.CounterGet{}}},
		),
	}
	var outcome *harness.Outcome
	result, err := session.Conduct(t.Context(), session.Options{
		Open: suite.Native(t), Draw: func(int) generators.Plan { return plan }, Plans: 1, Fresh: true, Bounds: harness.DefaultBounds, Dir: t.TempDir(),
		Base: runtime.Settings{Version: "1.6.2"},
		OnRun: func(r harness.Run) {
			if !r.Ledger {
				outcome = r.Outcome
			}
		},
	})
	require.NoError(t, err)
	require.Equal(t, harness.Pass, result.Verdict, "%+v", result.Failures)
	assert.Equal(t, "1.6.2", result.Identity.Version)
	builds := map[string]bool{}
	var started []string
	for _, f := range outcome.History.Faults {
		if f.Kind.Starts() {
			started = append(started, f.Reported)
			builds[f.StartedVersion()] = true
		}
	}
	assert.Equal(t, []string{"1.7.12", "1.6.2", "1.7.12", "1.7.12"}, started, "the steps, and the closing start")
	assert.Len(t, builds, 2, "each version has a build of its own")
	assert.NotContains(t, builds, "1.6.2")
	assert.Equal(t, result.Ledger.Of, result.Ledger.Objects, "the ledger reads all in the last version")
	assert.Positive(t, result.Tally.Load.ReadBack)
	for version := range result.Tally.Versions {
		t.Log(version, result.Tally.Versions[version], "starts")
	}
}

// unlogged is a plan in which a build without a log acknowledges a write, and versions that
// keep theirs run before and after.
func unlogged() generators.Plan {
	register, other := model.Object{Kind: model.Register}, model.Object{Kind: model.Register, N: 1}
	return generators.Plan{Config: generators.Config{Partitions: 1}, Steps: slices.Concat(
		[]generators.Step{generators.Operate{ID: 1, Object: other, Op: model.RegisterWrite{Value: "v1"}}},
		restart(2, model.Stop, generators.InPlace{}, "1.7.2"),
		[]generators.Step{generators.Operate{ID: 4, Object: other, Op: model.RegisterRead{}}},
		restart(5, model.Stop, generators.InPlace{}, "unlogged"),
		[]generators.Step{generators.Operate{ID: 7, Object: register, Op: model.RegisterWrite{Value: "v7"}}},
		restart(8, model.Kill, generators.InPlace{}, runtime.DefaultVersion),
		[]generators.Step{generators.Operate{ID: 10, Object: register, Op: model.RegisterRead{}}},
	)}
}

// Of a path through three versions only the start of the build that loses a write is left.
func TestLossOfOneVersionIsReducedToItsStart(t *testing.T) {
	selftest.Nightly(t, "2 min")
	server, err := binary.Find(t.Context(), binary.Request{})
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "unlogged")
	require.NoError(t, os.WriteFile(path, []byte("#!/bin/sh\nRESTATE_LOG_SERVER__ROCKSDB_DISABLE_WAL=true exec '"+server.Path+"' \"$@\"\n"), 0o755))
	open, _, err := backend.Choose(t.Context(), runtime.Settings{}, backend.Options{Name: backend.Process, Binaries: map[string]string{"unlogged": path}})
	require.NoError(t, err)
	options := session.Options{
		Open: open, Draw: func(int) generators.Plan { return unlogged() }, Plans: 1, Bounds: harness.DefaultBounds, Dir: t.TempDir(), Late: -1,
	}
	result, err := session.Conduct(t.Context(), options)
	require.NoError(t, err)
	require.Equal(t, harness.Violation, result.Verdict)
	assert.Equal(t, model.AcknowledgedMissing, result.Failures[0].Guarantee().Code)

	s, err := regress.Shrink(t.Context(), options, &result.Failures[0], regress.ShrinkOptions{Runs: 3})
	require.NoError(t, err)
	require.NoError(t, s.Problem)
	t.Logf("%d steps, from %d, in %d executions, reproduces %s\n%s", len(s.Best.Steps), s.From, s.Executions, s.Rate, generators.Encode(s.Best))
	assert.Equal(t, []string{"unlogged"}, s.Best.Versions())
	assert.LessOrEqual(t, len(s.Best.Steps), 4, "an end, the start, a write, a read or a kill")

	path = filepath.Join(t.TempDir(), "case.json")
	require.NoError(t, regress.CaseOf(result.Failures[0].Guarantee(), s, regress.Subject{}, result.Identity, result.SDK).Save(path))
	_, kept, err := regress.LoadCase(path)
	require.NoError(t, err)
	assert.Equal(t, s.Best, kept, "the regression has the path")
}
