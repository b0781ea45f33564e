package ingress_test

import (
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/runtime/ingress"
)

// readyIn is how long AwaitReady takes with this probe, in simulated time.
func readyIn(t *testing.T, probe func(since time.Duration, w http.ResponseWriter, r *http.Request)) time.Duration {
	t.Helper()
	began := time.Now()
	ep, end := ticking(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/restate/health" {
			answer(200, "{}")(w, r)
			return
		}
		probe(time.Since(began), w, r)
	})
	defer end()
	require.NoError(t, ingress.AwaitReady(within(t, time.Minute), ep, "ours", keys[:1], ingress.Milestones{}))
	return time.Since(began)
}

// Probes that come too early hang. A later one is answered soon after the server is
// ready.
func TestProbeSentInTimeFindsReadiness(t *testing.T) {
	for _, ready := range []time.Duration{50 * time.Millisecond, 330 * time.Millisecond, 700 * time.Millisecond, 3 * time.Second} {
		t.Run(ready.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				took := readyIn(t, func(since time.Duration, w http.ResponseWriter, r *http.Request) {
					if since < ready {
						hang(w, r)
						return
					}
					answer(200, pong)(w, r)
				})
				assert.GreaterOrEqual(t, took, ready)
				assert.Less(t, took, ready+250*time.Millisecond)
			})
		})
	}
}

// Each probe takes the same time, so the first one is answered first.
func TestHedgedProbesDoNotCancelTheFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n atomic.Int32
		took := readyIn(t, func(_ time.Duration, w http.ResponseWriter, r *http.Request) {
			if n.Add(1) > 1 {
				hang(w, r)
				return
			}
			time.Sleep(450 * time.Millisecond) // on the simulated clock
			answer(200, pong)(w, r)
		})
		assert.Greater(t, n.Load(), int32(3))
		assert.Equal(t, 450*time.Millisecond, took)
	})
}

// A server that is slower than the probes still calls the handlers of all that were given
// up, in their order. Probes that keep their pace would push readiness away for ever.
func TestProbesLeaveASlowServerTimeToCatchUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const ready, call = 1500 * time.Millisecond, 400 * time.Millisecond
		var calls atomic.Int64
		took := readyIn(t, func(since time.Duration, w http.ResponseWriter, r *http.Request) {
			due := ready + time.Duration(calls.Add(1))*call
			select {
			case <-time.After(due - since): // on the simulated clock
				answer(200, pong)(w, r)
			case <-r.Context().Done():
			}
		})
		assert.Less(t, took, 30*time.Second)
	})
}
