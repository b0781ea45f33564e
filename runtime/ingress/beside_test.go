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

// readyIn is how long AwaitReady takes with this canary, in simulated time.
func readyIn(t *testing.T, canary func(since time.Duration, w http.ResponseWriter, r *http.Request)) time.Duration {
	t.Helper()
	began := time.Now()
	ep, end := ticking(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/restate/health" {
			answer(200, "{}")(w, r)
			return
		}
		canary(time.Since(began), w, r)
	})
	defer end()
	require.NoError(t, ingress.AwaitReady(within(t, time.Minute), ep, "ours", keys[:1], ingress.Milestones{}))
	return time.Since(began)
}

// TestReadinessIsSeenSoon: canaries that came too early hang, and the first one
// that comes in time is answered. One is sent in time, whenever that is.
func TestReadinessIsSeenSoon(t *testing.T) {
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

// TestTheFirstCanaryIsNotGivenUpForLaterOnes: where each takes its time, the
// first one is the first to be answered.
func TestTheFirstCanaryIsNotGivenUpForLaterOnes(t *testing.T) {
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
