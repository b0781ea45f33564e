package mitm_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"retain/runtime"
	"retain/runtime/mitm"
	"retain/runtime/runtimetest"
	"retain/runtime/simulated"
	"retain/service"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// always lets a bug take every opportunity.
func always(bugs ...mitm.Bug) mitm.Options { return mitm.Options{Bugs: bugs, Rate: 1} }

// bubble runs a test on a simulated clock with a wrapped runtime that is up.
func bubble(t *testing.T, o mitm.Options, test func(t *testing.T, r *rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		server := simulated.New(simulated.Options{Nonce: "recorded", Settings: runtime.Settings{Partitions: 4}})
		r := &rig{Runtime: mitm.New(server, o), server: server, t: t}
		r.start()
		test(t, r)
		require.NoError(t, r.Close(context.Background()))
	})
}

// rig is a wrapped runtime with a client.
type rig struct {
	*mitm.Runtime
	server *simulated.Runtime
	t      *testing.T
	http   *http.Transport
}

// start starts the server and lets time pass until every partition is ready.
func (r *rig) start() {
	r.t.Helper()
	require.NoError(r.t, r.Start(context.Background(), runtime.StartOptions{}))
	r.http = &http.Transport{DialContext: r.Endpoints().Dial}
	time.Sleep(20 * time.Millisecond)
	synctest.Wait()
}

func (r *rig) restart() {
	r.t.Helper()
	require.NoError(r.t, r.Kill(context.Background()))
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
	r.got(want, r.call(path, body, with...))
}

func (r *rig) got(want string, got response) {
	r.t.Helper()
	require.NoError(r.t, got.Err)
	assert.Equal(r.t, 200, got.Status)
	assert.Equal(r.t, want, got.Body)
}

// background calls in a goroutine of its own.
func (r *rig) background(path, body string, with ...sending) <-chan response {
	done := make(chan response, 1)
	go func() { done <- r.call(path, body, with...) }()
	return done
}

// held calls an operation that a gate holds after its effect, and returns when
// it stands there.
func (r *rig) held(path, body string, with sending) (service.Gate, <-chan response) {
	r.t.Helper()
	g := r.server.Arm(with.Tag, service.After)
	answer := r.background(path, body, with)
	<-g.Held()
	return g, answer
}

// strikes compares how often the bug struck, and the lines that it left.
func (r *rig) strikes(want int, b mitm.Bug) {
	r.t.Helper()
	assert.Equal(r.t, want, r.Strikes()[b], b)
	log, err := r.Logs(0)
	require.NoError(r.t, err)
	assert.Contains(r.t, string(log), "incarnation 1, version "+runtime.DefaultVersion+", begins")
	assert.Equal(r.t, want, strings.Count(string(log), string(b)+": "), "lines in the log")
}
