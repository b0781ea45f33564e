package server_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/checker"
	"retain/generators"
	"retain/harness"
	"retain/harness/regress"
	"retain/harness/session"
	"retain/harness/triage"
	"retain/internal/cli"
	"retain/internal/selftest"
	"retain/internal/selftest/suite"
	"retain/model"
	"retain/runtime"
)

// dirtyRead is a write that is held between its effect and its answer, a read of it by
// another client, and a kill.
func dirtyRead() generators.Plan {
	register := model.Object{Kind: model.Register}
	return generators.Plan{
		Config: generators.Config{Partitions: 1, NoClosingKill: true},
		Steps: []generators.Step{
			generators.Operate{ID: 1, Client: 0, Object: register, Op: model.RegisterWrite{Value: "v1"}},
			generators.Operate{ID: 2, Client: 1, Object: register, Op: model.RegisterRead{}},
			generators.Inject{ID: 3, Fault: model.Kill, When: generators.AtGate{Step: 1, After: true}},
			generators.Inject{ID: 4, Fault: model.Start, When: generators.InPlace{}},
		},
	}
}

// lose runs plans against a server with some settings, such as [cli.WithoutLog].
func lose(t *testing.T, env map[string]string, plans int, draw func(int) generators.Plan) *session.Result {
	session, err := session.Conduct(t.Context(), session.Options{
		Open: suite.Native(t), Draw: draw, Plans: plans, Bounds: harness.DefaultBounds, Dir: t.TempDir(),
		Base: runtime.Settings{Env: env}, KeepData: true,
	})
	require.NoError(t, err)
	return session
}

// Drawn plans find writes that the real server acknowledged and lost.
func TestLostWritesAreFoundWithoutLog(t *testing.T) {
	session := lose(t, cli.WithoutLog, 10, func(n int) generators.Plan { return generators.Draw(1, n, generators.Options{}) })
	require.Equal(t, harness.Violation, session.Verdict)
	require.FileExists(t, session.Failures[0].Dir+"/"+triage.PictureFile)
	require.FileExists(t, session.Failures[0].Dir+"/"+triage.HistoryFile)
	require.FileExists(t, session.Failures[0].Dir+"/"+triage.DataFile)
	require.NoError(t, session.Failures[0].Problem)
	assert.Empty(t, session.Admissions, "the server does not know of its loss")
}

// Without its log the server forgets an acknowledged write at one kill.
func TestLostWriteIsAttributed(t *testing.T) {
	register := model.Object{Kind: model.Register}
	session := lose(t, cli.WithoutLog, 1, func(int) generators.Plan {
		return generators.Plan{Config: generators.Config{Partitions: 1}, Steps: []generators.Step{
			generators.Operate{ID: 1, Object: register, Op: model.RegisterWrite{Value: "v1"}},
			generators.Inject{ID: 2, Fault: model.Kill, When: generators.InPlace{}},
			generators.Inject{ID: 3, Fault: model.Start, When: generators.InPlace{}},
			generators.Operate{ID: 4, Object: register, Op: model.RegisterRead{}},
		}}
	})
	require.Equal(t, harness.Violation, session.Verdict)
	r := session.Failures[0]
	require.NoError(t, r.Problem)
	assert.Equal(t, "register-0: an acknowledged write is missing after a kill", r.Sentence)
	assert.Equal(t, "acknowledged, handler ran once, gone from the log (no invocation, no output by its key, the state table lacks its effect)", r.Where)
	for _, o := range r.Hypotheses {
		assert.True(t, o.RuledOut, "%s: %s", o.What, o.Fact)
	}
	assert.Equal(t, harness.Hypothesis{What: "late", Fact: `gone: still "" after 3s, still "" after one more restart`, RuledOut: true}, r.Hypotheses[3])
}

// An effect that was read and then lost on the real server is found, although sending
// the write again under its key repairs the loss.
func TestDirtyReadIsFound(t *testing.T) {
	draw := func(int) generators.Plan { return dirtyRead() }
	require.Equal(t, harness.Pass, lose(t, nil, 1, draw).Verdict, "with its log the server keeps the effect")

	session := lose(t, cli.WithoutLog, 1, draw)
	require.Equal(t, harness.Violation, session.Verdict)
	failure := session.Failures[0]
	require.Equal(t, checker.StateGuarantee, failure.Check.Broken().Class)

	history := failure.Outcome.History
	read, write := history.Operations[1], history.Operations[0]
	require.Equal(t, model.Answer(model.Text("v1")), read.Answer, "the other client saw the write")
	require.Equal(t, model.Ambiguous, write.Outcome)
	require.NotNil(t, write.Resolution, "the write was sent again")
	last := history.Operations[len(history.Operations)-1]
	require.Equal(t, model.Answer(model.Text("v1")), last.Answer, "and that repaired the loss")
}

// A long plan that fails becomes a write, a kill and a read.
func TestLossOnRealServerIsReduced(t *testing.T) {
	selftest.Nightly(t, "a minute and a half")
	plan := longPlan(t)
	options := session.Options{
		Open: suite.Native(t), Draw: func(int) generators.Plan { return plan }, Plans: 1, Bounds: harness.DefaultBounds, Dir: t.TempDir(),
		Base: runtime.Settings{Env: cli.WithoutLog}, Late: -1,
	}
	session, err := session.Conduct(t.Context(), options)
	require.NoError(t, err)
	require.Equal(t, harness.Violation, session.Verdict)
	s, err := regress.Shrink(t.Context(), options, &session.Failures[0], regress.ShrinkOptions{Runs: 3})
	require.NoError(t, err)
	require.NoError(t, s.Problem)
	t.Logf("%d steps, from %d, in %d executions, reproduces %s\n%s", len(s.Best.Steps), s.From, s.Executions, s.Rate, generators.Encode(s.Best))
	operations, faults, _ := suite.Sizes([]generators.Reduction{s.Reduction})
	assert.LessOrEqual(t, operations[0], 2, "a write and a read, which the plan's own last reads may be")
	assert.LessOrEqual(t, faults[0], 1, "a kill, which the closing one may be")
	assert.Equal(t, generators.Minimal, s.Ending)
	assert.Equal(t, s.Rate.Runs, s.Rate.Failures)
	assert.LessOrEqual(t, len(s.Witness.Operations), 2)
}

// longPlan is a drawn plan of at least 60 operations and 4 faults.
func longPlan(t *testing.T) generators.Plan {
	for n := range 1000 {
		p := generators.Draw(6, n, generators.Options{Server: "plain-4"})
		if o, f, _ := suite.Sizes([]generators.Reduction{{Best: p}}); o[0] >= 60 && f[0] >= 4 {
			return p
		}
	}
	t.Fatal("no plan is that long")
	return generators.Plan{}
}
