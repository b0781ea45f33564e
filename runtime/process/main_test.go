package process

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"retain/runtime"
	"retain/runtime/binary"
	"retain/runtime/reaper"
	"retain/runtime/runtimetest"
)

// childVariable makes this test binary a session of its own: see crash_test.go.
const childVariable = "RETAIN_TEST_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(childVariable) != "" {
		os.Exit(childSession())
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

// native is the real server of the pinned version, installed if need be.
func native(t testing.TB) binary.Server {
	server, err := binary.Find(bounded(t, 10*time.Minute), binary.Request{Notice: func(line string) { t.Log(line) }})
	require.NoError(t, err)
	return server
}

func newRuntime(t testing.TB, s runtime.Settings, opts ...Option) *Runtime {
	native(t) // once, under its own time limit
	if s.Partitions == 0 {
		s.Partitions = 1
	}
	r, err := New(bounded(t, time.Minute), s, opts...)
	require.NoError(t, err)
	t.Cleanup(func() {
		if t.Failed() {
			log, _ := r.Logs(0)
			t.Logf("the server's log:\n%s", log)
		}
		require.NoError(t, r.Close(bounded(t, 10*time.Second)))
	})
	return r
}

// script writes an executable shell script that can use the real server as
// $server.
func script(t testing.TB, body string) string {
	path := filepath.Join(t.TempDir(), "wrapper")
	text := "#!/bin/sh\nserver='" + native(t).Path + "'\n" + body + "\n"
	require.NoError(t, os.WriteFile(path, []byte(text), 0o755))
	return path
}

// healthy waits until admin and ingress answer.
func healthy(t testing.TB, r *Runtime) {
	t.Helper()
	require.NoError(t, runtimetest.Healthy(bounded(t, time.Minute), r))
}

func answers(ctx context.Context, client *http.Client, url string) bool {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return false
	}
	response, err := client.Do(request)
	if err != nil {
		return false
	}
	_ = response.Body.Close()
	return response.StatusCode == http.StatusOK
}

// eventually polls for what happens in other processes and tells nobody.
func eventually(t testing.TB, what string, condition func() bool) {
	t.Helper()
	require.Eventually(t, condition, 10*time.Second, 10*time.Millisecond, what)
}

// alive reports whether the process runs; a zombie doesn't.
func alive(pid int) bool {
	out, err := exec.Command("ps", "-o", "stat=", "-p", strconv.Itoa(pid)).Output()
	return err == nil && len(out) > 0 && out[0] != 'Z'
}

func (r *Runtime) pid() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.last.mu.Lock()
	defer r.last.mu.Unlock()
	return r.last.cmd.Process.Pid
}

// sessionReport is what a child session says of itself, one JSON line.
type sessionReport struct {
	PID, Server   int
	Group         []int
	Session, Dir  string
	Admin, Failed string
}

// childSession is another session: it starts a server and stays until it is killed or
// its input ends.
func childSession() int {
	report := sessionReport{PID: os.Getpid()}
	r, err := New(context.Background(), runtime.Settings{Partitions: 1}, WithBinary(os.Getenv(childVariable)))
	if err == nil {
		err = r.Start(context.Background(), runtime.StartOptions{})
	}
	if err != nil {
		report.Failed = err.Error()
	} else {
		report.Server, report.Session, report.Dir, report.Admin = r.pid(), r.owner.ID(), r.dir, r.Endpoints().Admin
		if !answersSoon(report.Admin + "/health") {
			report.Failed = "the server does not answer"
		}
		for pid := range groupOf(report.Server) {
			report.Group = append(report.Group, pid)
		}
	}
	line, _ := json.Marshal(report)
	fmt.Printf("%s\n", line)
	_, _ = os.Stdin.Read(make([]byte, 1))
	if r != nil {
		_ = r.Close(context.Background())
	}
	return 0
}

// groupOf lists the running processes of the group.
func groupOf(pgid int) map[int]bool {
	out, _ := exec.Command("ps", "-axo", "pid=,pgid=,stat=,args=").Output()
	found := map[int]bool{}
	for _, line := range processTable(out) {
		if line.pgid == pgid && line.stat[0] != 'Z' {
			found[line.pid] = true
		}
	}
	return found
}
