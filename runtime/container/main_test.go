package container

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/moby/moby/client"
	"github.com/stretchr/testify/require"

	"retain/runtime"
	"retain/runtime/reaper"
	"retain/runtime/runtimetest"
)

// childVariable makes this test binary a session of its own: see crash_test.go.
const childVariable = "RETAIN_TEST_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(childVariable) != "" {
		os.Exit(child())
	}
	// In the user's cache, also if a test uses another.
	if _, err := reaper.Session(); err != nil {
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
			log, _ := r.Logs(0)
			t.Logf("the server's log:\n%s", log)
		}
		require.NoError(t, r.Close(bounded(t, 30*time.Second)))
	})
	return r
}

// healthy waits until admin and ingress answer.
func healthy(t testing.TB, r *Runtime) {
	t.Helper()
	require.NoError(t, runtimetest.Healthy(bounded(t, time.Minute), r))
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
		err = r.Start(ctx, runtime.StartOptions{})
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
