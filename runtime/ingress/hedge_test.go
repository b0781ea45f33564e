package ingress_test

import (
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/runtime/ingress"
)

// readyIn is how long AwaitReady takes with this probe of one key, in simulated time.
func readyIn(t *testing.T, probe func(since time.Duration, w http.ResponseWriter, r *http.Request)) time.Duration {
	t.Helper()
	return readyOf(t, keys[:1], probe)
}

func readyOf(t *testing.T, keys []string, probe func(since time.Duration, w http.ResponseWriter, r *http.Request)) time.Duration {
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
	require.NoError(t, ingress.AwaitReady(within(t, time.Minute), ep, ours, keys, ingress.Milestones{}))
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

// keyOf is the key of the object that a probe calls.
func keyOf(r *http.Request) string {
	key, _ := strings.CutPrefix(r.URL.Path, "/"+ingress.ProbeService+"/")
	return strings.TrimSuffix(key, "/ping")
}

// All partitions become ready at the same time: one key finds that out for the others.
func TestOneKeyIsAskedUntilItAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const ready = 450 * time.Millisecond
		var mu sync.Mutex
		early, all := map[string]int{}, map[string]int{}
		took := readyOf(t, keys, func(since time.Duration, w http.ResponseWriter, r *http.Request) {
			mu.Lock()
			all[keyOf(r)]++
			if since < ready {
				early[keyOf(r)]++
			}
			mu.Unlock()
			if since < ready {
				hang(w, r)
				return
			}
			answer(200, pong)(w, r)
		})
		assert.Less(t, took, ready+150*time.Millisecond)
		assert.Equal(t, map[string]int{keys[0]: 4}, early)
		for _, key := range keys[1:] {
			assert.Equal(t, 1, all[key], key)
		}
	})
}

// The first key's partition is not ready for three seconds: that the others are is seen
// after one.
func TestKeysDoNotWaitForTheFirstForLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		answered := map[string]time.Duration{}
		readyOf(t, keys, func(since time.Duration, w http.ResponseWriter, r *http.Request) {
			if keyOf(r) == keys[0] && since < 3*time.Second {
				hang(w, r)
				return
			}
			mu.Lock()
			answered[keyOf(r)] = since
			mu.Unlock()
			answer(200, pong)(w, r)
		})
		for _, key := range keys[1:] {
			assert.InDelta(t, 1, answered[key].Seconds(), 0.05, key)
		}
	})
}
