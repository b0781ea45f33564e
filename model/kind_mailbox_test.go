package model_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"retain/model"
)

var _ = registerWays(model.Mailbox, func(t *rapid.T) []func() model.Operation {
	value := func() string { return text.Draw(t, "text") }
	delay := func() int64 { return rapid.Int64Range(0, 1000).Draw(t, "delay") }
	return []func() model.Operation{
		func() model.Operation { return model.MailboxAppend{Value: value()} },
		func() model.Operation { return model.MailboxSend{Value: value(), DelayMs: delay()} },
		func() model.Operation { return model.MailboxRelay{Value: value(), DelayMs: delay()} },
		func() model.Operation { return model.MailboxNap{Value: value(), DelayMs: delay()} },
		func() model.Operation { return model.MailboxGet{} },
		func() model.Operation { return model.MailboxDrain{} },
	}
})

func TestDelayOfAnOperationIsReadFromItsText(t *testing.T) {
	for text, want := range map[string]model.Operation{
		`send("v")`:     model.MailboxSend{Value: "v"},
		`send("v",250)`: model.MailboxSend{Value: "v", DelayMs: 250},
		`relay("v",1)`:  model.MailboxRelay{Value: "v", DelayMs: 1},
		`nap("v")`:      model.MailboxNap{Value: "v"},
	} {
		op, err := model.ParseOperation(model.Mailbox, text)
		require.NoError(t, err)
		assert.Equal(t, want, op)
	}
	for _, text := range []string{`send()`, `send("")`, `send("v",-1)`, `send("v",3153600000001)`, `send("v",1,2)`, `nap("v","1")`} {
		_, err := model.ParseOperation(model.Mailbox, text)
		assert.Error(t, err, text)
	}
}

func TestAcceptanceNamesTheInvocationAndItsTime(t *testing.T) {
	a, err := model.DecodeAcceptance([]byte(`{"invocationId":"inv_1","status":"Accepted","executionTime":"2026-11-30T12:00:00.250Z"}`))
	require.NoError(t, err)
	assert.Equal(t, model.Acceptance{Invocation: "inv_1", Due: time.Date(2026, 11, 30, 12, 0, 0, 250_000_000, time.UTC)}, a)
	a, err = model.DecodeAcceptance([]byte(`{"invocationId":"inv_1","status":"PreviouslyAccepted"}`))
	require.NoError(t, err)
	assert.True(t, a.Previously)
	for _, body := range []string{``, `{}`, `{"invocationId":"inv_1"}`, `{"status":"Accepted"}`, `"inv_1"`} {
		_, err := model.DecodeAcceptance([]byte(body))
		assert.Error(t, err, body)
	}
}
