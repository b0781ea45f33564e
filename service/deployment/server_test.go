package deployment_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"retain/runtime"
	"retain/runtime/process"
	"retain/service"
	"retain/service/deployment"
)

// patience bounds every wait for something that must happen.
const patience = 30 * time.Second

// client opens a connection per request: none outlives a server's life.
var client = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}

// newServer starts a server of its own: the one that RETAIN_TEST_SERVER names
// (another version, say), or the pinned one, installed if need be. It is
// one partition, so that what is ready for one key is ready for all.
func newServer(t testing.TB, env map[string]string) *process.Runtime {
	t.Helper()
	var options []process.Option
	if binary := os.Getenv("RETAIN_TEST_SERVER"); binary != "" {
		options = append(options, process.WithBinary(binary))
	}
	settings := runtime.Settings{Partitions: 1, Env: map[string]string{"RESTATE_LOG_FILTER": "warn"}}
	maps.Copy(settings.Env, env)
	if err := process.Available(t.Context(), settings, options...); err != nil {
		t.Skipf("needs a real server: %v", err)
	}
	s, err := process.New(t.Context(), settings, options...)
	require.NoError(t, err)
	t.Cleanup(func() {
		if log, err := s.Logs(0); t.Failed() && err == nil {
			t.Logf("the server's log:\n%s", log)
		}
		require.NoError(t, s.Close(context.Background()))
	})
	require.NoError(t, s.Start(t.Context(), runtime.StartOptions{}))
	return s
}

// deployed is a server with a deployment registered.
type deployed struct {
	t      testing.TB
	server runtime.Runtime
	*deployment.Deployment
	evidence chan service.Evidence
}

// deploy starts a server with the reference service registered, and takes calls
// as soon as they succeed.
func deploy(t testing.TB, env ...string) *deployed {
	t.Helper()
	settings := map[string]string{}
	for _, pair := range env {
		name, value, _ := strings.Cut(pair, "=")
		settings[name] = value
	}
	return deployOn(t, func() runtime.Runtime { return newServer(t, settings) }, "", "")
}

// deployOn listens on an address and tells the server a host, before there is a
// server: the deployment is closed after it.
func deployOn(t testing.TB, server func() runtime.Runtime, listen, dial string) *deployed {
	t.Helper()
	return deployWith(t, server, deployment.Options{Bind: listen}, dial)
}

// deployWith is [deployOn] for any deployment.
func deployWith(t testing.TB, server func() runtime.Runtime, o deployment.Options, dial string) *deployed {
	t.Helper()
	o.Notice = func(line string) { t.Log(line) }
	deployment, err := deployment.Listen(o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, deployment.Close()) })
	d := &deployed{
		t: t, server: server(), Deployment: deployment,
		evidence: make(chan service.Evidence, 10_000),
	}
	d.register(d.URL(dial))
	t.Cleanup(d.Control().Observe(func(e service.Evidence) {
		if e.Tag != "" { // no probe
			d.evidence <- e
		}
	}))
	return d
}

func (d *deployed) register(url string) service.Contract {
	d.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	r, err := deployment.Register(ctx, client, d.server.Endpoints().Admin, url)
	require.NoError(d.t, err)
	return r.Contract
}

// fail stops or kills the server, and waits until it is gone.
func (d *deployed) fail(how string) {
	d.t.Helper()
	if how == "kill" {
		require.NoError(d.t, d.server.Kill(context.Background()))
		return
	}
	exit, err := d.server.Stop(context.Background())
	require.NoError(d.t, err)
	assert.True(d.t, exit.Graceful(), "%s", exit)
}

// reply is an ingress answer.
type reply struct {
	status      int
	contentType string
	body        string
	err         error
}

// call calls a handler through the ingress, until there is an answer: the
// idempotency key makes one operation of all tries.
func (d *deployed) call(path, body, tag string) reply { return d.callKeyed(path, body, tag, tag) }

// callKeyed is [deployed.call] with an idempotency key that is not the tag.
func (d *deployed) callKeyed(path, body, tag, key string) reply {
	ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
	defer cancel()
	r, _ := backoff.Retry(ctx, func() (reply, error) {
		r := d.try(ctx, path, body, tag, key)
		return r, r.err
	}, backoff.WithBackOff(backoff.NewConstantBackOff(20*time.Millisecond)))
	return r
}

func (d *deployed) try(ctx context.Context, path, body, tag, key string) reply {
	var reader io.Reader
	if body != "" {
		reader = strings.NewReader(body)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, d.server.Endpoints().Ingress+"/"+path, reader)
	if err != nil {
		return reply{err: backoff.Permanent(err)}
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	if tag != "" {
		req.Header.Set(service.TagHeader, tag)
		req.Header.Set("Idempotency-Key", key)
	}
	resp, err := client.Do(req)
	if err != nil {
		return reply{err: err}
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	// A server that was just started may not have heard yet what is registered.
	if err == nil && (resp.StatusCode == http.StatusServiceUnavailable || resp.StatusCode == http.StatusNotFound) {
		err = fmt.Errorf("not ready: %s", answer)
	}
	return reply{status: resp.StatusCode, contentType: resp.Header.Get("Content-Type"), body: string(answer), err: err}
}

// goCall calls in the background.
func (d *deployed) goCall(path, body, tag string) <-chan reply {
	answer := make(chan reply, 1)
	go func() { answer <- d.call(path, body, tag) }()
	return answer
}

func wait[T any](t testing.TB, what string, c <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-c:
	case <-time.After(2 * patience):
		t.Fatalf("waited in vain for %s", what)
	}
	return v
}

// next is the next evidence of one operation.
func (d *deployed) next(tag string) service.Evidence {
	d.t.Helper()
	for {
		e := wait(d.t, "evidence of "+tag, d.evidence)
		if e.Tag == tag {
			return e
		}
	}
}

// query asks the server in SQL.
func (d *deployed) query(sql string) []map[string]any {
	d.t.Helper()
	body, err := json.Marshal(map[string]string{"query": sql})
	require.NoError(d.t, err)
	req, err := http.NewRequest(http.MethodPost, d.server.Endpoints().Admin+"/query", bytes.NewReader(body))
	require.NoError(d.t, err)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json")
	resp, err := client.Do(req)
	require.NoError(d.t, err)
	defer resp.Body.Close()
	var answer struct{ Rows []map[string]any }
	require.Equal(d.t, http.StatusOK, resp.StatusCode)
	require.NoError(d.t, json.NewDecoder(resp.Body).Decode(&answer))
	return answer.Rows
}

// journal is the entry types of an invocation, in order, without "Command: ".
func (d *deployed) journal(invocation string) []string {
	d.t.Helper()
	var types []string
	for _, row := range d.query("select entry_type from sys_journal where id = '" + invocation + "' order by index") {
		types = append(types, strings.TrimPrefix(row["entry_type"].(string), "Command: "))
	}
	return types
}
