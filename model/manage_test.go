package model_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/model"
)

func TestOperationsOnInvocationsAreReadAsTheyPrint(t *testing.T) {
	for _, verb := range model.Verbs() {
		m := model.Manage{Verb: verb, Step: 7, On: model.Counter}
		want := string(verb) + "(7)"
		if verb == model.RestartInvocation {
			m.Of, want = model.CounterAdd{Delta: 1}, `restart(7,"add(1)")`
		}
		assert.Equal(t, want, m.String())
		back, err := model.ParseOperation(model.Counter, want)
		require.NoError(t, err)
		assert.Equal(t, model.Operation(m), back)
		named, is := model.VerbNamed(verb.Name())
		assert.True(t, is)
		assert.Equal(t, verb, named)
	}
	for text, why := range map[string]string{
		"kill()": "want the id of a step", `kill("7")`: "not an integer", `kill(7,"add(1)")`: "want the id of a step",
		"restart(7)": "want the id of a step", `restart(7,"append(\"v\")")`: "of a counter",
		`restart(7,"kill(3)")`: "calls no handler", "stop(7)": "has add",
	} {
		_, err := model.ParseOperation(model.Counter, text)
		assert.ErrorContains(t, err, why, text)
	}
}

// A restart has the effect of the operation that is executed again, under no idempotency key;
// the others have none.
func TestOnlyARestartChangesTheState(t *testing.T) {
	submit := model.AnswerSubmit{Value: "v"}
	state, first := submit.Apply(model.Answers.Initial())
	state, again := model.Manage{Verb: model.RestartInvocation, Step: 1, On: model.Answers, Of: submit}.Apply(state)
	_, asked := model.AnswerOutput{Value: "v"}.Apply(state)
	assert.Equal(t, `#1 "v"`, first.String())
	assert.Equal(t, `#2 "v"`, again.String())
	assert.Equal(t, first, asked, "the key keeps its answer")
	purge := model.Manage{Verb: model.PurgeInvocation, Step: 1, On: model.Answers}
	after, done := purge.Apply(state)
	assert.True(t, after.Equal(state) && purge.ReadOnly())
	assert.Equal(t, model.Answer(model.Done{}), done)
}
