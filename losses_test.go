package retain_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/checker"
	"retain/generators"
	"retain/harness"
	"retain/harness/backend"
	"retain/model"
	"retain/runtime"
)

// withoutLog is a real bug in an unmodified server: without its write-ahead log
// the log server forgets what it acknowledged when it is killed.
var withoutLog = map[string]string{"RESTATE_LOG_SERVER__ROCKSDB_DISABLE_WAL": "true"}

// native opens the native server; the container's is the same binary.
func native(t *testing.T) harness.Open {
	open, _, err := backend.Choose(t.Context(), runtime.Settings{}, backend.Options{Name: backend.Process, Notice: func(line string) { t.Log(line) }})
	require.NoError(t, err)
	return open
}

// dirtyRead is a write that stands after its effect, before its answer; another
// client reads it; and the server is killed.
func dirtyRead() generators.Plan {
	register := model.Object{Kind: model.Register}
	return generators.Plan{
		Config: generators.Config{Partitions: 1, NoClosingKill: true},
		Steps: []generators.Step{
			generators.Operate{ID: 1, Client: 0, Object: register, Op: model.RegisterWrite{Value: "v1"}},
			generators.Operate{ID: 2, Client: 1, Object: register, Op: model.RegisterRead{}},
			generators.Inject{ID: 3, Fault: generators.Kill, When: generators.AtGate{Step: 1, After: true}},
			generators.Inject{ID: 4, Fault: generators.Start, When: generators.InPlace{}},
		},
	}
}

// lose runs plans against a server, with or without its log.
func lose(t *testing.T, env map[string]string, plans int, draw func(int) generators.Plan) *harness.Session {
	session, err := harness.Conduct(t.Context(), harness.Options{
		Open: native(t), Draw: draw, Plans: plans, Bounds: harness.DefaultBounds, Dir: t.TempDir(),
		Base: runtime.Settings{Env: env}, KeepData: true,
	})
	require.NoError(t, err)
	return session
}

// TestLostLogIsFound shows on the real server that generated plans find writes
// that were acknowledged and lost.
func TestLostLogIsFound(t *testing.T) {
	session := lose(t, withoutLog, 10, func(n int) generators.Plan { return generators.Draw(1, n, generators.Options{}) })
	require.Equal(t, harness.Violation, session.Verdict)
	require.FileExists(t, session.Failures[0].Dir+"/"+harness.PictureFile)
	require.FileExists(t, session.Failures[0].Dir+"/"+harness.HistoryFile)
	require.FileExists(t, session.Failures[0].Dir+"/"+harness.DataFile)
	require.NoError(t, session.Failures[0].Problem)
	assert.Empty(t, session.Admissions, "the server does not know of its loss")
}

// TestALossIsAttributed: a write that the server acknowledged and forgot without
// its log, one kill later.
func TestALossIsAttributed(t *testing.T) {
	register := model.Object{Kind: model.Register}
	session := lose(t, withoutLog, 1, func(int) generators.Plan {
		return generators.Plan{Config: generators.Config{Partitions: 1}, Steps: []generators.Step{
			generators.Operate{ID: 1, Object: register, Op: model.RegisterWrite{Value: "v1"}},
			generators.Inject{ID: 2, Fault: generators.Kill, When: generators.InPlace{}},
			generators.Inject{ID: 3, Fault: generators.Start, When: generators.InPlace{}},
			generators.Operate{ID: 4, Object: register, Op: model.RegisterRead{}},
		}}
	})
	require.Equal(t, harness.Violation, session.Verdict)
	r := session.Failures[0]
	require.NoError(t, r.Problem)
	assert.Equal(t, "register-0: an acknowledged write is missing after a kill", r.Sentence)
	assert.Equal(t, "acknowledged, handler ran once, gone from the log (no invocation, no output by its key, the state table lacks its effect)", r.Where)
	for _, o := range r.RuledOut {
		assert.True(t, o.Out, "%s: %s", o.What, o.Fact)
	}
	assert.Equal(t, harness.RuledOut{What: "late", Fact: `gone: still "" after 3s, still "" after one more restart`, Out: true}, r.RuledOut[3])
}

// TestDirtyReadIsFound shows on the real server that an effect that was seen and
// then lost is found although sending the write again, under its key, repairs it.
func TestDirtyReadIsFound(t *testing.T) {
	draw := func(int) generators.Plan { return dirtyRead() }
	require.Equal(t, harness.Pass, lose(t, nil, 1, draw).Verdict, "with its log the server keeps the effect")

	session := lose(t, withoutLog, 1, draw)
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

// TestALossIsReduced: a long plan that fails on the real server becomes a write, a
// kill and a read.
func TestALossIsReduced(t *testing.T) {
	plan := longPlan(t)
	options := harness.Options{
		Open: native(t), Draw: func(int) generators.Plan { return plan }, Plans: 1, Bounds: harness.DefaultBounds, Dir: t.TempDir(),
		Base: runtime.Settings{Env: withoutLog}, Late: -1,
	}
	session, err := harness.Conduct(t.Context(), options)
	require.NoError(t, err)
	require.Equal(t, harness.Violation, session.Verdict)
	s, err := harness.Shrink(t.Context(), options, &session.Failures[0], harness.ShrinkOptions{Runs: 3})
	require.NoError(t, err)
	require.NoError(t, s.Problem)
	t.Logf("%d steps, from %d, in %d executions, reproduces %s\n%s", len(s.Best.Steps), s.From, s.Executions, s.Rate, generators.Encode(s.Best))
	operations, faults, _ := sizes([]generators.Reduction{s.Reduction})
	assert.LessOrEqual(t, operations[0], 2, "a write and a read, which the plan's own last reads may be")
	assert.LessOrEqual(t, faults[0], 1, "a kill, which the closing one may be")
	assert.Equal(t, generators.Minimal, s.Ending)
	assert.Equal(t, s.Rate.Runs, s.Rate.Strikes)
	assert.LessOrEqual(t, len(s.Witness.Operations), 2)
}

// longPlan is a drawn plan of at least 60 operations and 4 faults.
func longPlan(t *testing.T) generators.Plan {
	for n := range 1000 {
		p := generators.Draw(6, n, generators.Options{Server: "plain-4"})
		if o, f, _ := sizes([]generators.Reduction{{Best: p}}); o[0] >= 60 && f[0] >= 4 {
			return p
		}
	}
	t.Fatal("no plan is that long")
	return generators.Plan{}
}
