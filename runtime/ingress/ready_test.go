package ingress_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/runtime"
	"retain/runtime/ingress"
	"retain/runtime/simulated"
)

func answer(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body)) // the client's error tells if it fails
	}
}

const pong = `{"nonce":"ours"}`

// ours is the nonce of pong.
const ours = ingress.Nonce("ours")

// come serves health and probes; a nil one answers as a runtime that is ready.
func come(t *testing.T, health, probe http.HandlerFunc) runtime.Endpoints {
	t.Helper()
	if health == nil {
		health = answer(200, `{"services":[]}`)
	}
	if probe == nil {
		probe = answer(200, pong)
	}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/restate/health" {
			health(w, r)
			return
		}
		probe(w, r)
	}))
	t.Cleanup(s.Close)
	return runtime.Endpoints{Ingress: s.URL}
}

// times answers with each handler once, and then with the last one for good.
func times(handlers ...http.HandlerFunc) http.HandlerFunc {
	var n atomic.Int32
	return func(w http.ResponseWriter, r *http.Request) {
		handlers[min(int(n.Add(1)), len(handlers))-1](w, r)
	}
}

// hang answers nothing until the client is gone.
func hang(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

var errLate = errors.New("the recovery's bound has passed")

func within(t *testing.T, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeoutCause(t.Context(), d, errLate)
	t.Cleanup(cancel)
	return ctx
}

// milestones records their order.
type milestones struct {
	mu   sync.Mutex
	seen []string
}

func (m *milestones) all() ingress.Milestones {
	mark := func(name string) func() {
		return func() {
			m.mu.Lock()
			defer m.mu.Unlock()
			m.seen = append(m.seen, name)
		}
	}
	return ingress.Milestones{Port: mark("port"), Health: mark("health"), FirstProbe: mark("canary")}
}

var keys = []string{"a", "b", "c"}

// The server refuses, then accepts without an answer, then is healthy, then ready.
func TestMilestonesComeInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := simulated.New(simulated.Options{Nonce: string(ours), Timings: simulated.Timings{
			Port: time.Second, Health: 2 * time.Second, Ready: 3 * time.Second,
		}})
		require.NoError(t, r.Start(t.Context(), runtime.StartOptions{}))
		began := time.Now()
		var m milestones
		require.NoError(t, ingress.AwaitReady(within(t, time.Minute), r.Endpoints(), ours, keys, m.all()))
		assert.Equal(t, []string{"port", "health", "canary"}, m.seen)
		assert.GreaterOrEqual(t, time.Since(began), 3*time.Second)
		require.NoError(t, r.Close(t.Context()))
	})
}

// Health is not enough, nor is an answer that is not the probe's. Each probe has a fresh
// idempotency key.
func TestReadinessNeedsAnAnsweredProbePerKey(t *testing.T) {
	var mu sync.Mutex
	asked, cached := map[string]int{}, map[string]int{}
	ready := times(answer(404, "no such service"), answer(503, "not yet"), answer(500, "routing"), answer(200, pong))
	ep := come(t, nil, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		asked[r.Method+" "+r.URL.Path]++
		cached[r.Header.Get("Idempotency-Key")]++
		mu.Unlock()
		ready(w, r)
	})
	require.NoError(t, ingress.AwaitReady(within(t, time.Minute), ep, ours, keys, ingress.Milestones{}))
	total := 0
	for _, key := range keys {
		assert.NotZero(t, asked["POST /RetainCanary/"+key+"/ping"], key)
		total += asked["POST /RetainCanary/"+key+"/ping"]
	}
	assert.Equal(t, 6, total)
	assert.Len(t, cached, total, "a fresh idempotency key each")
	assert.NotContains(t, cached, "")
}

func TestReadinessWithoutKeysStillProbes(t *testing.T) {
	ep := come(t, nil, answer(503, "not yet"))
	assert.ErrorIs(t, ingress.AwaitReady(within(t, 50*time.Millisecond), ep, ours, nil, ingress.Milestones{}), errLate)
	var m milestones
	require.NoError(t, ingress.AwaitReady(within(t, time.Minute), come(t, nil, nil), ours, nil, m.all()))
	assert.Equal(t, []string{"port", "health", "canary"}, m.seen)
}

// The probes of other keys do not matter.
func TestWrongNonceEndsTheWaitForReadiness(t *testing.T) {
	for name, c := range map[string]struct {
		probe http.HandlerFunc
		want  error
	}{
		"another nonce": {answer(200, `{"nonce":"theirs"}`), ingress.ErrWrongServer},
		"no nonce":      {answer(200, `{}`), ingress.ErrMixedUp},
		"no JSON":       {answer(200, `<html>`), ingress.ErrMixedUp},
	} {
		t.Run(name, func(t *testing.T) {
			ep := come(t, nil, func(w http.ResponseWriter, r *http.Request) {
				if strings.Contains(r.URL.Path, "/b/") {
					c.probe(w, r)
					return
				}
				hang(w, r)
			})
			ctx := within(t, time.Hour) // it does not end before the test's own time-out
			err := ingress.AwaitReady(ctx, ep, ours, keys, ingress.Milestones{})
			assert.ErrorIs(t, err, c.want)
			assert.NotErrorIs(t, err, errLate)
			assert.NoError(t, ctx.Err())
		})
	}
}

func TestReadinessErrorNamesTheLastMilestone(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	nobody := runtime.Endpoints{Ingress: "http://" + l.Addr().String()}
	require.NoError(t, l.Close())
	two := func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.Path, "/b/") {
			answer(503, "not yet")(w, r)
			return
		}
		answer(200, pong)(w, r)
	}
	for _, c := range []struct {
		name string
		ep   runtime.Endpoints
		says []string
	}{
		{"nobody listens", nobody, []string{"never accepted a connection", nobody.Ingress, "connection refused"}},
		{"not healthy", come(t, answer(500, "still loading"), nil), []string{"accepted connections and never said it was healthy", "500 still loading"}},
		{"health hangs", come(t, hang, nil), []string{"never said it was healthy"}},
		{"no probe", come(t, nil, answer(503, "not yet")), []string{"healthy", "0 of 3 keys", "503 not yet"}},
		{"some probes", come(t, nil, two), []string{"healthy", "2 of 3 keys", "503 not yet"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			err := ingress.AwaitReady(within(t, 100*time.Millisecond), c.ep, ours, keys, ingress.Milestones{})
			require.ErrorIs(t, err, errLate)
			assert.NotErrorIs(t, err, ingress.ErrWrongServer)
			for _, text := range append(c.says, errLate.Error()) {
				assert.ErrorContains(t, err, text)
			}
		})
	}
}

// ticking is a server in memory, for tests on a simulated clock.
func ticking(t *testing.T, h http.HandlerFunc) (runtime.Endpoints, func()) {
	t.Helper()
	conns, closed := make(chan net.Conn), make(chan struct{})
	s := &http.Server{Handler: h}
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = s.Serve(&memory{conns: conns, closed: closed}) // ends with an error always
	}()
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		near, far := net.Pipe()
		select {
		case conns <- far:
			return near, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return runtime.Endpoints{Ingress: "http://memory", Dial: dial}, func() {
		_ = s.Close()
		<-served
	}
}

// memory is a listener in memory.
type memory struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (m *memory) Accept() (net.Conn, error) {
	select {
	case c := <-m.conns:
		return c, nil
	case <-m.closed:
		return nil, net.ErrClosed
	}
}

func (m *memory) Close() error {
	m.once.Do(func() { close(m.closed) })
	return nil
}

func (m *memory) Addr() net.Addr { return &net.TCPAddr{} }

// A call that came too early may never be answered.
func TestHangingProbeIsOvertakenByAHedgedOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n atomic.Int32
		ep, end := ticking(t, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/restate/health" && n.Add(1) == 1 {
				hang(w, r)
				return
			}
			answer(200, pong)(w, r)
		})
		defer end()
		began := time.Now()
		require.NoError(t, ingress.AwaitReady(within(t, time.Minute), ep, ours, keys[:1], ingress.Milestones{}))
		assert.Equal(t, int32(2), n.Load())
		assert.Less(t, time.Since(began), 2*time.Second)
	})
}

// Each answer takes eight seconds.
func TestSlowRuntimeBecomesReady(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ep, end := ticking(t, func(w http.ResponseWriter, r *http.Request) {
			slow := time.NewTimer(8 * time.Second)
			defer slow.Stop()
			select {
			case <-slow.C:
				answer(200, pong)(w, r)
			case <-r.Context().Done():
			}
		})
		defer end()
		require.NoError(t, ingress.AwaitReady(within(t, time.Minute), ep, ours, keys, ingress.Milestones{}))
	})
}

func TestAdminErrorIsReported(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/rows":
			assert.Equal(t, "application/json", r.Header.Get("Accept"))
			answer(200, `{"rows":[1]}`)(w, r)
		case "/empty":
			assert.Zero(t, r.ContentLength)
			w.WriteHeader(200)
		case "/garbled":
			answer(200, `{`)(w, r)
		default:
			answer(400, `{"message":"no such table"}`)(w, r)
		}
	}))
	t.Cleanup(s.Close)
	ep := runtime.Endpoints{Admin: s.URL}
	var rows struct{ Rows []int }
	require.NoError(t, ingress.Admin(t.Context(), ep, http.MethodPost, "/rows", `{"query":"SELECT 1"}`, &rows))
	assert.Equal(t, []int{1}, rows.Rows)
	require.NoError(t, ingress.Admin(t.Context(), ep, http.MethodGet, "/empty", "", &rows))
	require.NoError(t, ingress.Admin(t.Context(), ep, http.MethodGet, "/rows", "", nil))
	assert.ErrorContains(t, ingress.Admin(t.Context(), ep, http.MethodGet, "/garbled", "", &rows), "admin /garbled")
	assert.ErrorContains(t, ingress.Admin(t.Context(), ep, http.MethodPost, "/nothing", "{}", &rows), "admin /nothing: 400")
	s.Close()
	assert.ErrorContains(t, ingress.Admin(t.Context(), ep, http.MethodGet, "/rows", "", &rows), "admin /rows")
}
