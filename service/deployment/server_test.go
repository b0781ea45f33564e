package deployment_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/stretchr/testify/require"
	"retain/service"
	"retain/service/deployment"
)

// patience bounds every wait for something that must happen.
const patience = 30 * time.Second

// client opens a connection per request: none outlives a server's life.
var client = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}

// realServer is a restate-server of its own, with one data directory through any
// number of starts.
type realServer struct {
	t              testing.TB
	binary, dir    string
	ingress, admin string // addresses
	cmd            *exec.Cmd
	ended          chan struct{}
}

// newServer starts the server that RETAIN_TEST_SERVER names, or the one on the
// PATH.
func newServer(t testing.TB) *realServer {
	t.Helper()
	binary := os.Getenv("RETAIN_TEST_SERVER")
	if binary == "" {
		var err error
		if binary, err = exec.LookPath("restate-server"); err != nil {
			t.Skip("needs a real server: set RETAIN_TEST_SERVER to a restate-server executable")
		}
	}
	s := &realServer{t: t, binary: binary, dir: t.TempDir(), ingress: freePort(t), admin: freePort(t)}
	t.Cleanup(s.kill)
	s.start()
	return s
}

// freePort draws a loopback address below the ephemeral range, where no outgoing
// connection takes it while the server is down.
func freePort(t testing.TB) string {
	for range 100 {
		address := fmt.Sprintf("127.0.0.1:%d", 15000+rand.IntN(15000))
		if l, err := net.Listen("tcp", address); err == nil {
			require.NoError(t, l.Close())
			return address
		}
	}
	t.Fatal("no free port")
	return ""
}

func (s *realServer) start() {
	log, err := os.OpenFile(s.dir+"/log", os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	require.NoError(s.t, err)
	defer log.Close()
	s.cmd = exec.Command(s.binary)
	s.cmd.Stdout, s.cmd.Stderr = log, log
	s.cmd.Env = append(os.Environ(),
		"DO_NOT_TRACK=1", "RUST_LOG=warn", "RESTATE_LISTEN_MODE=tcp",
		"RESTATE_NODE_NAME=test", "RESTATE_BASE_DIR="+s.dir+"/data", "RESTATE_DEFAULT_NUM_PARTITIONS=1",
		"RESTATE_BIND_ADDRESS="+freePort(s.t),
		"RESTATE_INGRESS__BIND_ADDRESS="+s.ingress, "RESTATE_ADMIN__BIND_ADDRESS="+s.admin,
		"RESTATE_DEFAULT_RETRY_POLICY__INITIAL_INTERVAL=50ms", "RESTATE_DEFAULT_RETRY_POLICY__MAX_INTERVAL=500ms",
		"RESTATE_ROCKSDB_TOTAL_MEMORY_SIZE=256MB",
	)
	require.NoError(s.t, s.cmd.Start())
	s.ended = make(chan struct{})
	go func() {
		defer close(s.ended)
		_ = s.cmd.Wait()
	}()
}

func (s *realServer) kill() { s.end(syscall.SIGKILL) }

// stop asks the server to end, and waits for it.
func (s *realServer) stop() { s.end(syscall.SIGTERM) }

func (s *realServer) end(signal syscall.Signal) {
	_ = s.cmd.Process.Signal(signal)
	select {
	case <-s.ended:
	case <-time.After(65 * time.Second):
		s.t.Errorf("the server did not end on %s", signal)
	}
}

// deployed is a server with a deployment registered.
type deployed struct {
	*realServer
	*deployment.Deployment
	evidence chan service.Evidence
}

func deploy(t *testing.T) *deployed {
	t.Helper()
	s := newServer(t)
	d, err := deployment.Listen(deployment.Options{Notice: func(line string) { t.Log(line) }})
	require.NoError(t, err)
	t.Cleanup(func() {
		s.kill() // or its open streams keep the deployment from closing at once
		require.NoError(t, d.Close())
	})
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	_, err = deployment.Register(ctx, client, "http://"+s.admin, d.URLs("")...)
	require.NoError(t, err)
	all := make(chan service.Evidence, 10_000)
	t.Cleanup(d.Control().Observe(func(e service.Evidence) { all <- e }))
	return &deployed{realServer: s, Deployment: d, evidence: all}
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
func (d *deployed) call(path, body, tag string) reply {
	ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
	defer cancel()
	r, _ := backoff.Retry(ctx, func() (reply, error) {
		r := d.try(ctx, path, body, tag)
		return r, r.err
	}, backoff.WithBackOff(backoff.NewConstantBackOff(20*time.Millisecond)))
	return r
}

func (d *deployed) try(ctx context.Context, path, body, tag string) reply {
	var reader io.Reader
	if body != "" {
		reader = strings.NewReader(body)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+d.ingress+"/"+path, reader)
	if err != nil {
		return reply{err: backoff.Permanent(err)}
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	if tag != "" {
		req.Header.Set(service.TagHeader, tag)
		req.Header.Set("Idempotency-Key", tag)
	}
	resp, err := client.Do(req)
	if err != nil {
		return reply{err: err}
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode == http.StatusServiceUnavailable {
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
	req, err := http.NewRequest(http.MethodPost, "http://"+d.admin+"/query", bytes.NewReader(body))
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
