package simulated_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/model"
	"retain/runtime/simulated"
)

// send sends an append to the mailbox m.
func (r *rig) send(value, query string, with ...sending) model.Acceptance {
	r.t.Helper()
	answer := r.call("/Mailbox/m/append/send"+query, value, with...)
	require.Equal(r.t, 202, answer.Status, answer.Body)
	a, err := model.DecodeAcceptance([]byte(answer.Body))
	require.NoError(r.t, err)
	return a
}

func (r *rig) wantMailbox(want ...string) {
	r.t.Helper()
	body, err := json.Marshal(append([]string{}, want...))
	require.NoError(r.t, err)
	r.want(string(body), "/Mailbox/m/get", "")
}

func TestSentInvocationsAreExecutedInTheirOrder(t *testing.T) {
	bubble(t, simulated.Options{}, func(t *testing.T, r *rig) {
		first := r.send(`"a"`, "", sending{Key: "k"})
		r.send(`"b"`, "")
		again := r.send(`"c"`, "", sending{Key: "k"})
		assert.True(t, again.Previously)
		assert.Equal(t, first.Invocation, again.Invocation)
		r.wantMailbox("a", "b")
		r.restart(r.kill)
		r.wantMailbox("a", "b")
		attached := r.get("/restate/invocation/" + first.Invocation + "/attach")
		assert.Equal(t, 200, attached.Status)
		assert.Empty(t, attached.Body)
	})
}

func TestDelayedSendWaitsForItsTimeOverAKill(t *testing.T) {
	bubble(t, simulated.Options{}, func(t *testing.T, r *rig) {
		began := time.Now()
		a := r.send(`"a"`, "?delay=3000ms")
		assert.WithinDuration(t, began.Add(3*time.Second), a.Due, 50*time.Millisecond)
		r.send(`"b"`, "?delay=100ms")
		r.restart(r.kill)
		time.Sleep(time.Second)
		r.wantMailbox("b")
		time.Sleep(time.Until(a.Due) - time.Millisecond)
		r.wantMailbox("b")
		r.restart(r.stop) // it is due while the server is down, or soon after
		assert.Equal(t, 200, r.get("/restate/invocation/"+a.Invocation+"/attach").Status)
		r.wantMailbox("b", "a")
	})
}

func TestScheduledInvocationIsCancelled(t *testing.T) {
	bubble(t, simulated.Options{}, func(t *testing.T, r *rig) {
		a := r.send(`"a"`, "?delay=1000ms")
		cancel := func() int {
			return r.exchange(exchange{Method: "PATCH", Path: "admin:/invocations/" + a.Invocation + "/cancel"}).Status
		}
		assert.Equal(t, 200, cancel())
		assert.Equal(t, 404, cancel())
		time.Sleep(2 * time.Second)
		r.wantMailbox()
	})
}

func TestOnlySendsHaveADelay(t *testing.T) {
	bubble(t, simulated.Options{}, func(t *testing.T, r *rig) {
		assert.Equal(t, 400, r.call("/Mailbox/m/append?delay=100ms", `"a"`).Status)
		assert.Equal(t, 400, r.call("/Mailbox/m/append/send?delay=soon", `"a"`).Status)
	})
}

func TestRelaySendsOnceAndNapSleepsOnceOverAKill(t *testing.T) {
	bubble(t, simulated.Options{}, func(t *testing.T, r *rig) {
		r.want("", "/Mailbox/m/relay", `{"value":"a","delayMs":500}`)
		r.want("", "/Mailbox/m/relay", `{"value":"b","delayMs":0}`)
		napping := r.background("/Mailbox/m/nap", `{"value":"c","delayMs":400}`)
		time.Sleep(300 * time.Millisecond)
		r.kill()
		assert.Error(t, (<-napping).Err)
		r.start()
		time.Sleep(time.Second)
		r.wantMailbox("b", "c", "a")
	})
}

func TestDroppedSendIsNeverExecuted(t *testing.T) {
	bubble(t, planted(simulated.DroppedSend), func(t *testing.T, r *rig) {
		a := r.send(`"a"`, "?delay=1000ms")
		r.restart(r.kill)
		time.Sleep(2 * time.Second)
		r.wantMailbox()
		assert.Equal(t, 404, r.get("/restate/invocation/"+a.Invocation+"/attach").Status)
		r.strikes(1, simulated.DroppedSend)
	})
}

func TestEarlyTimerExecutesADelayedSendAtOnce(t *testing.T) {
	bubble(t, planted(simulated.EarlyTimer), func(t *testing.T, r *rig) {
		r.send(`"a"`, "?delay=60000ms")
		r.restart(r.stop)
		time.Sleep(100 * time.Millisecond)
		r.wantMailbox("a")
		r.strikes(1, simulated.EarlyTimer)
	})
}

func TestNewestFirstTurnsAQueueAround(t *testing.T) {
	bubble(t, planted(simulated.NewestFirst), func(t *testing.T, r *rig) {
		napping := r.background("/Mailbox/m/nap", `{"value":"n","delayMs":100}`)
		time.Sleep(10 * time.Millisecond)
		r.send(`"a"`, "")
		r.send(`"b"`, "")
		<-napping
		time.Sleep(100 * time.Millisecond)
		r.wantMailbox("n", "b", "a")
		r.strikes(1, simulated.NewestFirst)
	})
}
