package model_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"retain/model"
)

var _ = registerWays(model.Awakeables, func(t *rapid.T) []func() model.Operation {
	value := func() string { return text.Draw(t, "text") }
	return []func() model.Operation{
		func() model.Operation {
			return model.AwakeableAwait{Value: value(), DelayMs: rapid.Int64Range(0, 1000).Draw(t, "delay")}
		},
		func() model.Operation { return model.AwakeableResolve{Value: value(), Result: value()} },
		func() model.Operation { return model.AwakeableReject{Value: value(), Reason: value()} },
		func() model.Operation { return model.AwakeableRelay{Value: value(), Result: value()} },
		func() model.Operation { return model.AwakeableID{Value: value()} },
		func() model.Operation { return model.AwakeableOutput{Value: value()} },
		func() model.Operation { return model.AwakeableAttach{Value: value()} },
		func() model.Operation { return model.AwakeableGet{} },
	}
})

func TestFirstCompletionOfAnAwakeableWins(t *testing.T) {
	s := model.Awakeables.Initial()
	for _, step := range [][2]string{
		{`output("a")`, "unknown"}, {`resolve("a","early")`, "unknown"}, {`id("a")`, "unknown"},
		{`await("a",200)`, `#1 "a"`}, {`await("b")`, `#2 "b"`}, {`await("a",200)`, `#1 "a"`}, {`id("b")`, `#2 "b"`},
		{`output("a")`, "unfinished"}, {`resolve("a","x")`, "ok"}, {`reject("a","y")`, "ok"}, {`resolve("a","z")`, "ok"}, {`output("a")`, `"x"`},
		{`reject("b","no")`, "ok"}, {`relay("b","yes")`, "ok"}, {`attach("b")`, `error(500,"no")`}, {`relay("c","yes")`, "unknown"}, {`get()`, "2"},
	} {
		op, err := model.ParseOperation(model.Awakeables, step[0])
		require.NoError(t, err)
		var answer model.Answer
		s, answer = op.Apply(s)
		assert.Equal(t, step[1], answer.String(), "%s", op)
	}
	assert.Equal(t, []string{"b", "a"}, s.(model.AwakeablesState).Values())
	assert.Equal(t, `[#2 "b" #1 "a"] {"a":"x" "b":error(500,"no")}`, s.String())
}

func TestAwakeablesAreEqualWhateverTheOrderOfTheirCompletions(t *testing.T) {
	run := func(ops ...model.Operation) model.State {
		s := model.Awakeables.Initial()
		for _, op := range append([]model.Operation{model.AwakeableAwait{Value: "a"}, model.AwakeableAwait{Value: "b"}}, ops...) {
			s, _ = op.Apply(s)
		}
		return s
	}
	a, b := model.AwakeableResolve{Value: "a", Result: "x"}, model.AwakeableReject{Value: "b", Reason: "y"}
	assert.True(t, run(a, b).Equal(run(b, a)))
	assert.Equal(t, run(a, b).Hash(), run(b, a).Hash())
	assert.False(t, run(a).Equal(run(b)))
	assert.False(t, run(a).Equal(run(model.AwakeableReject{Value: "a", Reason: "x"})))
}

func TestPublishedAwakeableIsItsNumberAndItsID(t *testing.T) {
	of := model.AwakeableID{Value: "v"}
	for body, want := range map[string]model.Answer{`""`: model.Unknown{}, `"#3 prom_1abc"`: model.Receipt{Number: 3, Value: "v"}} {
		for _, op := range []model.Operation{of, model.AwakeableAwait{Value: "v"}} {
			a, err := op.Decode([]byte(body))
			require.NoError(t, err)
			assert.Equal(t, want, a)
		}
	}
	number, id, err := model.DecodePublished([]byte(`"#3 prom_1abc"`))
	require.NoError(t, err)
	assert.Equal(t, int64(3), number)
	assert.Equal(t, "prom_1abc", id)
	for _, body := range []string{"", "null", "3", `"#3"`, `"3 prom"`, `"#0 prom"`} {
		_, err := of.Decode([]byte(body))
		assert.Error(t, err, body)
	}
}

// on makes the operations of an object as a history has them: each is answered at once.
func on(t *testing.T, phase model.Phase, texts ...string) (out []model.Invoked) {
	s := model.Awakeables.Initial()
	for _, text := range texts {
		op, err := model.ParseOperation(model.Awakeables, text)
		require.NoError(t, err)
		var answer model.Answer
		s, answer = op.Apply(s)
		out = append(out, model.Invoked{Phase: phase, Op: op, Outcome: model.OK, Answer: answer})
	}
	return out
}

// What may be awaited still is completed, and what was completed is waited for.
func TestWhatIsAwaitedIsEnded(t *testing.T) {
	waiting := model.Awakeables.Spec().Waiting
	program := on(t, model.Program, `await("open")`, `await("done")`, `resolve("done","x")`, `await("seen")`, `reject("seen","y")`, `output("seen")`,
		`await("relayed")`, `relay("relayed","z")`, `resolve("nobody's","x")`)
	assert.Equal(t, []model.Operation{model.AwakeableResolve{Value: "open", Result: "open ends"}, model.AwakeableResolve{Value: "done", Result: "done ends"}}, waiting.End(program))
	assert.Equal(t, []model.Operation{model.AwakeableAttach{Value: "done"}, model.AwakeableAttach{Value: "seen"}, model.AwakeableAttach{Value: "relayed"}}, waiting.Ended(program))
	load := on(t, model.Load, `await("open")`, `await("done")`, `resolve("done","x")`, `await("seen")`, `resolve("seen","y")`, `output("seen")`)
	assert.Equal(t, []model.Operation{model.AwakeableAttach{Value: "done"}}, waiting.Ended(load), "what a load has seen is not waited for again")

	again := on(t, model.Program, `await("v")`, `resolve("v","x")`, `output("v")`, `await("v")`)
	assert.Equal(t, []model.Operation{model.AwakeableResolve{Value: "v", Result: "v ends"}}, waiting.End(again), "its key may have been purged, and be executed again")
	assert.Empty(t, waiting.Ended(again))

	lost := on(t, model.Program, `await("a")`, `await("b")`)
	lost[0].Outcome, lost[0].Answer = model.Failed, nil
	lost[1].Outcome, lost[1].Answer = model.Ambiguous, nil
	assert.Equal(t, []model.Operation{model.AwakeableResolve{Value: "b", Result: "b ends"}}, waiting.End(lost), "what was not sent is not awaited")
	assert.Empty(t, waiting.Ended(lost))
}

func TestOperationsOnAwakeablesSayWhatTheyDo(t *testing.T) {
	await := model.AwakeableAwait{Value: "v"}
	assert.Equal(t, "v", model.KeyOf(model.AwakeableAwait{Value: "v", DelayMs: 200}))
	assert.Equal(t, model.Asking{For: await}, model.AskingOf(model.AwakeableOutput{Value: "v"}))
	assert.Equal(t, model.Asking{For: await, Waits: true}, model.AskingOf(model.AwakeableAttach{Value: "v"}))
	published := model.AwakeableID{Value: "v"}
	assert.Equal(t, model.Awaking{Published: published}, model.AwakingOf(await))
	assert.Equal(t, model.Awaking{Published: published, Completion: &model.Completion{Value: "r"}}, model.AwakingOf(model.AwakeableResolve{Value: "v", Result: "r"}))
	assert.Equal(t, model.Awaking{Published: published, Completion: &model.Completion{Value: "r", Rejected: true}}, model.AwakingOf(model.AwakeableReject{Value: "v", Reason: "r"}))
	for _, op := range []model.Operation{model.AwakeableRelay{Value: "v", Result: "r"}, model.AwakeableID{Value: "v"}, model.AwakeableGet{}, model.CounterGet{}} {
		assert.Zero(t, model.AwakingOf(op))
		assert.Empty(t, model.KeyOf(op))
	}
}
