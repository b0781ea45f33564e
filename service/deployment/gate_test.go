package deployment_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"retain/service"
)

// What the server's journal holds of an add: while a gate holds it before its
// effect, while one holds it after, and in the end.
var (
	journalBefore = []string{"Input"}
	journalAfter  = []string{"Input", "GetEagerState", "SetState"}
	journalEnd    = []string{"Input", "GetEagerState", "SetState", "Output"}
)

// For each of {before, after its effect} x {stop, kill}: the server's own journal
// shows whether the effect was there at the fault; a shared reader sees the same;
// and after a restart the operation has its effect once.
func TestGateAtFault(t *testing.T) {
	for _, fault := range []string{"stop", "kill"} {
		for _, at := range []service.Position{service.Before, service.After} {
			t.Run(string(at)+"/"+fault, func(t *testing.T) { testGateAtFault(t, at, fault) })
		}
	}
}

func testGateAtFault(t *testing.T, at service.Position, fault string) {
	d := deploy(t)
	require.Equal(t, `{"oldValue":0,"newValue":1}`, d.call("Counter/k/add", "1", "first").body)
	gate := d.Control().Arm("op", at)
	answer := d.goCall("Counter/k/add", "2", "op")
	wait(t, "the gate", gate.Held())

	// While it stands.
	entered := d.next("op")
	assert.Equal(t, service.Entered, entered.Reading)
	assert.Equal(t, 1, entered.Attempt)
	if at == service.Before {
		assert.True(t, entered.Held)
		assert.Equal(t, journalBefore, d.journal(entered.Invocation))
		assert.Equal(t, "1", d.call("Counter/k/get", "", "").body)
	} else {
		effect := d.next("op")
		assert.Equal(t, service.Effect, effect.Reading)
		assert.True(t, effect.Held)
		// No waiting: the gate is held only once the journal has it.
		assert.Equal(t, journalAfter, d.journal(entered.Invocation))
		assert.Equal(t, "3", d.call("Counter/k/get", "", "").body)
	}

	// The fault meets it there.
	if fault == "kill" {
		d.kill()
	} else {
		done := make(chan struct{})
		go func() { defer close(done); d.stop() }()
		wait(t, "the server to end", done)
	}
	assert.Equal(t, service.Broken, d.next("op").Reading)
	gate.Open()
	d.start()

	// And afterwards it is done once, in a second attempt.
	result := wait(t, "the answer", answer)
	assert.Equal(t, reply{200, "application/json", `{"oldValue":1,"newValue":3}`, nil}, result)
	assert.Equal(t, "3", d.call("Counter/k/get", "", "").body)
	for _, want := range []service.Reading{service.Entered, service.Effect, service.Finished} {
		e := d.next("op")
		assert.Equal(t, want, e.Reading)
		assert.Equal(t, 2, e.Attempt)
		assert.Equal(t, entered.Invocation, e.Invocation)
		assert.False(t, e.Held)
	}
	assert.Equal(t, journalEnd, d.journal(entered.Invocation))
	assert.Zero(t, d.Proxy().Stats().Unacknowledged)
}
