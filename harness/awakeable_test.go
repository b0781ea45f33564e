package harness

import (
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

var awakeables = model.Object{Kind: model.Awakeables}

func about(id, client int, op model.Operation) generators.Step {
	return harnesstest.Operate(id, client, awakeables, op)
}

// answersIn are the answers of a phase's operations, by their texts.
func answersIn(h *model.History, phase model.Phase) map[string]string {
	out := map[string]string{}
	for _, o := range h.Operations {
		if o.Phase == phase && o.Answer != nil {
			out[o.Op.String()] = o.Answer.String()
		}
	}
	return out
}

// What a plan leaves open is completed before the last reads, which wait for it.
func TestWhatAPlanAwaitsIsEndedBeforeItsReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := play(t, system(t), generators.Config{},
			about(1, 0, model.AwakeableAwait{Value: "open"}), about(2, 0, model.AwakeableAwait{Value: "done", DelayMs: 200}),
			about(3, 0, model.AwakeableResolve{Value: "done", Result: "x"}), about(4, 0, model.AwakeableReject{Value: "done", Reason: "y"}),
			harnesstest.Inject(5, model.Kill, generators.InPlace{}), harnesstest.Inject(6, model.Start, generators.InPlace{}),
			about(7, 0, model.AwakeableAttach{Value: "done"}), about(8, 0, model.AwakeableOutput{Value: "open"}), about(9, 0, model.AwakeableResolve{Value: "nobody's", Result: "z"}))
		require.Nil(t, out.Liveness)
		for id, want := range map[int]string{1: `#1 "open"`, 2: `#2 "done"`, 3: "ok", 4: "ok", 7: `"x"`, 8: "unfinished", 9: "unknown"} {
			assert.Equal(t, want, out.step(id).Answer.String(), "step %d", id)
		}
		looks := answersIn(out.History, model.Look)
		assert.Equal(t, `"x"`, looks[`attach("done")`])
		assert.Equal(t, "ok", looks[`resolve("open","open ends")`])
		assert.Equal(t, `"open ends"`, looks[`attach("open")`])
		assert.NotContains(t, looks, `resolve("done","done ends")`, "it was seen to end")
		assert.Equal(t, checker.Pass, checker.Check(out.History, checker.Options{}).Verdict)
	})
}

// A plan whose completion is gone, as a reduction may leave it, ends all the same.
func TestAttachThatNobodyEndsIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		out := play(t, system(t), generators.Config{Retry: true},
			about(1, 0, model.AwakeableAwait{Value: "a"}), about(2, 0, model.AwakeableAttach{Value: "a"}), about(3, 0, model.AwakeableGet{}))
		require.Nil(t, out.Liveness)
		assert.Equal(t, model.Ambiguous, out.step(2).Outcome)
		assert.Equal(t, "1", out.step(3).Answer.String(), "the rest of the program is not left out")
		assert.Less(t, time.Since(began), 5*time.Second)
		assert.Equal(t, checker.Pass, checker.Check(out.History, checker.Options{}).Verdict)
	})
}

// An await that is published when it is sent again was too late to be ended with the others: what
// asks for its answer is not sent again.
func TestNobodyEndsAnAwaitBeforeItsCompletionIsAcknowledged(t *testing.T) {
	of := func(id int, op model.Operation, a model.Answer) model.Invoked {
		return model.Invoked{ID: id, Phase: model.Program, Object: awakeables, Op: op, Outcome: model.OK, Answer: a}
	}
	attach := of(9, model.AwakeableAttach{Value: "a"}, nil)
	r := &run{rec: newTestRecorder(t)}
	r.rec.history.Operations = []model.Invoked{of(1, model.AwakeableAwait{Value: "a"}, model.Receipt{Number: 1, Value: "a"})}
	assert.True(t, r.nobodyEnds(attach))
	r.rec.history.Operations = append(r.rec.history.Operations, of(2, model.AwakeableResolve{Value: "a", Result: "x"}, model.Unknown{}))
	assert.True(t, r.nobodyEnds(attach), "it was not published then")
	r.rec.history.Operations = append(r.rec.history.Operations, of(3, model.AwakeableResolve{Value: "a", Result: "x"}, model.Done{}))
	assert.False(t, r.nobodyEnds(attach))
	assert.False(t, r.nobodyEnds(model.Invoked{Object: answers, Op: model.AnswerAttach{Value: "a"}}), "its call ends by itself")
}

// A call that is held has nothing published: it is ambiguous, and awaited all the same.
func TestAwaitThatAKillFindsIsEndedToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := play(t, system(t), generators.Config{Resolve: generators.LeaveOpen},
			about(1, 0, model.AwakeableAwait{Value: "a"}),
			harnesstest.Inject(2, model.Kill, generators.AtGate{Step: 1}), harnesstest.Inject(3, model.Start, generators.InPlace{}))
		require.Nil(t, out.Liveness)
		assert.Equal(t, model.Ambiguous, out.step(1).Outcome)
		assert.Equal(t, "ok", answersIn(out.History, model.Look)[`resolve("a","a ends")`])
		assert.Zero(t, openInvocations(out.History))
	})
}

func TestLostCompletionIsToldFromTheNextOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := WiredSystem(t, simulated.Options{Bugs: []simulated.Bug{simulated.LostCompletion}, Rate: 1})
		out := play(t, s, generators.Config{NoClosingKill: true},
			about(1, 0, model.AwakeableAwait{Value: "a"}), about(2, 0, model.AwakeableResolve{Value: "a", Result: "x"}),
			harnesstest.Inject(3, model.Kill, generators.InPlace{}), harnesstest.Inject(4, model.Start, generators.InPlace{}))
		result := checker.Check(out.History, checker.Options{})
		require.Equal(t, checker.Violation, result.Verdict)
		assert.Equal(t, model.CompletionLost, result.Objects[0].Guarantee.Code)
		assert.Equal(t, model.Kill, result.Objects[0].Guarantee.Fault)
	})
}
