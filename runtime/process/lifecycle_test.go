package process

import (
	"context"
	"net"
	"os"
	"path/filepath"
	goruntime "runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"retain/runtime"
)

// steps are one server's transitions, in the order of a session.
type steps struct {
	r         *Runtime
	ctx       context.Context
	endpoints runtime.Endpoints
	data      os.FileInfo
}

func TestLifecycle(t *testing.T) {
	s := &steps{r: newRuntime(t, runtime.Settings{}), ctx: bounded(t, 2*time.Minute)}
	t.Run("before the first start", s.beforeTheFirstStart)
	t.Run("start", s.start)
	t.Run("identity", s.identity)
	t.Run("stop is graceful", s.stopIsGraceful)
	t.Run("restart keeps ports and data", s.restartKeepsPortsAndData)
	t.Run("pause and resume", s.pauseAndResume)
	t.Run("stop of a paused server is graceful", s.stopOfAPausedServerIsGraceful)
	t.Run("kill is SIGKILL", s.killIsSigkill)
	t.Run("kill at once after start, from another goroutine", s.killAtOnceAfterStartFromAnotherGoroutine)
	t.Run("stop at once after start", s.stopAtOnceAfterStart)
	t.Run("close while up, twice", s.closeWhileUpTwice)
	goleak.VerifyNone(t, goleak.IgnoreTopFunction("retain/runtime/process.parentThread"))
}

func (s *steps) beforeTheFirstStart(t *testing.T) {
	require.ErrorIs(t, s.r.Kill(s.ctx), runtime.ErrState)
	_, err := s.r.Stop(s.ctx)
	require.ErrorIs(t, err, runtime.ErrState)
	require.ErrorIs(t, s.r.Pause(s.ctx), runtime.ErrState)
	_, ended := s.r.LastExit()
	assert.False(t, ended)
	log, err := s.r.Logs()
	require.NoError(t, err)
	assert.Empty(t, log)
	<-s.r.Exited()
}

func (s *steps) start(t *testing.T) {
	require.NoError(t, s.r.Start(s.ctx))
	require.ErrorIs(t, s.r.Start(s.ctx), runtime.ErrState)
	healthy(t, s.r)
	s.endpoints = s.r.Endpoints()
	for _, url := range []string{s.endpoints.Ingress, s.endpoints.Admin} {
		assert.Regexp(t, `^http://127\.0\.0\.1:\d+$`, url)
	}
	var err error
	s.data, err = os.Stat(filepath.Join(s.r.dir, "data", s.r.Identity().Node))
	require.NoError(t, err, "data is in <base>/<node>")
}

func (s *steps) identity(t *testing.T) {
	id := s.r.Identity()
	assert.Equal(t, runtime.DefaultVersion, id.Version)
	assert.Equal(t, "process", id.Backend)
	assert.Regexp(t, `^[0-9a-f]{7,}$`, id.Build)
	assert.Regexp(t, `^retain-[0-9a-f]{10}$`, id.Cluster)
	assert.Equal(t, native(t).Path, id.Source)
}

func (s *steps) stopIsGraceful(t *testing.T) {
	exited := s.r.Exited()
	exit, err := s.r.Stop(s.ctx)
	require.NoError(t, err)
	assert.True(t, exit.Graceful(), exit.String())
	assert.Positive(t, exit.Took)
	<-exited
	_, err = s.r.Stop(s.ctx)
	require.ErrorIs(t, err, runtime.ErrState)
}

func (s *steps) restartKeepsPortsAndData(t *testing.T) {
	require.NoError(t, s.r.Start(s.ctx))
	healthy(t, s.r)
	assert.Equal(t, s.endpoints, s.r.Endpoints())
	again, err := os.Stat(filepath.Join(s.r.dir, "data", s.r.Identity().Node))
	require.NoError(t, err)
	assert.True(t, os.SameFile(s.data, again))
	eventually(t, "the server's temporary files are elsewhere", func() bool { return len(lsDir(t, filepath.Join(s.r.dir, "tmp"))) > 0 })
	log, err := s.r.Logs()
	require.NoError(t, err)
	assert.Equal(t, 2, strings.Count(string(log), "Starting Restate Server"), "both lives are in the log")
}

func (s *steps) pauseAndResume(t *testing.T) {
	for range 20 {
		require.NoError(t, s.r.Pause(s.ctx))
		assert.True(t, groupStopped(s.r.life.cmd.Process.Pid), "a thread runs on once Pause has returned")
		require.NoError(t, s.r.Resume(s.ctx))
	}
	require.NoError(t, s.r.Pause(s.ctx))
	assert.False(t, reachable(s.r), "a frozen server answered")
	require.NoError(t, s.r.Resume(s.ctx))
	healthy(t, s.r)
}

func (s *steps) stopOfAPausedServerIsGraceful(t *testing.T) {
	require.NoError(t, s.r.Pause(s.ctx))
	exit, err := s.r.Stop(s.ctx)
	require.NoError(t, err)
	assert.True(t, exit.Graceful(), exit.String())
}

func (s *steps) killIsSigkill(t *testing.T) {
	require.NoError(t, s.r.Start(s.ctx))
	healthy(t, s.r)
	require.NoError(t, s.r.Kill(s.ctx))
	exit, ended := s.r.LastExit()
	assert.True(t, ended)
	assert.True(t, exit.Killed)
	assert.Equal(t, -1, exit.Code)
	require.ErrorIs(t, s.r.Kill(s.ctx), runtime.ErrState)
}

func (s *steps) killAtOnceAfterStartFromAnotherGoroutine(t *testing.T) {
	for range 5 {
		require.NoError(t, s.r.Start(s.ctx))
		killed := make(chan error, 1)
		go func() { killed <- s.r.Kill(s.ctx) }()
		for reachable(s.r) { // probing meanwhile, as a session does
			continue
		}
		require.NoError(t, <-killed)
	}
	require.NoError(t, s.r.Start(s.ctx))
	healthy(t, s.r)
}

func (s *steps) stopAtOnceAfterStart(t *testing.T) {
	require.NoError(t, s.r.Kill(s.ctx))
	for range 3 {
		require.NoError(t, s.r.Start(s.ctx))
		exit, err := s.r.Stop(s.ctx)
		require.NoError(t, err)
		// Graceful only if the server was far enough to handle the signal.
		assert.False(t, exit.Killed, exit.String())
	}
	require.NoError(t, s.r.Start(s.ctx))
	healthy(t, s.r)
}

func (s *steps) closeWhileUpTwice(t *testing.T) {
	pid := s.r.pid()
	require.NoError(t, s.r.Close(s.ctx))
	require.NoError(t, s.r.Close(s.ctx))
	assert.False(t, alive(pid))
	assert.NoDirExists(t, s.r.dir)
	require.ErrorIs(t, s.r.Start(s.ctx), runtime.ErrState)
	_, err := s.r.Logs()
	require.ErrorIs(t, err, runtime.ErrState)
}

// reachable asks for health with little patience.
func reachable(r *Runtime) bool {
	conn, err := net.DialTimeout("tcp", strings.TrimPrefix(r.Endpoints().Admin, "http://"), time.Second)
	if err != nil {
		return false
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(300 * time.Millisecond))
	_, _ = conn.Write([]byte("GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"))
	n, _ := conn.Read(make([]byte, 1))
	return n == 1
}

// The parent-death signal follows the thread that started the child: a Start
// from a thread that ends must not end the server.
func TestServerOutlivesTheThreadThatStartedIt(t *testing.T) {
	r := newRuntime(t, runtime.Settings{})
	ctx := bounded(t, time.Minute)
	var started sync.WaitGroup
	for range 10 {
		started.Go(func() {
			goruntime.LockOSThread() // never unlocked: the thread ends here
			if err := r.Start(ctx); err != nil {
				assert.ErrorIs(t, err, runtime.ErrState)
			}
		})
	}
	started.Wait()
	healthy(t, r)
	exit, err := r.Stop(ctx)
	require.NoError(t, err)
	assert.True(t, exit.Graceful(), exit.String())
}

func TestServerThatEndsByItself(t *testing.T) {
	r := newRuntime(t, runtime.Settings{Env: map[string]string{"RESTATE_DEFAULT_NUM_PARTITIONS": "many"}})
	ctx := bounded(t, time.Minute)
	require.NoError(t, r.Start(ctx))
	<-r.Exited()
	exit, ended := r.LastExit()
	require.True(t, ended)
	assert.Equal(t, 1, exit.Code)
	assert.False(t, exit.Killed)
	assert.Zero(t, exit.Took)
	_, err := r.Stop(ctx)
	require.ErrorIs(t, err, runtime.ErrState)
	log, err := r.Logs()
	require.NoError(t, err)
	assert.Contains(t, string(log), "many", "the log says why")
}

func TestEnvironment(t *testing.T) {
	// A user's shell must not configure the server ...
	t.Setenv("RESTATE_DEFAULT_NUM_PARTITIONS", "nonsense")
	t.Setenv("RESTATE_CLUSTER_NAME", "somebody-elses")
	t.Setenv("RUST_LOG", "off")
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1")
	config := filepath.Join(t.TempDir(), "restate.toml")
	require.NoError(t, os.WriteFile(config, []byte("shutdown-timeout = \"7s\"\n"), 0o644))
	// ... its settings do, over ours.
	r := newRuntime(t, runtime.Settings{
		Partitions: 3, ConfigFile: config,
		Env: map[string]string{"RESTATE_NODE_NAME": "other-node", "RESTATE_LOG_FORMAT": "json"},
	})
	ctx := bounded(t, time.Minute)
	require.NoError(t, r.Start(ctx))
	healthy(t, r)
	assert.Equal(t, "other-node", r.Identity().Node)
	assert.DirExists(t, filepath.Join(r.dir, "data", "other-node"))
	assert.NotEmpty(t, r.Identity().Build, "RUST_LOG=off came through")
	env, err := os.ReadFile("/proc/" + itoa(r.pid()) + "/environ")
	if err == nil { // Linux
		assert.Contains(t, string(env), "RESTATE_DEFAULT_NUM_PARTITIONS=3\x00")
		assert.Contains(t, string(env), "RESTATE_CONFIG="+config)
		assert.NotContains(t, string(env), "HTTP_PROXY")
		assert.NotContains(t, string(env), "somebody-elses")
	}
	log, err := r.Logs()
	require.NoError(t, err)
	assert.Contains(t, string(log), `"message":"Starting Restate Server`)
}

func TestMissingConfigFile(t *testing.T) {
	native(t)
	_, err := New(bounded(t, time.Minute), runtime.Settings{ConfigFile: "nowhere.toml"})
	require.ErrorIs(t, err, os.ErrNotExist)
	assert.NotContains(t, err.Error(), "\n")
}

func lsDir(t *testing.T, dir string) []os.DirEntry {
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	return entries
}
