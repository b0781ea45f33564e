package simulated_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"retain/runtime/simulated"
)

const ofWaiter = "/restate/invocation/Awakeable/a/await/k"

// waiter sends the handler that awaits and returns the path of its awakeable.
func (r *rig) waiter(delay string) string {
	r.t.Helper()
	assert.Equal(r.t, 202, r.call("/Awakeable/a/await/send", `{"value":"k","delayMs":`+delay+`}`, sending{Key: "k"}).Status)
	time.Sleep(time.Millisecond)
	published := r.call("/Awakeable/a/id", `"k"`).Body
	assert.Regexp(r.t, `^"#1 prom_1[0-9a-z]+"$`, published)
	return "/restate/awakeables/" + published[4:len(published)-1]
}

// complete completes an awakeable: 202 without a body, whatever it is.
func (r *rig) complete(path, body string) {
	r.t.Helper()
	answer := r.call(path, body)
	assert.Equal(r.t, 202, answer.Status)
	assert.Empty(r.t, answer.Body)
}

func TestFirstCompletionEndsTheHandlerThatAwaits(t *testing.T) {
	for _, delay := range []string{"0", "60000"} { // it may precede the await
		bubble(t, simulated.Options{}, func(t *testing.T, r *rig) {
			r.want(`""`, "/Awakeable/a/id", `"k"`)
			of := r.waiter(delay)
			assert.Equal(t, 470, r.get(ofWaiter+"/output").Status)
			r.restart(r.kill)
			assert.Equal(t, 470, r.get(ofWaiter+"/output").Status)
			r.complete(of+"/resolve", `"first"`)
			r.complete(of+"/reject", "second")
			r.restart(r.kill)
			assert.Equal(t, `"first"`, r.get(ofWaiter+"/attach").Body)
			r.complete(of+"/resolve", `"third"`)
			r.complete("/restate/awakeables/prom_1nobody/resolve", `"x"`)
			assert.Equal(t, `"first"`, r.get(ofWaiter+"/output").Body)
			r.want("1", "/Awakeable/a/get", "")
		})
	}
}

func TestRejectedAwakeableFailsItsHandler(t *testing.T) {
	bubble(t, simulated.Options{}, func(t *testing.T, r *rig) {
		r.complete(r.waiter("0")+"/reject", "no")
		assert.JSONEq(t, `{"code":500,"message":"no","source":"invocation"}`, r.get(ofWaiter+"/attach").Body)
	})
}

func TestHandlerCompletesAnAwakeable(t *testing.T) {
	bubble(t, simulated.Options{}, func(t *testing.T, r *rig) {
		r.want("false", "/Awakeable/a/relay", `{"value":"k","with":"x"}`)
		r.waiter("0")
		r.want("true", "/Awakeable/a/relay", `{"value":"k","with":"x"}`)
		assert.Equal(t, `"x"`, r.get(ofWaiter+"/attach").Body)
	})
}

func TestBugsOfAwakeablesStrikeTheirCompletions(t *testing.T) {
	bubble(t, planted(simulated.LostCompletion), func(t *testing.T, r *rig) {
		of := r.waiter("0")
		r.complete(of+"/resolve", `"first"`)
		r.restart(r.stop)
		r.restart(r.kill) // it was acknowledged before the last start
		assert.Equal(t, 200, r.get(ofWaiter+"/output").Status)
		r.strikes(0, simulated.LostCompletion)
	})
	bubble(t, planted(simulated.LostCompletion), func(t *testing.T, r *rig) {
		of := r.waiter("0")
		r.complete(of+"/resolve", `"first"`)
		r.restart(r.kill)
		assert.Equal(t, 470, r.get(ofWaiter+"/output").Status)
		r.complete(of+"/resolve", `"second"`)
		assert.Equal(t, `"second"`, r.get(ofWaiter+"/attach").Body)
		r.restart(r.kill)
		assert.Equal(t, 470, r.get(ofWaiter+"/output").Status, "its client had the end")
		r.strikes(2, simulated.LostCompletion)
	})
	bubble(t, planted(simulated.LastCompletionWins), func(t *testing.T, r *rig) {
		of := r.waiter("100")
		r.complete(of+"/resolve", `"first"`)
		r.complete(of+"/resolve", `"second"`)
		assert.Equal(t, `"second"`, r.get(ofWaiter+"/attach").Body)
		r.complete(of+"/resolve", `"third"`) // it has ended
		assert.Equal(t, `"second"`, r.get(ofWaiter+"/output").Body)
		r.strikes(1, simulated.LastCompletionWins)
	})
	bubble(t, planted(simulated.EarlyCompletionLost), func(t *testing.T, r *rig) {
		of := r.waiter("100")
		r.complete(of+"/resolve", `"first"`)
		time.Sleep(200 * time.Millisecond)
		assert.Equal(t, 470, r.get(ofWaiter+"/output").Status)
		r.complete(of+"/resolve", `"second"`)
		assert.Equal(t, `"second"`, r.get(ofWaiter+"/attach").Body)
		r.strikes(1, simulated.EarlyCompletionLost)
	})
}
