package harness

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/checker"
	"retain/generators"
	"retain/harness/internal/harnesstest"
	"retain/model"
	"retain/runtime/simulated"
)

func on(kind model.Kind, verb model.Verb, step int) model.Manage {
	return model.Manage{Verb: verb, Step: step, On: kind}
}

// A call that stands at a gate is killed and purged, and its key is sent again while it
// stood: then it is executed again. What was killed is not sent again by the harness.
func TestKilledAndPurgedKeyIsExecutedAgainOnlyByThePlan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := play(t, system(t), generators.Config{Retry: true, Resolve: generators.Resend},
			asking(1, 0, model.AnswerSubmit{Value: "a"}),
			asking(2, 1, on(model.Answers, model.KillInvocation, 1)),
			asking(3, 1, on(model.Answers, model.PurgeInvocation, 1)),
			asking(4, 1, model.AnswerSubmit{Value: "a"}),
			harnesstest.Inject(5, model.Kill, generators.AtGate{Step: 1}), harnesstest.Inject(6, model.Start, generators.InPlace{}),
			asking(7, 1, model.AnswerGet{}))
		require.Nil(t, out.Liveness)
		assert.Equal(t, `error(409,"killed")`, out.step(1).Answer.String())
		assert.Len(t, out.step(1).Attempts, 1)
		for _, step := range []int{2, 3} {
			assert.Equal(t, model.Answer(model.Done{}), out.step(step).Answer, "step %d", step)
		}
		assert.Equal(t, `#1 "a"`, out.step(4).Answer.String())
		assert.Equal(t, "1", out.step(7).Answer.String())
		met := out.History.Faults[slices.IndexFunc(out.History.Faults, func(f model.Fault) bool { return f.Step == 5 })]
		assert.Greater(t, met.Begin.Seq, out.step(4).Return.Seq, "the fault comes after what is done while the call stands at the gate")
		result := checker.Check(out.History, checker.Options{})
		assert.Equal(t, checker.Pass, result.Verdict, result.Reason)
		assert.Equal(t, map[model.Verb]int{model.KillInvocation: 1, model.PurgeInvocation: 1}, TallyOf(0, out.History).Managed)
	})
}

// A pause is resumed by the heal where the plan does not do that, and its client waits until
// then.
func TestPausedInvocationIsResumedByTheHeal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := play(t, system(t), generators.Config{},
			asking(1, 0, model.AnswerSubmit{Value: "a"}),
			asking(2, 1, on(model.Answers, model.PauseInvocation, 1)),
			asking(5, 2, model.AnswerAttach{Value: "a"}),
			harnesstest.Inject(3, model.Stop, generators.AtGate{Step: 1}), harnesstest.Inject(4, model.Start, generators.InPlace{}))
		require.Nil(t, out.Liveness)
		assert.Equal(t, model.Answer(model.Done{}), out.step(2).Answer)
		assert.LessOrEqual(t, time.Duration(out.step(5).Return.Ns-out.step(5).Call.Ns), 2*longestWait, "it waits for what is paused, and no longer")
		assert.Equal(t, `#1 "a"`, out.step(1).In(model.Resolved).Answer.String())
		assert.True(t, slices.ContainsFunc(out.History.Notes, func(n string) bool { return strings.HasSuffix(n, "is resumed") }), out.History.Notes)
		assert.Equal(t, checker.Pass, checker.Check(out.History, checker.Options{}).Verdict)
	})
}

// A handler that sleeps is paused, and its client is cut off: the calls behind it wait until the
// heal, and none of them is taken for stuck.
func TestCallsBehindAPausedInvocationAreNotStuck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := play(t, system(t), generators.Config{},
			harnesstest.Operate(1, 0, mailbox, model.MailboxNap{Value: "a", DelayMs: 200}),
			harnesstest.Operate(2, 1, mailbox, on(model.Mailbox, model.PauseInvocation, 1)),
			harnesstest.Inject(3, model.Kill, generators.InPlace{}), harnesstest.Inject(4, model.Start, generators.InPlace{}),
			harnesstest.Operate(5, 0, mailbox, model.MailboxGet{}),
			harnesstest.Inject(6, model.Stop, generators.InPlace{}), harnesstest.Inject(7, model.Start, generators.InPlace{}))
		require.Nil(t, out.Liveness)
		assert.Equal(t, model.Answer(model.Done{}), out.step(2).Answer)
		assert.Less(t, time.Duration(out.step(5).In(model.Resolved).Return.Ns-out.step(5).Call.Ns), 10*time.Second)
		assert.False(t, slices.ContainsFunc(out.History.Notes, func(n string) bool { return strings.Contains(n, "the rest of the program is left out") }), out.History.Notes)
	})
}

// What has no invocation, or may have been sent twice, is left alone: the operation on it
// fails, and has no effect.
func TestOperationOnAnInvocationThatIsNotThereFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := play(t, system(t), generators.Config{Unkeyed: true},
			asking(1, 0, model.AnswerSubmit{Value: "a"}),
			asking(2, 0, on(model.Answers, model.KillInvocation, 9)),
			asking(3, 0, on(model.Answers, model.KillInvocation, 1)),
			asking(4, 0, on(model.Answers, model.ResumeInvocation, 1)),
			asking(5, 0, model.Manage{Verb: model.RestartInvocation, Step: 1, On: model.Answers, Of: model.AnswerSubmit{Value: "a"}}),
			asking(6, 0, model.AnswerGet{}))
		require.Nil(t, out.Liveness)
		for _, step := range []int{2, 3, 4} {
			assert.Equal(t, model.Failed, out.step(step).Outcome, "step %d", step)
		}
		assert.Equal(t, model.Rejected, out.step(3).Reason, "it is over")
		assert.Equal(t, `#2 "a"`, out.step(5).Answer.String())
		assert.Equal(t, "2", out.step(6).Answer.String())
		assert.Equal(t, checker.Pass, checker.Check(out.History, checker.Options{}).Verdict)
	})
}

// A call that was sent twice could be executed once more behind a purge.
func TestKeyThatWasSentTwiceIsNotPurged(t *testing.T) {
	r := &recorder{final: map[string]int{}, history: model.History{Operations: []model.Invoked{
		{ID: 1, Op: model.CounterAdd{Delta: 1}, Key: "twice", Attempts: []model.Attempt{{N: 1, Wrote: true}, {N: 2, Wrote: true}}},
		{ID: 2, Op: model.CounterAdd{Delta: 1}, Key: "once", Attempts: []model.Attempt{{N: 1}, {N: 2, Wrote: true}}},
	}}}
	assert.False(t, r.finalize("twice"))
	assert.True(t, r.finalize("once"))
	assert.True(t, r.finalize(""))
	sends, err := r.attempt(2, 3)
	assert.NoError(t, err)
	assert.False(t, sends, "it was sent, and its key may be forgotten")
	r.definalize("once")
	assert.Zero(t, r.final["once"], "what made it so did nothing")
}

// What was asked under a key that may be forgotten is asked again; a call is not sent again.
func TestReadUnderAForgettableKeyIsAskedAgain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history.jsonl")
	r, err := newRecorder(path, model.Header{Version: model.HistoryVersion, Run: "r"})
	require.NoError(t, err)
	wrote := func(op model.Operation) int {
		id, err := r.call(model.Called{Process: op.String(), Phase: model.Look, Object: answers, Op: op.String(), Key: "k"})
		require.NoError(t, err)
		sends, err := r.attempt(id, 1)
		require.True(t, sends && err == nil)
		return id
	}
	read, call := wrote(model.AnswerOutput{Value: "v"}), wrote(model.AnswerSubmit{Value: "v"})
	require.True(t, r.finalize("k"))
	for id, want := range map[int]bool{read: true, call: false} {
		sends, err := r.attempt(id, 2)
		assert.NoError(t, err)
		assert.Equal(t, want, sends, "operation %d", id)
	}
}

// A call that was killed while it ran, and that nobody had an answer of, is over.
func TestKilledInvocationIsNotOpen(t *testing.T) {
	h := &model.History{
		Operations: []model.Invoked{
			{ID: 1, Step: 1, Phase: model.Program, Object: answers, Op: model.AnswerSubmit{Value: "a"}, Outcome: model.Ambiguous, Return: model.Forever},
			{ID: 2, Step: 2, Phase: model.Program, Object: answers, Op: on(model.Answers, model.KillInvocation, 1), Outcome: model.OK},
		},
		Evidence: []model.Observation{{ID: 1, Invocation: "inv_1", Entry: 1, Reading: "entered"}},
	}
	assert.Zero(t, openInvocations(h))
	h.Operations[1].Outcome = model.Ambiguous
	assert.Equal(t, 1, openInvocations(h), "the kill may not have arrived")
}

// The endpoint proxy sees an invocation that was killed enter its handler once more.
func TestEndedInvocationThatReturnsIsFound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := WiredSystem(t, simulated.Options{Bugs: []simulated.Bug{simulated.EndedReturns}, Rate: 1})
		out := play(t, s, generators.Config{},
			asking(1, 0, model.AnswerSubmit{Value: "a"}),
			asking(2, 1, on(model.Answers, model.KillInvocation, 1)),
			harnesstest.Inject(3, model.Stop, generators.AtGate{Step: 1}), harnesstest.Inject(4, model.Start, generators.InPlace{}),
			asking(5, 1, model.AnswerGet{}))
		result := checker.Check(out.History, checker.Options{})
		require.Equal(t, checker.Violation, result.Verdict)
		assert.Equal(t, model.EndedRanAgain, result.Objects[0].Guarantee.Code)
		for _, s := range Situations(out.Plan, out.History) {
			assert.False(t, s.Operation == "answer submit" && s.Moment == generators.Acknowledged, "nobody acknowledged what was killed: %s", s)
		}
	})
}

// A call whose end is not known is resolved as ever if a kill found that it was over.
func TestKillThatDidNothingLeavesItsCallToBeResolved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := play(t, system(t), generators.Config{Resolve: generators.Resend},
			asking(1, 0, model.AnswerSubmit{Value: "a"}),
			harnesstest.Inject(2, model.Kill, generators.AtGate{Step: 1, After: true}), harnesstest.Inject(3, model.Start, generators.InPlace{}),
			asking(4, 1, model.AnswerAttach{Value: "a"}),
			asking(5, 1, on(model.Answers, model.KillInvocation, 1)))
		require.Nil(t, out.Liveness)
		assert.Equal(t, model.Failed, out.step(5).Outcome)
		require.NotNil(t, out.step(1).Resolution)
		assert.Equal(t, `#1 "a"`, out.step(1).Resolution.Answer.String())
	})
}

// A key that is sent twice has the invocation of its first call: the second has none of its own.
func TestVerbOnACallWithoutAnInvocationIsGivenUpSoon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		out := play(t, system(t), generators.Config{NoClosingKill: true},
			asking(1, 0, model.AnswerSubmit{Value: "a"}), asking(2, 0, model.AnswerSubmit{Value: "a"}),
			asking(3, 0, on(model.Answers, model.PauseInvocation, 2)), asking(4, 0, model.AnswerGet{}))
		assert.Equal(t, model.Failed, out.step(3).Outcome)
		assert.Less(t, time.Since(began), time.Second)
	})
}

// The start that lets a call go on waits for the operation on its invocation, which does not wait.
func TestVerbOnACallThatIsRefusedIsGivenUpBeforeTheNextStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		out := play(t, system(t), generators.Config{Retry: true, NoClosingKill: true},
			asking(1, 0, model.AnswerSubmit{Value: "a"}), asking(2, 1, on(model.Answers, model.PurgeInvocation, 1)),
			harnesstest.Inject(3, model.Kill, generators.WhileOpen{Step: 1}), harnesstest.Inject(4, model.Start, generators.InPlace{}))
		assert.Equal(t, model.Failed, out.step(2).Outcome)
		assert.Equal(t, model.OK, out.step(1).Outcome)
		assert.Less(t, time.Since(began), time.Second)
	})
}

// What the plan has resumed is watched from then on, the rest from the heal on.
func TestWhatIsToBeResumedFollowsFromThePlanAndTheHeal(t *testing.T) {
	r := &run{state: ready, ops: map[int]*opState{1: {}}, paused: map[string]*pausedInvocation{"a": {step: 1}, "b": {step: 1}}}
	assert.Empty(t, r.toResume())
	r.endManaged("a", on(model.Answers, model.ResumeInvocation, 1), model.OK)
	assert.Equal(t, []string{"a"}, r.toResume())
	r.healed = true
	assert.Len(t, r.toResume(), 2)
	r.state = down
	assert.Empty(t, r.toResume())
}

// The handler of an await calls an exclusive one of its object, which waits its turn.
func TestAwaitBehindAHeldCallWaitsForIt(t *testing.T) {
	held, await, other := &opState{object: "awakeable-0", exclusive: true, held: true}, &opState{object: "awakeable-0", publishes: true}, &opState{object: "awakeable-0"}
	r := &run{ops: map[int]*opState{1: held, 2: await, 3: other}}
	assert.True(t, r.behindGate(await))
	assert.False(t, r.behindGate(other), "a shared read has no turn")

	paused, again := &opState{object: "awakeable-0", publishes: true, key: "a", paused: true, done: true}, &opState{object: "awakeable-0", publishes: true, key: "a"}
	r = &run{ops: map[int]*opState{1: paused, 2: again, 3: {object: "awakeable-0", publishes: true, key: "b"}}}
	assert.True(t, r.behindGate(again), "the call that has its key is paused")
	assert.False(t, r.behindGate(r.ops[3]))
}
