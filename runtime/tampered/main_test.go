package tampered_test

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

	"retain/runtime"
	"retain/runtime/simulated"
	"retain/runtime/tampered"
	"retain/service"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// always lets a bug take every opportunity.
func always(bugs ...tampered.Bug) tampered.Options { return tampered.Options{Bugs: bugs, Rate: 1} }

// bubble runs a test on a simulated clock with a wrapped runtime that is up.
func bubble(t *testing.T, o tampered.Options, test func(t *testing.T, r *rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		server := simulated.New(simulated.Options{Nonce: "recorded", Settings: runtime.Settings{Partitions: 4}})
		r := &rig{Runtime: tampered.New(server, o), server: server, t: t}
		r.start()
		test(t, r)
		require.NoError(t, r.Close(context.Background()))
	})
}

// rig is a wrapped runtime with a client.
type rig struct {
	*tampered.Runtime
	server *simulated.Runtime
	t      *testing.T
	http   *http.Transport
}

// start starts the server and lets time pass until every partition is ready.
func (r *rig) start() {
	r.t.Helper()
	require.NoError(r.t, r.Start(context.Background()))
	r.http = &http.Transport{DialContext: r.Endpoints().Dial}
	time.Sleep(20 * time.Millisecond)
	synctest.Wait()
}

func (r *rig) restart() {
	r.t.Helper()
	require.NoError(r.t, r.Kill(context.Background()))
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
	return do(r.http, req)
}

func (r *rig) get(path string) response {
	req, err := http.NewRequest(http.MethodGet, r.Endpoints().Ingress+path, nil)
	require.NoError(r.t, err)
	return do(r.http, req)
}

func do(through *http.Transport, req *http.Request) response {
	resp, err := through.RoundTrip(req)
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
	r.got(want, r.call(path, body, with...))
}

func (r *rig) got(want string, got response) {
	r.t.Helper()
	require.NoError(r.t, got.err)
	assert.Equal(r.t, 200, got.status)
	assert.Equal(r.t, want, got.body)
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
	g := r.server.Arm(with.tag, service.After)
	answer := r.background(path, body, with)
	<-g.Held()
	return g, answer
}

// strikes compares how often the bug struck, and the lines that it left.
func (r *rig) strikes(want int, b tampered.Bug) {
	r.t.Helper()
	assert.Equal(r.t, want, r.Strikes()[b], b)
	log, err := r.Logs()
	require.NoError(r.t, err)
	assert.Contains(r.t, string(log), "life 1 begins")
	assert.Equal(r.t, want, strings.Count(string(log), string(b)+": "), "lines in the log")
}
