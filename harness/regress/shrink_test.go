package regress

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/checker"
	"retain/generators"
	"retain/harness"
	"retain/harness/internal/sessiontest"
	"retain/harness/session"
	"retain/harness/triage"
	"retain/model"
	"retain/runtime"
	"retain/runtime/simulated"
)

// losing runs generated plans against a runtime that loses writes until one fails.
func losing(t *testing.T, seed uint64) (session.Options, *harness.Run) {
	o := session.Options{
		Plans: 100, Draw: func(n int) generators.Plan { return generators.Draw(seed, n, generators.Options{}) }, Bounds: sessiontest.Quick, Late: -1, Dir: t.TempDir(),
		Open: sessiontest.Open(simulated.Options{Bugs: []simulated.Bug{simulated.LostWrite}, Rate: 1}),
	}
	result, err := session.Conduct(t.Context(), o)
	require.NoError(t, err)
	require.Equal(t, harness.Violation, result.Verdict)
	return o, &result.Failures[0]
}

// A failed run becomes a few steps, a rate and a witness, all of them on disk.
func TestShrinkReducesAFailedRun(t *testing.T) {
	o, r := losing(t, 1)
	s, err := Shrink(t.Context(), o, r, ShrinkOptions{Runs: 20})
	require.NoError(t, err)
	require.NoError(t, s.Problem)
	assert.Equal(t, generators.Minimal, s.Ending)
	assert.LessOrEqual(t, len(s.Best.Steps), 4)
	assert.Less(t, len(s.Best.Steps), len(r.Plan.Steps))
	assert.Equal(t, 20, s.Rate.Runs)
	assert.GreaterOrEqual(t, s.Rate.Failures, 15, "the bug always strikes")

	text, err := os.ReadFile(filepath.Join(r.Dir, ReducedFile))
	require.NoError(t, err)
	stored, err := generators.Decode(text)
	require.NoError(t, err)
	assert.Equal(t, s.Best, stored)
	for _, name := range []string{WitnessFile, ReducedHistoryFile} {
		file, err := os.Open(filepath.Join(r.Dir, name))
		require.NoError(t, err)
		h, err := model.ReadHistory(file)
		require.NoError(t, errors.Join(err, file.Close()))
		assert.Equal(t, checker.Violation, checker.Check(h, checker.Options{}).Verdict, name)
		assert.LessOrEqual(t, len(h.Operations), 12, name)
	}
	left, err := os.ReadDir(filepath.Join(o.Dir, "running"))
	assert.True(t, err != nil || len(left) == 0, "executions leave nothing behind")
}

// What a load saw fail, and what needs none, becomes a program of a few steps.
func TestShrinkTurnsAFailureUnderLoadIntoAProgram(t *testing.T) {
	o, _ := losing(t, 1)
	load := generators.Load{Clients: 8, Objects: 2, Seed: 5, Operations: []string{"counter add", "counter get"}, Between: 30}
	o.Plans, o.Draw = 1, func(int) generators.Plan {
		return generators.Plan{Load: load, Steps: []generators.Step{
			generators.Inject{ID: 1, Fault: model.Kill, When: generators.InFlight{Operations: 4}},
			generators.Inject{ID: 2, Fault: model.Start, When: generators.InPlace{}},
		}}
	}
	result, err := session.Conduct(t.Context(), o)
	require.NoError(t, err)
	require.Equal(t, harness.Violation, result.Verdict)
	r := &result.Failures[0]
	require.True(t, generators.IsLoadObject(r.Check.Broken().Object))
	require.NotEmpty(t, loadHintOf(r))
	s, err := Shrink(t.Context(), o, r, ShrinkOptions{Runs: 5})
	require.NoError(t, err)
	assert.Equal(t, generators.Minimal, s.Ending)
	assert.Zero(t, s.NeedsLoad())
	assert.LessOrEqual(t, len(s.Best.Steps), 4)
	assert.NotEmpty(t, s.Best.Objects())
	assert.LessOrEqual(t, s.Executions, 40, "%s", generators.Encode(s.Best))
}

// A reduction that is interrupted is worth what it did: its best plan is on disk,
// and it can be gone on with.
func TestInterruptedReductionContinues(t *testing.T) {
	o, r := losing(t, 1)
	ctx, cancel := context.WithCancel(t.Context())
	s, err := Shrink(ctx, o, r, ShrinkOptions{Runs: 20, Progress: func(r generators.Reduction) {
		if len(r.Best.Steps) < r.From {
			cancel()
		}
	}})
	require.NoError(t, err)
	require.Equal(t, generators.Interrupted, s.Ending)
	assert.Zero(t, s.Rate.Runs)

	state, err := os.ReadFile(filepath.Join(r.Dir, ReductionFile))
	require.NoError(t, err)
	var earlier generators.Reduction
	require.NoError(t, json.Unmarshal(state, &earlier))
	assert.Equal(t, s.Best, earlier.Best)
	on, err := Shrink(t.Context(), o, r, ShrinkOptions{GoOn: &earlier})
	require.NoError(t, err)
	assert.Equal(t, generators.Minimal, on.Ending)
	assert.Greater(t, on.Executions, earlier.Executions)
	assert.LessOrEqual(t, len(on.Best.Steps), 4)
}

// A reduced plan that fails has a triage like the first failure, in a folder of its
// own. One for which there is no time leaves nothing.
func TestReducedPlanHasItsOwnTriage(t *testing.T) {
	o, r := losing(t, 1)
	s, err := Shrink(t.Context(), o, r, ShrinkOptions{AskUntil: time.Now().Add(time.Minute)})
	require.NoError(t, err)
	require.NotNil(t, s.Run)
	require.Equal(t, filepath.Join(r.Dir, ReducedDir), s.Run.Dir)
	f := sessiontest.ReadFinding(t, *s.Run)
	assert.Equal(t, s.Run.Hypotheses, f.RuledOut)
	assert.Len(t, f.RuledOut, 5)
	assert.NotEmpty(t, s.Run.Where)
	assert.Equal(t, s.Run.Guarantee(), f.Broken)
	assert.Equal(t, s.Best, s.Run.Plan)
	for _, name := range []string{triage.PlanFile, triage.HistoryFile, triage.LogFile, triage.PictureFile, triage.LateFile, "state_dump.json"} {
		assert.FileExists(t, filepath.Join(s.Run.Dir, name))
	}
	assert.FileExists(t, filepath.Join(r.Dir, triage.FindingFile), "the first failure's own stay")

	o, r = losing(t, 1)
	s, err = Shrink(t.Context(), o, r, ShrinkOptions{AskUntil: time.Now()})
	require.NoError(t, err)
	require.NotNil(t, s.Run)
	assert.Empty(t, s.Run.Dir)
	assert.NotEmpty(t, s.Run.Lost, "that needs no server")
	assert.NoDirExists(t, filepath.Join(r.Dir, ReducedDir))
}

// Which of several broken objects was called first is chance: the reduction keeps the
// one that the finding tells of.
func TestShrinkReducesTheObjectOfTheFinding(t *testing.T) {
	o, _ := losing(t, 1)
	counter, register := model.Object{Kind: model.Counter}, model.Object{Kind: model.Register}
	o.Plans, o.Draw = 1, func(int) generators.Plan {
		return generators.Plan{Steps: []generators.Step{
			generators.Operate{ID: 1, Object: counter, Op: model.CounterAdd{Delta: 1}},
			generators.Operate{ID: 2, Object: register, Op: model.RegisterWrite{Value: "v2"}},
			generators.Inject{ID: 3, Fault: model.Kill, When: generators.InPlace{}},
			generators.Inject{ID: 4, Fault: model.Start, When: generators.InPlace{}},
			generators.Operate{ID: 5, Object: counter, Op: model.CounterGet{}},
			generators.Operate{ID: 6, Object: register, Op: model.RegisterRead{}},
		}}
	}
	result, err := session.Conduct(t.Context(), o)
	require.NoError(t, err)
	require.Equal(t, harness.Violation, result.Verdict)
	r := &result.Failures[0]
	require.Equal(t, counter, r.Check.Broken().Object)
	r.Check = r.Check.Foremost(model.Register)
	require.Equal(t, register, r.Check.Broken().Object)
	require.Contains(t, r.Check.Reason, "register-0: ")

	whole := &shrinking{session: o, failed: r}
	failed, err := whole.fails(t.Context(), r.Plan)
	require.NoError(t, err)
	require.True(t, failed, "whichever was called first")
	require.Equal(t, register, whole.latest.Check.Broken().Object)
	whole.best = whole.latest
	shown := &Shrunk{Run: whole.best}
	require.NoError(t, whole.witness(shown))
	require.Equal(t, register, shown.Witness.Operations[0].Object)

	require.Contains(t, whole.latest.Sentence, "register-0: ")

	s, err := Shrink(t.Context(), o, r, ShrinkOptions{Runs: 3, RateTime: time.Nanosecond})
	require.NoError(t, err)
	assert.Equal(t, generators.Minimal, s.Ending)
	assert.Equal(t, []model.Object{register}, s.Best.Objects())
	assert.Zero(t, s.Rate, "there was no time")
	assert.Equal(t, s.Seen(), s.FailsAgain())
	assert.NotZero(t, s.FailsAgain().Failures)
	assert.Equal(t, s.FailsAgain(), CaseOf(model.Guarantee{Code: model.AcknowledgedIsKept}, s, Subject{}, runtime.Identity{}, "").Rate)
}

// seen is a reduction of whose executions the first ones failed.
func seen(t *testing.T, failures, runs int) generators.Reduction {
	n := 0
	r, err := generators.Reduce(t.Context(), generators.StartAndStop(model.Kill), generators.ReduceOptions{
		Executions: runs, Fails: func(context.Context, generators.Plan) (bool, error) { n++; return n <= failures, nil },
	})
	require.NoError(t, err)
	require.Equal(t, generators.Rate{Failures: failures, Runs: runs}, r.Seen())
	return r
}

// A plan that fails in half of the executions passes the first fresh ones often enough.
func TestFewFreshExecutionsDoNotTakeAReductionBack(t *testing.T) {
	s := Shrunk{Reduction: seen(t, 3, 5), Rate: generators.Rate{Runs: 3}}
	assert.False(t, s.NeverAgain())
	assert.Equal(t, generators.Rate{Failures: 3, Runs: 8}, s.FailsAgain(), "all that is known of it")
	s.Rate.Failures = 1
	assert.Equal(t, s.Rate, s.FailsAgain())
	s.Rate = generators.Rate{Runs: 10}
	assert.True(t, s.NeverAgain())
	assert.Equal(t, s.Rate, s.FailsAgain())
	s.Rate, s.Early = generators.Rate{Runs: 1}, &EarlyEnd{Refuted: true}
	assert.True(t, s.NeverAgain(), "it finished")
}

// A failure that does not repeat is not reduced, and is reported as such. The history
// that failed still has its witness.
func TestShrinkReportsAFailureThatIsNotReproduced(t *testing.T) {
	o, r := losing(t, 1)
	o.Open = sessiontest.Open(simulated.Options{})
	s, err := Shrink(t.Context(), o, r, ShrinkOptions{Runs: 20})
	require.NoError(t, err)
	assert.Equal(t, generators.NotReproduced, s.Ending)
	assert.Nil(t, s.Run)
	require.NotNil(t, s.Witness)
	assert.Equal(t, checker.Violation, checker.Check(s.Witness, checker.Options{}).Verdict)
}
