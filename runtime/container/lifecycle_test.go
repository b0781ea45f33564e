package container

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/moby/moby/client"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"retain/runtime"
)

// steps are one server's transitions, in the order of a session.
type steps struct {
	r        *Runtime
	ctx      context.Context
	docker   *daemon
	deployed *deployment
	before   goleak.Option
}

func TestLifecycle(t *testing.T) {
	before := goleak.IgnoreCurrent()
	s := &steps{docker: connect(t), r: newRuntime(t, runtime.Settings{}), ctx: bounded(t, 5*time.Minute), before: before}
	t.Run("before the first start", s.beforeTheFirstStart)
	t.Run("start", s.start)
	t.Run("published on loopback only", s.publishedOnLoopbackOnly)
	t.Run("data on the volume", s.dataOnTheVolume)
	t.Run("identity", s.identity)
	t.Run("the server reaches this process", s.theServerReachesThisProcess)
	t.Run("stop is graceful", s.stopIsGraceful)
	t.Run("restart keeps the data and reads the addresses again", s.restartKeepsTheDataAndReadsTheAddressesAgain)
	t.Run("pause and resume", s.pauseAndResume)
	t.Run("stop of a paused server is graceful", s.stopOfAPausedServerIsGraceful)
	t.Run("kill is SIGKILL and keeps the data", s.killIsSigkillAndKeepsTheData)
	t.Run("kill of a paused server", s.killOfAPausedServer)
	t.Run("kill at once after start, from another goroutine", s.killAtOnceAfterStartFromAnotherGoroutine)
	t.Run("stop at once after start", s.stopAtOnceAfterStart)
	t.Run("close while paused, twice", s.closeWhilePausedTwice)
	t.Run("nothing leaks", s.nothingLeaks)
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
	for _, url := range []string{s.r.Endpoints().Ingress, s.r.Endpoints().Admin} {
		assert.Regexp(t, `^http://127\.0\.0\.1:[1-9]\d+$`, url)
	}
}

func (s *steps) publishedOnLoopbackOnly(t *testing.T) {
	now, err := s.docker.ContainerInspect(s.ctx, s.r.container.GetContainerID(), client.ContainerInspectOptions{})
	require.NoError(t, err)
	published := 0
	for _, bindings := range now.Container.NetworkSettings.Ports {
		for _, binding := range bindings {
			published++
			assert.Equal(t, "127.0.0.1", binding.HostIP.String())
		}
	}
	assert.Equal(t, 2, published)
}

func (s *steps) dataOnTheVolume(t *testing.T) {
	now, err := s.docker.ContainerInspect(s.ctx, s.r.container.GetContainerID(), client.ContainerInspectOptions{})
	require.NoError(t, err)
	require.Len(t, now.Container.Mounts, 1)
	on := now.Container.Mounts[0]
	assert.Equal(t, s.r.volume, on.Name)
	assert.Equal(t, dataDir, on.Destination)
	assert.True(t, on.RW)
	log, err := s.r.Logs()
	require.NoError(t, err)
	assert.Contains(t, string(log), "base_dir="+dataDir+"/"+s.r.Identity().Node)
}

func (s *steps) identity(t *testing.T) {
	id := s.r.Identity()
	assert.Equal(t, runtime.DefaultVersion, id.Version)
	assert.Equal(t, "container", id.Backend)
	assert.Regexp(t, `^[0-9a-f]{7,}$`, id.Build)
	assert.Regexp(t, `^retain-[0-9a-f]{10}$`, id.Cluster)
	assert.Contains(t, []string{official + ":" + runtime.DefaultVersion, built + ":" + runtime.DefaultVersion}, id.Source)
}

func (s *steps) theServerReachesThisProcess(t *testing.T) {
	s.deployed = deploy(t, s.r)
	s.deployed.register(t, s.r)
	assert.Positive(t, s.deployed.asked.Load())
	listen, _ := s.r.Callback()
	address := net.ParseIP(listen)
	assert.True(t, address.IsPrivate() || address.IsLoopback(), "%s is open to the world", listen)
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

func (s *steps) restartKeepsTheDataAndReadsTheAddressesAgain(t *testing.T) {
	require.NoError(t, s.r.Start(s.ctx))
	healthy(t, s.r)
	assert.True(t, s.deployed.known(t, s.r))
	log, err := s.r.Logs()
	require.NoError(t, err)
	assert.Equal(t, 2, strings.Count(string(log), "Starting Restate Server"), "both lives are in the log")
}

func (s *steps) pauseAndResume(t *testing.T) {
	require.NoError(t, s.r.Pause(s.ctx))
	impatient, cancel := context.WithTimeout(s.ctx, 300*time.Millisecond)
	defer cancel()
	assert.False(t, answers(impatient, s.r.Endpoints().Admin+"/health"), "a frozen server answered")
	require.NoError(t, s.r.Resume(s.ctx))
	healthy(t, s.r)
	for range 200 { // faster than Docker hears of what it did
		require.NoError(t, s.r.Pause(s.ctx))
		require.NoError(t, s.r.Resume(s.ctx))
	}
	healthy(t, s.r)
}

func (s *steps) stopOfAPausedServerIsGraceful(t *testing.T) {
	require.NoError(t, s.r.Pause(s.ctx))
	exit, err := s.r.Stop(s.ctx)
	require.NoError(t, err)
	assert.True(t, exit.Graceful(), exit.String())
}

func (s *steps) killIsSigkillAndKeepsTheData(t *testing.T) {
	require.NoError(t, s.r.Start(s.ctx))
	healthy(t, s.r)
	require.NoError(t, s.r.Kill(s.ctx))
	exit, ended := s.r.LastExit()
	assert.True(t, ended)
	assert.True(t, exit.Killed)
	assert.Equal(t, -1, exit.Code)
	require.ErrorIs(t, s.r.Kill(s.ctx), runtime.ErrState)
	require.NoError(t, s.r.Start(s.ctx))
	healthy(t, s.r)
	assert.True(t, s.deployed.known(t, s.r))
}

func (s *steps) killOfAPausedServer(t *testing.T) {
	require.NoError(t, s.r.Pause(s.ctx))
	require.NoError(t, s.r.Kill(s.ctx))
	exit, _ := s.r.LastExit()
	assert.True(t, exit.Killed)
}

func (s *steps) killAtOnceAfterStartFromAnotherGoroutine(t *testing.T) {
	for range 2 {
		require.NoError(t, s.r.Start(s.ctx))
		killed := make(chan error, 1)
		go func() { killed <- s.r.Kill(s.ctx) }()
		for answers(s.ctx, s.r.Endpoints().Admin+"/health") { // probing meanwhile, as a session does
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
		assert.False(t, exit.Killed, exit.String())
		assert.Less(t, exit.Took, 20*time.Second)
	}
	require.NoError(t, s.r.Start(s.ctx))
	healthy(t, s.r)
}

func (s *steps) closeWhilePausedTwice(t *testing.T) {
	require.NoError(t, s.r.Pause(s.ctx))
	id, volume := s.r.container.GetContainerID(), s.r.volume
	require.True(t, s.docker.hasVolume(t, volume))
	require.NoError(t, s.r.Close(s.ctx))
	require.NoError(t, s.r.Close(s.ctx))
	assert.False(t, s.docker.hasContainer(t, id))
	assert.False(t, s.docker.hasVolume(t, volume))
	require.ErrorIs(t, s.r.Start(s.ctx), runtime.ErrState)
	_, err := s.r.Logs()
	require.ErrorIs(t, err, runtime.ErrState)
}

func (s *steps) nothingLeaks(t *testing.T) {
	require.NoError(t, s.docker.Close())
	goleak.VerifyNone(t, s.before, goleak.IgnoreAnyFunction("net/http.(*Server).Serve"))
}

// A stop that takes longer than the grace is a kill.
func TestStopThatEndsInKill(t *testing.T) {
	docker := connect(t)
	deaf := imageOf(t, docker, "retain/test-deaf:1", otherProgram(t), `ENTRYPOINT ["/program"]`, "ENV DEAF=1")
	r := newRuntime(t, runtime.Settings{}, WithImage(deaf))
	assert.GreaterOrEqual(t, r.grace, 65*time.Second)
	r.grace = 300 * time.Millisecond
	ctx := bounded(t, time.Minute)
	require.NoError(t, r.Start(ctx))
	exit, err := r.Stop(ctx)
	require.NoError(t, err)
	assert.True(t, exit.Killed, exit.String())
	assert.False(t, exit.Graceful())
	assert.GreaterOrEqual(t, exit.Took, r.grace)
	require.NoError(t, r.Close(ctx)) // before its image goes
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
	log, err := r.Logs()
	require.NoError(t, err)
	assert.Contains(t, string(log), "many", "the log says why")
}

// Somebody removes the container: an end like any other.
func TestContainerRemovedByOthers(t *testing.T) {
	docker := connect(t)
	r := newRuntime(t, runtime.Settings{})
	ctx := bounded(t, time.Minute)
	require.NoError(t, r.Start(ctx))
	docker.discard(r.container.GetContainerID())
	<-r.Exited()
	exit, ended := r.LastExit()
	require.True(t, ended)
	assert.True(t, exit.Killed, exit.String())
	require.ErrorIs(t, r.Kill(ctx), runtime.ErrState)
	require.Error(t, r.Start(ctx))
}

func TestSettings(t *testing.T) {
	config := filepath.Join(t.TempDir(), "restate.toml")
	require.NoError(t, os.WriteFile(config, []byte("shutdown-timeout = \"7s\"\n"), 0o600))
	r := newRuntime(t, runtime.Settings{
		ConfigFile: config,
		Env:        map[string]string{"RESTATE_LOG_FORMAT": "json", "RESTATE_ADMIN__BIND_ADDRESS": "0.0.0.0:9999", "RESTATE_NODE_NAME": "other-node"},
	})
	ctx := bounded(t, time.Minute)
	require.NoError(t, r.Start(ctx))
	healthy(t, r)
	assert.Equal(t, "other-node", r.Identity().Node)
	log, err := r.Logs()
	require.NoError(t, err)
	assert.Contains(t, string(log), `"message":"Starting Restate Server`)
	assert.Contains(t, string(log), configPath)

	_, err = New(ctx, runtime.Settings{ConfigFile: "nowhere.toml"})
	require.ErrorIs(t, err, os.ErrNotExist)
}
