package container

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/moby/moby/client"
	"github.com/stretchr/testify/require"

	"retain/runtime"
	"retain/runtime/leftovers"
)

// childVariable makes this test binary a session of its own: see crash_test.go.
const childVariable = "RETAIN_TEST_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(childVariable) != "" {
		os.Exit(child())
	}
	// In the user's cache, whatever cache a test uses.
	if _, err := leftovers.Session(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// bounded is a context that ends a test that hangs.
func bounded(t testing.TB, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	t.Cleanup(cancel)
	return ctx
}

// needsDocker skips the test if there is no Docker, and says why.
func needsDocker(t testing.TB) {
	if err := Available(bounded(t, 10*time.Second)); err != nil {
		t.Skip("needs Docker: ", err)
	}
}

// connect is the test's own connection to Docker.
func connect(t testing.TB) *daemon {
	needsDocker(t)
	d, err := dial(bounded(t, 10*time.Second))
	require.NoError(t, err)
	t.Cleanup(func() { _ = d.Close() })
	return d
}

func newRuntime(t testing.TB, s runtime.Settings, opts ...Option) *Runtime {
	needsDocker(t)
	if s.Partitions == 0 {
		s.Partitions = 1
	}
	opts = append([]Option{WithNotice(func(line string) { t.Log(line) })}, opts...)
	r, err := New(bounded(t, 10*time.Minute), s, opts...)
	require.NoError(t, err)
	t.Cleanup(func() {
		if t.Failed() {
			log, _ := r.Logs()
			t.Logf("the server's log:\n%s", log)
		}
		require.NoError(t, r.Close(bounded(t, 30*time.Second)))
	})
	return r
}

// healthy waits until admin and ingress answer.
func healthy(t testing.TB, r *Runtime) {
	t.Helper()
	ctx := bounded(t, 30*time.Second)
	for {
		e := r.Endpoints()
		if answers(ctx, e.Admin+"/health") && answers(ctx, e.Ingress+"/restate/health") {
			return
		}
		select {
		case <-time.After(5 * time.Millisecond):
		case <-r.Exited():
			exit, _ := r.LastExit()
			require.FailNow(t, "the server ended by itself", exit.String())
		case <-ctx.Done():
			require.FailNow(t, "the server is not healthy after 30 s")
		}
	}
}

// plain has no connections of an earlier life.
var plain = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}

func answers(ctx context.Context, url string) bool {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return false
	}
	response, err := plain.Do(request)
	if err != nil {
		return false
	}
	_ = response.Body.Close()
	return response.StatusCode == http.StatusOK
}

// deployment is a minimal endpoint: enough to be registered.
type deployment struct {
	uri   string
	asked atomic.Int64
}

const manifest = `{"protocolMode":"REQUEST_RESPONSE","minProtocolVersion":5,"maxProtocolVersion":5,
"services":[{"name":"Retained","ty":"SERVICE","handlers":[{"name":"handle"}]}]}`

// deploy serves an endpoint where the runtime's server can reach it.
func deploy(t testing.TB, r *Runtime) *deployment {
	listen, dial := r.Callback()
	listener, err := net.Listen("tcp", net.JoinHostPort(listen, "0"))
	require.NoError(t, err)
	_, port, err := net.SplitHostPort(listener.Addr().String())
	require.NoError(t, err)
	d := &deployment{uri: "http://" + net.JoinHostPort(dial, port)}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		d.asked.Add(1)
		// The newest version of the manifest that the server accepts.
		accepted := strings.Split(q.Header.Get("Accept"), ",")
		w.Header().Set("Content-Type", strings.TrimSpace(strings.Split(accepted[0], ";")[0]))
		_, _ = io.WriteString(w, manifest)
	})}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close() })
	return d
}

// register makes the server know the deployment.
func (d *deployment) register(t testing.TB, r *Runtime) {
	body, err := json.Marshal(map[string]any{"uri": d.uri, "use_http_11": true})
	require.NoError(t, err)
	request, err := http.NewRequestWithContext(bounded(t, 30*time.Second), http.MethodPost, r.Endpoints().Admin+"/deployments", bytes.NewReader(body))
	require.NoError(t, err)
	request.Header.Set("Content-Type", "application/json")
	response, err := plain.Do(request)
	require.NoError(t, err)
	defer response.Body.Close()
	said, _ := io.ReadAll(response.Body)
	require.Equal(t, http.StatusCreated, response.StatusCode, string(said))
}

// known reports whether the server still knows the deployment.
func (d *deployment) known(t testing.TB, r *Runtime) bool {
	response, err := plain.Get(r.Endpoints().Admin + "/deployments")
	require.NoError(t, err)
	defer response.Body.Close()
	said, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return strings.Contains(string(said), d.uri)
}

// sessionReport is what a child session says of itself, one JSON line.
type sessionReport struct {
	Session, Container, Volume, Admin, Failed string
}

// child is another session: it starts a server and stays until it is killed or
// its input ends.
func child() int {
	var report sessionReport
	ctx := context.Background()
	r, err := New(ctx, runtime.Settings{Partitions: 1})
	if err == nil {
		err = r.Start(ctx)
	}
	if err != nil {
		report.Failed = err.Error()
	} else {
		report = sessionReport{Session: r.owner.ID(), Container: r.container.GetContainerID(), Volume: r.volume, Admin: r.Endpoints().Admin}
	}
	line, _ := json.Marshal(report)
	fmt.Printf("%s\n", line)
	_, _ = os.Stdin.Read(make([]byte, 1))
	if r != nil {
		_ = r.Close(ctx)
	}
	return 0
}

func (d *daemon) hasContainer(t testing.TB, id string) bool {
	_, err := d.ContainerInspect(bounded(t, 10*time.Second), id, client.ContainerInspectOptions{})
	return err == nil
}

func (d *daemon) hasVolume(t testing.TB, name string) bool {
	_, err := d.VolumeInspect(bounded(t, 10*time.Second), name, client.VolumeInspectOptions{})
	return err == nil
}
