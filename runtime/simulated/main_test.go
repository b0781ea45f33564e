package simulated_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"retain/runtime/simulated"
	"retain/service"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// bubble runs a test on a simulated clock with a runtime that is up and ready.
func bubble(t *testing.T, o simulated.Options, test func(t *testing.T, r *rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, o)
		r.start()
		test(t, r)
		require.NoError(t, r.Close(context.Background()))
	})
}

// rig is a runtime with a client.
type rig struct {
	*simulated.Runtime
	t    *testing.T
	http *http.Transport
}

func newRig(t *testing.T, o simulated.Options) *rig {
	o.Nonce = "recorded"
	return &rig{Runtime: simulated.New(o), t: t}
}

// start starts the server and lets time pass until every partition is ready.
func (r *rig) start() {
	r.t.Helper()
	require.NoError(r.t, r.Start(context.Background()))
	r.http = &http.Transport{DialContext: r.Endpoints().Dial}
	time.Sleep(20 * time.Millisecond)
	synctest.Wait()
}

// kill kills the server once nothing moves: what a client has is acknowledged.
func (r *rig) kill() {
	r.t.Helper()
	synctest.Wait()
	require.NoError(r.t, r.Kill(context.Background()))
}

func (r *rig) stop() {
	r.t.Helper()
	_, err := r.Stop(context.Background())
	require.NoError(r.t, err)
}

func (r *rig) restart(end func()) {
	r.t.Helper()
	end()
	r.start()
}

// response is what came back.
type response struct {
	status int
	header http.Header
	body   string
	err    error
}

// sending is a request beside its path and body.
type sending struct{ key, tag string }

func (r *rig) call(path, body string, with ...sending) response {
	req, err := http.NewRequest(http.MethodPost, r.Endpoints().Ingress+path, strings.NewReader(body))
	require.NoError(r.t, err)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for _, w := range with {
		if w.key != "" {
			req.Header["idempotency-key"] = []string{w.key}
		}
		if w.tag != "" {
			req.Header.Set(service.TagHeader, w.tag)
		}
	}
	return r.do(req)
}

func (r *rig) get(path string) response {
	req, err := http.NewRequest(http.MethodGet, r.Endpoints().Ingress+path, nil)
	require.NoError(r.t, err)
	return r.do(req)
}

func (r *rig) do(req *http.Request) response {
	resp, err := r.http.RoundTrip(req)
	if err != nil {
		return response{err: err}
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return response{status: resp.StatusCode, header: resp.Header, body: string(body), err: err}
}

// want calls and compares the body of a success.
func (r *rig) want(want, path, body string, with ...sending) {
	r.t.Helper()
	got := r.call(path, body, with...)
	require.NoError(r.t, got.err, path)
	assert.Equal(r.t, 200, got.status, path)
	assert.Equal(r.t, want, got.body, path)
}

// background calls in a goroutine of its own.
func (r *rig) background(path, body string, with ...sending) <-chan response {
	done := make(chan response, 1)
	go func() { done <- r.call(path, body, with...) }()
	return done
}

// held calls an operation that a gate is to hold, and returns when it stands
// there.
func (r *rig) held(at service.Position, path, body string, with sending) (service.Gate, <-chan response) {
	r.t.Helper()
	g := r.Arm(with.tag, at)
	answer := r.background(path, body, with)
	<-g.Held()
	return g, answer
}
