package model_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"retain/model"
)

var _ = registerWays(model.Answers, func(t *rapid.T) []func() model.Operation {
	value := func() string { return text.Draw(t, "text") }
	return []func() model.Operation{
		func() model.Operation { return model.AnswerSubmit{Value: value()} },
		func() model.Operation { return model.AnswerSubmit{Value: value(), Fails: true} },
		func() model.Operation { return model.AnswerOutput{Value: value()} },
		func() model.Operation { return model.AnswerAttach{Value: value()} },
		func() model.Operation { return model.AnswerPeek{Value: value()} },
		func() model.Operation { return model.AnswerGet{} },
	}
})

func TestKeyIsCountedOnceAndKeepsItsAnswer(t *testing.T) {
	s := model.Answers.Initial()
	step := func(op model.Operation, want string) {
		t.Helper()
		var answer model.Answer
		s, answer = op.Apply(s)
		assert.Equal(t, want, answer.String(), "%s", op)
	}
	step(model.AnswerOutput{Value: "a"}, "unknown")
	step(model.AnswerSubmit{Value: "a"}, `#1 "a"`)
	step(model.AnswerSubmit{Value: "b", Fails: true}, `error(500,"#2 b",{"call":"2"})`)
	step(model.AnswerSubmit{Value: "a"}, `#1 "a"`)
	step(model.AnswerSubmit{Value: "b", Fails: true}, `error(500,"#2 b",{"call":"2"})`)
	step(model.AnswerAttach{Value: "b"}, `error(500,"#2 b",{"call":"2"})`)
	step(model.AnswerPeek{Value: "a"}, `#1 "a"`)
	step(model.AnswerGet{}, "2")
	assert.Equal(t, []string{"b", "a"}, s.(model.AnswersState).Values())
}

func TestWhatAsksNamesTheCallOfItsKey(t *testing.T) {
	call := model.AnswerSubmit{Value: "v"}
	assert.Equal(t, model.Asking{For: call}, model.AskingOf(model.AnswerOutput{Value: "v"}))
	assert.Equal(t, model.Asking{For: call, Waits: true}, model.AskingOf(model.AnswerAttach{Value: "v"}))
	assert.Equal(t, model.Asking{For: call, Early: true}, model.AskingOf(model.AnswerPeek{Value: "v"}))
	for _, op := range []model.Operation{call, model.AnswerSubmit{Value: "v", Fails: true}} {
		assert.Nil(t, model.AskingOf(op).For)
		assert.Equal(t, "v", model.KeyOf(op))
	}
	for _, op := range []model.Operation{model.AnswerGet{}, model.CounterGet{}, model.MailboxSend{Value: "v"}} {
		assert.Nil(t, model.AskingOf(op).For)
		assert.Empty(t, model.KeyOf(op))
	}
}

func TestAnswersOfCallsReadBackFromTheirText(t *testing.T) {
	receipt := model.Receipt{Number: 3, Value: "a b\n\""}
	for _, a := range []model.Answer{receipt, receipt.Failure(), model.Unknown{}, model.Unfinished{},
		model.Failure{Code: 500, Metadata: `{"a":"1","b":"}"}`}} {
		back, err := model.ParseAnswer(a.String())
		require.NoError(t, err, "%s", a)
		assert.Equal(t, a, back)
	}
	for _, text := range []string{`#`, `#0 "v"`, `#01 "v"`, `#1 ""`, `#1`, `#1 v`, `#x "v"`, `error(500,"m",{})`, `error(500,"m",{"a":1})`, `error(500,"m",{"a":"1"},"x")`} {
		_, err := model.ParseAnswer(text)
		assert.Error(t, err, text)
	}
}

// An answer says the same as another that it has no answer, whether it is known or not: in
// both cases no call of the key has ended.
func TestUnknownAndUnfinishedAreNoAnswers(t *testing.T) {
	assert.True(t, model.Unknown{}.Equal(model.Unfinished{}))
	assert.True(t, model.Unfinished{}.Equal(model.Unknown{}))
	assert.False(t, model.Unknown{}.Equal(model.Receipt{Number: 1, Value: "v"}))
}
