package harness

import (
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/checker"
	"retain/generators"
	"retain/harness/internal/harnesstest"
	"retain/model"
	"retain/runtime/simulated"
)

var answers = model.Object{Kind: model.Answers}

func asking(id, client int, op model.Operation) generators.Step {
	return harnesstest.Operate(id, client, answers, op)
}

func TestAnswersAreAskedForByTheKeysOfTheirCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := play(t, system(t), generators.Config{Unkeyed: true},
			asking(1, 0, model.AnswerSubmit{Value: "a"}), asking(2, 0, model.AnswerSubmit{Value: "b", Fails: true}),
			harnesstest.Inject(3, model.Stop, generators.InPlace{}), harnesstest.Inject(4, model.Start, generators.InPlace{}),
			asking(5, 0, model.AnswerOutput{Value: "b"}), asking(6, 0, model.AnswerAttach{Value: "a"}),
			asking(7, 0, model.AnswerOutput{Value: "c"}), asking(8, 0, model.AnswerSubmit{Value: "a"}))
		require.Nil(t, out.Liveness)
		assert.Equal(t, model.HistoryVersion, out.History.Version)
		for id, want := range map[int]string{1: `#1 "a"`, 2: `error(500,"#2 b",{"call":"2"})`, 5: `error(500,"#2 b",{"call":"2"})`, 6: `#1 "a"`, 7: "unknown", 8: `#1 "a"`} {
			assert.Equal(t, want, out.step(id).Answer.String(), "step %d", id)
		}
		assert.Equal(t, out.step(1).Key, out.step(6).Key, "a plan without keys has those of answers")
		assert.Equal(t, checker.Pass, checker.Check(out.History, checker.Options{}).Verdict)
	})
}

// A call that is held has no answer yet: it is unfinished, and attaching waits for it.
func TestAnswerOfACallThatRunsIsUnfinished(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := play(t, system(t), generators.Config{Resolve: generators.Resend},
			asking(1, 0, model.AnswerSubmit{Value: "a"}),
			asking(2, 1, model.AnswerOutput{Value: "a"}),
			harnesstest.Inject(3, model.Kill, generators.AtGate{Step: 1}), harnesstest.Inject(4, model.Start, generators.InPlace{}),
			asking(5, 1, model.AnswerAttach{Value: "a"}))
		require.Nil(t, out.Liveness)
		assert.Equal(t, `#1 "a"`, out.step(5).Answer.String())
		assert.Equal(t, checker.Pass, checker.Check(out.History, checker.Options{}).Verdict)
	})
}

// A server that starts is peeked at before it is ready, and asked in other ways only then.
func TestOnlyAPeekComesBeforeTheServerIsReady(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := WiredSystem(t, simulated.Options{Timings: harnesstest.Slow, Bugs: []simulated.Bug{simulated.UnknownAtStart}, Rate: 1})
		out := play(t, s, generators.Config{PushOn: true},
			asking(1, 0, model.AnswerSubmit{Value: "a"}),
			harnesstest.Inject(2, model.Kill, generators.InPlace{}), harnesstest.Inject(3, model.Start, generators.InPlace{}),
			asking(4, 0, model.AnswerPeek{Value: "a"}), asking(5, 1, model.AnswerOutput{Value: "a"}))
		assert.Equal(t, "unknown", out.step(4).Answer.String())
		assert.Equal(t, `#1 "a"`, out.step(5).Answer.String())
		result := checker.Check(out.History, checker.Options{})
		require.Equal(t, checker.Violation, result.Verdict)
		assert.Equal(t, model.AnswerUnknownAtStart, result.Objects[0].Guarantee.Code)
		assert.Equal(t, model.Kill, result.Objects[0].Guarantee.Fault)
	})
}
