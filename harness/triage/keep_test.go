package triage_test

import (
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/checker"
	"retain/generators"
	"retain/harness"
	"retain/harness/internal/sessiontest"
	"retain/harness/session"
	"retain/harness/triage"
	"retain/model"
	"retain/runtime/simulated"
)

// fact is what a violation says of one of the alternatives.
func fact(t *testing.T, r harness.Run, what string) harness.Hypothesis {
	t.Helper()
	for _, o := range r.Hypotheses {
		if o.What == what {
			return o
		}
	}
	t.Fatalf("nothing is said of %q: %v", what, r.Hypotheses)
	return harness.Hypothesis{}
}

// It also rules out that the write comes back.
func TestLostWriteRulesEverythingElseOut(t *testing.T) {
	r := sessiontest.Violating(t, simulated.LostWrite, sessiontest.WriteAndRead([]model.FaultKind{model.Kill, model.Start}, 1), session.Options{})
	require.NoError(t, r.Problem)
	assert.Equal(t, "register-0: an acknowledged write is missing after a kill", r.Sentence)
	assert.Equal(t, []harness.Hypothesis{
		{What: "checker", Fact: "by zones; porcupine agrees", RuledOut: true},
		{What: "not sent", Fact: "1 attempt, handler ran once, 200", RuledOut: true},
		{What: "not ready", Fact: fact(t, r, "not ready").Fact, RuledOut: true},
		{What: "late", Fact: `gone: still "" after 0s, still "" after one more restart`, RuledOut: true},
		{What: "wrong server", Fact: "nonce matches", RuledOut: true},
	}, r.Hypotheses)
	assert.Regexp(t, "^a probe had passed .* before$", fact(t, r, "not ready").Fact)
	assert.Equal(t, "acknowledged, handler ran once, its output is known by its key, and the state table lacks its effect", r.Where)

	f := sessiontest.ReadFinding(t, r)
	assert.Equal(t, "an acknowledged write is missing after a kill", f.Guarantee)
	assert.Equal(t, []int{1}, f.Lost)
	assert.Equal(t, f.Lost, r.Lost)
	assert.Equal(t, "register-0", f.Object)
	assert.Equal(t, r.Hypotheses, f.RuledOut)
	assert.Equal(t, r.Where, f.Where)
	assert.Equal(t, r.Outcome.ID, f.Run)
	assert.Equal(t, "simulated", f.Identity.Backend)
	require.Len(t, f.Late[model.Late], 2)
	assert.Equal(t, `""`, f.Late[model.Late][0].Answer)
	assert.Len(t, f.Late[model.Later], 2)

	file, err := os.Open(filepath.Join(r.Dir, triage.LateFile))
	require.NoError(t, err)
	defer file.Close()
	h, err := model.ReadHistory(file)
	require.NoError(t, err)
	require.NoError(t, h.Validate(), "the second look is a history by itself")
	assert.Len(t, h.Operations, 4)
	assert.Contains(t, h.Fragment, r.Outcome.ID, "nobody judges it as a whole one: what was written is missing")
	assert.Equal(t, model.Kill, h.Faults[0].Kind)
}

func TestLostWriteThatReappearsIsMarkedSurfacing(t *testing.T) {
	r := sessiontest.Violating(t, simulated.LateWrite, sessiontest.WriteAndRead(nil, 1), session.Options{})
	assert.Equal(t, "register-0: an acknowledged write is missing, and surfaces only later", r.Sentence)
	assert.Equal(t, harness.Hypothesis{What: "late", Fact: `came back: "v1" after 0s, still "v1" after one more restart`}, fact(t, r, "late"))
	assert.Equal(t, "an acknowledged write is missing, and surfaces only later", sessiontest.ReadFinding(t, r).Guarantee)
}

// Later reads of the same run show the write.
func TestWriteSeenLaterDoesNotSurface(t *testing.T) {
	r := sessiontest.Violating(t, simulated.LateWrite, sessiontest.WriteAndRead(nil, 6), session.Options{})
	assert.Equal(t, "register-0: a read went back to an older value", r.Sentence)
	assert.Regexp(t, "^came back: ", fact(t, r, "late").Fact)
}

func TestStaleReadIsDistinguishedFromALossByTheStateTable(t *testing.T) {
	r := sessiontest.Violating(t, simulated.StaleRead, sessiontest.WriteAndRead([]model.FaultKind{model.Kill, model.Start}, 1), session.Options{})
	assert.Equal(t, "acknowledged, handler ran once, its output is known by its key, and the state table holds its effect now: only the answer missed it", r.Where)
}

func TestDoubledEffectNeitherGoesNorComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		counter := model.Object{Kind: model.Counter}
		r := sessiontest.Violating(t, simulated.DoubleApply, generators.Plan{Config: generators.Config{Partitions: 1, Retry: true, PushOn: true}, Steps: []generators.Step{
			generators.Operate{ID: 1, Object: counter, Op: model.CounterAdd{Delta: 1}},
			generators.Inject{ID: 2, Fault: model.Kill, When: generators.AtGate{Step: 1, After: true}},
			generators.Inject{ID: 3, Fault: model.Start, When: generators.InPlace{}},
			generators.Operate{ID: 4, Object: counter, Op: model.CounterGet{}},
		}}, session.Options{})
		assert.Equal(t, "counter-0: a counter counted more than was added", r.Sentence)
		late := fact(t, r, "late")
		assert.True(t, late.RuledOut)
		assert.Regexp(t, `^(still )?\d after 0s, still \d after one more restart$`, late.Fact)
	})
}

// The read alone does not show which append the second element is from. On the simulated
// clock the server has repeated the append before the client sends it again, so the
// element always stands there three times.
func TestDoubledElementIsLocated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		list := model.Object{Kind: model.List}
		r := sessiontest.Violating(t, simulated.DoubleApply, generators.Plan{Config: generators.Config{Partitions: 1, Retry: true, PushOn: true}, Steps: []generators.Step{
			generators.Operate{ID: 1, Object: list, Op: model.ListAppend{Value: "v1"}},
			generators.Inject{ID: 2, Fault: model.Kill, When: generators.AtGate{Step: 1, After: true}},
			generators.Inject{ID: 3, Fault: model.Start, When: generators.InPlace{}},
			generators.Operate{ID: 4, Object: list, Op: model.ListGet{}},
		}}, session.Options{})
		b := r.Check.Broken()
		assert.Equal(t, "one append had two effects", b.Guarantee.String(), "and it was sent twice, but it stands there three times")
		assert.Equal(t, &checker.Stranger{Value: "v1", Writers: []int{1}}, b.Stranger)
		assert.Regexp(t, "handler ran (twice|3 times), .*the state table agrees$", r.Where)
	})
}

func TestOperationThatNeverFinishesIsLookedUpAgain(t *testing.T) {
	r := sessiontest.Violating(t, simulated.StuckKey, sessiontest.WriteAndRead([]model.FaultKind{model.Kill, model.Start}, 1), session.Options{})
	require.NotNil(t, r.Outcome.Liveness)
	require.Positive(t, r.Outcome.Liveness.Operation)
	assert.Equal(t, harness.Hypothesis{What: "late", Fact: "no answer after 0s, no answer after one more restart", RuledOut: true}, fact(t, r, "late"))
	assert.Equal(t, harness.Hypothesis{What: "wrong server", Fact: "nonce matches", RuledOut: true}, fact(t, r, "wrong server"))
	assert.Contains(t, fact(t, r, "not sent").Fact, "handler never seen to run")
	assert.True(t, fact(t, r, "not sent").RuledOut, "it was written: why no handler ran is the violation itself")
	assert.Regexp(t, "^not answered, handler never seen to run, its invocation is [a-z]+ and its journal has no output$", r.Where)
	assert.Equal(t, r.Where, sessiontest.ReadFinding(t, r).Where)
	assert.Equal(t, "an accepted operation finishes", sessiontest.ReadFinding(t, r).Guarantee)
}

// OnRun finds every file of the finding.
func TestFindingIsCompleteBeforeOnRun(t *testing.T) {
	told := 0
	sessiontest.Violating(t, simulated.SwallowedWrite, sessiontest.WriteAndRead(nil, 1), session.Options{KeepData: true, OnRun: func(r harness.Run) {
		told++
		f := sessiontest.ReadFinding(t, r)
		assert.Equal(t, r.Sentence, f.Sentence)
		assert.Equal(t, r.Hypotheses, f.RuledOut)
		for _, name := range []string{triage.PlanFile, triage.HistoryFile, triage.LateFile, triage.PictureFile, triage.LogFile, "state_dump.json", "sys_invocation_dump.json", "sys_journal_dump.json"} {
			assert.FileExists(t, filepath.Join(r.Dir, name))
		}
		require.ErrorContains(t, r.Problem, "keep the data: a simulated runtime can't hand out its data")
	}})
	assert.Equal(t, 1, told)
}

func TestUnwritableFindingKeepsItsVerdict(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "findings"), nil, 0o644), "a file stands where the findings should be")
	r := sessiontest.Violating(t, simulated.SwallowedWrite, sessiontest.WriteAndRead(nil, 1), session.Options{Dir: dir})
	require.ErrorContains(t, r.Problem, "make the directory of the finding")
	assert.Empty(t, r.Dir)
	assert.Equal(t, "register-0: an acknowledged write is missing", r.Sentence)
	assert.Contains(t, fact(t, r, "late").Fact, "gone: ")
	assert.Contains(t, r.Where, "acknowledged, handler ran once, ")
	assert.FileExists(t, r.Outcome.Path, "the history stays where it was made")
}
