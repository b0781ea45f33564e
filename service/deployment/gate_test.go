package deployment_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"retain/runtime"
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
func TestGateHoldsAcrossStopAndKill(t *testing.T) {
	for _, fault := range []string{"stop", "kill"} {
		for _, at := range []service.Position{service.Before, service.After} {
			t.Run(string(at)+"/"+fault, func(t *testing.T) { testGateAtFault(t, deploy(t), at, fault) })
		}
	}
}

// The same with the newest protocol, which servers do not use by themselves yet.
func TestGateHoldsWithProtocol7(t *testing.T) {
	for _, at := range []service.Position{service.Before, service.After} {
		t.Run(string(at), func(t *testing.T) {
			d := deploy(t, "RESTATE_EXPERIMENTAL_ENABLE_PROTOCOL_V7=true")
			testGateAtFault(t, d, at, "kill")
			rows := d.query("select distinct pinned_service_protocol_version as v from sys_invocation")
			if fmt.Sprint(rows) != "[map[v:7]]" {
				t.Skipf("this server has no protocol version 7: %v", rows)
			}
		})
	}
}

func testGateAtFault(t *testing.T, d *deployed, at service.Position, fault string) {
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
	d.fail(fault)
	assert.Equal(t, service.Broken, d.next("op").Reading)
	gate.Open()
	require.NoError(t, d.server.Start(t.Context(), runtime.StartOptions{}))

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

// A server that always closes its side of the stream (request/response mode)
// acknowledges nothing. A gate after the effect holds all the same, and the
// effect is in the journal soon.
func TestGateHoldsInRequestResponseMode(t *testing.T) {
	d := deploy(t, "RESTATE_WORKER__INVOKER__INACTIVITY_TIMEOUT=0s")
	for i, at := range []service.Position{service.Before, service.After} {
		tag := string(at)
		gate := d.Control().Arm(tag, at)
		answer := d.goCall("Counter/k/add", "1", tag)
		wait(t, "the gate", gate.Held())
		entered := d.next(tag)
		want := map[service.Position][]string{service.Before: journalBefore, service.After: journalAfter}[at]
		assert.Eventually(t, func() bool {
			return assert.ObjectsAreEqual(want, d.journal(entered.Invocation))
		}, patience, time.Millisecond)
		gate.Open()
		assert.Equal(t, fmt.Sprintf(`{"oldValue":%d,"newValue":%d}`, i, i+1), wait(t, "the answer", answer).body)
		assert.EqualValues(t, i, d.Proxy().Stats().Unacknowledged)
	}
}

// The same two views of a register: what a shared reader sees while a write is
// held.
func TestSharedReaderSeesAHeldEffect(t *testing.T) {
	d := deploy(t)
	require.Equal(t, 200, d.call("Register/r/write", `"old"`, "first").status)
	for at, want := range map[service.Position]string{service.Before: `"old"`, service.After: `"new"`} {
		require.Equal(t, 200, d.call("Register/r/write", `"old"`, "").status)
		tag := string(at)
		gate := d.Control().Arm(tag, at)
		answer := d.goCall("Register/r/write", `"new"`, tag)
		wait(t, "the gate", gate.Held())
		assert.Equal(t, want, d.call("Register/r/read", "", "").body)
		gate.Open()
		assert.Equal(t, reply{status: 200}, wait(t, "the answer", answer))
		assert.Equal(t, `"new"`, d.call("Register/r/readExclusive", "", "").body)
	}
}
