package simulated_test

import (
	"context"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"retain/runtime"
	"retain/runtime/runtimetest"
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
	require.NoError(r.t, r.Start(context.Background(), runtime.StartOptions{}))
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

type (
	response = runtimetest.Response
	sending  = runtimetest.Headers
)

func (r *rig) call(path, body string, with ...sending) response {
	req, err := runtimetest.NewCall(r.Endpoints().Ingress+path, body, with...)
	require.NoError(r.t, err)
	return runtimetest.Exchange(r.http, req)
}

func (r *rig) get(path string) response {
	req, err := http.NewRequest(http.MethodGet, r.Endpoints().Ingress+path, nil)
	require.NoError(r.t, err)
	return runtimetest.Exchange(r.http, req)
}

// want calls and compares the body of a success.
func (r *rig) want(want, path, body string, with ...sending) {
	r.t.Helper()
	got := r.call(path, body, with...)
	require.NoError(r.t, got.Err, path)
	assert.Equal(r.t, 200, got.Status, path)
	assert.Equal(r.t, want, got.Body, path)
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
	g := r.Arm(with.Tag, at)
	answer := r.background(path, body, with)
	<-g.Held()
	return g, answer
}
