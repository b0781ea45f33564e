package planted_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/generators"
	"retain/harness"
	"retain/harness/known"
	"retain/harness/session"
	"retain/internal/cli"
	"retain/internal/selftest"
	"retain/internal/selftest/suite"
	"retain/model"
	"retain/runtime"
	"retain/runtime/mitm"
	"retain/runtime/simulated"
)

// clearAllIn is a plan whose clearAll is interrupted by a kill, on a server with a
// configuration.
func clearAllIn(c generators.Config) generators.Plan {
	object := model.Object{Kind: model.Map}
	return generators.Plan{Config: c, Steps: []generators.Step{
		generators.Operate{ID: 1, Object: object, Op: model.MapClearAll{}},
		generators.Inject{ID: 2, Fault: model.Kill, When: generators.AtGate{Step: 1}},
		generators.Inject{ID: 3, Fault: model.Start, When: generators.InPlace{}},
	}}
}

// adds is a plan of an addition that is read after a kill.
func adds(c generators.Config) generators.Plan {
	p := generators.StartAndStop(model.Kill)
	p.Config = c
	return p
}

// besideKnown is a session of one plan with a clearAll and of others with additions, on
// servers of a version.
func besideKnown(t *testing.T, open harness.Open, version string, c generators.Config, l known.List) *session.Result {
	t.Helper()
	result, err := session.Conduct(t.Context(), session.Options{
		Open: open, Base: runtime.Settings{Version: version}, Plans: 4, Dir: t.TempDir(), Late: -1, Known: l,
		Bounds: harness.Bounds{Recovery: time.Minute, Completion: 5 * time.Second},
		Draw: func(n int) generators.Plan {
			if n == 0 {
				return clearAllIn(c)
			}
			return adds(c)
		},
	})
	require.NoError(t, err)
	return result
}

// dropsWrites puts a man in the middle before each server, who drops every write that
// he can.
func dropsWrites(open harness.Open) harness.Open {
	return (&middlemen{seed: 1, options: mitm.Options{Bugs: []mitm.Bug{mitm.DroppedWrite}, Rate: 1}}).open(open)
}

// A write that a man in the middle drops is red beside a known finding, which alone is not.
func TestDroppedWriteIsNewsBesideAKnownFinding(t *testing.T) {
	l, err := known.Decode("known.json", []byte(`{"version":1,"known":[{"guarantee":"operation-finishes","object":"map","operation":"clearAll",
		"failure":{"status":"[590]"},"versions":["1.*"],"link":"https://example.com/1"}]}`))
	require.NoError(t, err)
	alone := besideKnown(t, alwaysStuck(), runtime.DefaultVersion, generators.Config{}, l)
	assert.Equal(t, harness.Pass, alone.Verdict, fmt.Sprint(alone.Failures))
	assert.Equal(t, 1, alone.Counts[harness.Known])
	beside := besideKnown(t, dropsWrites(alwaysStuck()), runtime.DefaultVersion, generators.Config{}, l)
	require.Equal(t, harness.Violation, beside.Verdict)
	assert.Equal(t, 1, beside.Counts[harness.Known])
	assert.Equal(t, model.Counter, beside.Failures[0].Guarantee().Object)
}

// alwaysStuck opens simulated servers on which each interrupted write is stuck.
func alwaysStuck() harness.Open {
	return suite.SimulatedAlways(simulated.StuckRetry)
}

// On the released servers that have it, restatedev/restate#4396 is no news by the list that
// retain ships; without its entry, and after its day, it is; and so is a write that a man in
// the middle drops beside it.
func TestKnownFindingOfReleasedServersIsNoNews(t *testing.T) {
	selftest.Long(t, "90 s")
	shipped, err := known.Load("", filepath.Join(suite.Root(), cli.KnownFindings))
	require.NoError(t, err)
	expired := append(known.List(nil), shipped...)
	for i := range expired {
		expired[i].Expires = "2026-01-31"
	}
	lazy := generators.Config{Partitions: 4, Start: generators.StartConfig{State: generators.LazyState, Suspension: generators.SuspendAtOnce}}
	on := func(t *testing.T, version string, wrap func(harness.Open) harness.Open, l known.List) *session.Result {
		return besideKnown(t, wrap(suite.Native(t)), version, lazy, l)
	}
	plain := func(open harness.Open) harness.Open { return open }
	for _, version := range []string{"1.5.3", "1.6.1"} {
		t.Run(version, func(t *testing.T) {
			s := on(t, version, plain, shipped)
			require.Equal(t, harness.Pass, s.Verdict, fmt.Sprint(s.Failures))
			require.Len(t, s.Known, 1)
			assert.True(t, strings.HasSuffix(s.Known[0].Known[0].Link, "restatedev/restate/issues/4396"))
		})
	}
	for what, l := range map[string]known.List{"without the list": nil, "expired": expired} {
		t.Run(what, func(t *testing.T) {
			s := on(t, "1.6.1", plain, l)
			require.Equal(t, harness.Violation, s.Verdict)
			assert.Equal(t, model.OperationFinishes, s.Failures[0].Guarantee().Code)
		})
	}
	t.Run("a dropped write beside it", func(t *testing.T) {
		s := on(t, "1.6.1", dropsWrites, shipped)
		require.Equal(t, harness.Violation, s.Verdict)
		assert.Equal(t, model.Counter, s.Failures[0].Guarantee().Object)
	})
}
