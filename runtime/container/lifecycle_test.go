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

// One server through all of its transitions, in the order of a session.
func TestLifecycle(t *testing.T) {
	before := goleak.IgnoreCurrent()
	docker := connect(t)
	r := newRuntime(t, runtime.Settings{})
	ctx := bounded(t, 5*time.Minute)
	var deployed *deployment

	t.Run("before the first start", func(t *testing.T) {
		require.ErrorIs(t, r.Kill(ctx), runtime.ErrState)
		_, err := r.Stop(ctx)
		require.ErrorIs(t, err, runtime.ErrState)
		require.ErrorIs(t, r.Pause(ctx), runtime.ErrState)
		_, ended := r.LastExit()
		assert.False(t, ended)
		log, err := r.Logs()
		require.NoError(t, err)
		assert.Empty(t, log)
		<-r.Exited()
	})
	t.Run("start", func(t *testing.T) {
		require.NoError(t, r.Start(ctx))
		require.ErrorIs(t, r.Start(ctx), runtime.ErrState)
		healthy(t, r)
		for _, url := range []string{r.Endpoints().Ingress, r.Endpoints().Admin} {
			assert.Regexp(t, `^http://127\.0\.0\.1:[1-9]\d+$`, url)
		}
	})
	t.Run("published on loopback only", func(t *testing.T) {
		now, err := docker.ContainerInspect(ctx, r.container.GetContainerID(), client.ContainerInspectOptions{})
		require.NoError(t, err)
		published := 0
		for _, bindings := range now.Container.NetworkSettings.Ports {
			for _, binding := range bindings {
				published++
				assert.Equal(t, "127.0.0.1", binding.HostIP.String())
			}
		}
		assert.Equal(t, 2, published)
	})
	t.Run("data on the volume", func(t *testing.T) {
		now, err := docker.ContainerInspect(ctx, r.container.GetContainerID(), client.ContainerInspectOptions{})
		require.NoError(t, err)
		require.Len(t, now.Container.Mounts, 1)
		on := now.Container.Mounts[0]
		assert.Equal(t, r.volume, on.Name)
		assert.Equal(t, dataDir, on.Destination)
		assert.True(t, on.RW)
		log, err := r.Logs()
		require.NoError(t, err)
		assert.Contains(t, string(log), "base_dir="+dataDir+"/"+r.Identity().Node)
	})
	t.Run("identity", func(t *testing.T) {
		id := r.Identity()
		assert.Equal(t, runtime.DefaultVersion, id.Version)
		assert.Equal(t, "container", id.Backend)
		assert.Regexp(t, `^[0-9a-f]{7,}$`, id.Build)
		assert.Regexp(t, `^retain-[0-9a-f]{10}$`, id.Cluster)
		assert.Contains(t, []string{official + ":" + runtime.DefaultVersion, built + ":" + runtime.DefaultVersion}, id.Source)
	})
	t.Run("the server reaches this process", func(t *testing.T) {
		deployed = deploy(t, r)
		deployed.register(t, r)
		assert.Positive(t, deployed.asked.Load())
		listen, _ := r.Callback()
		address := net.ParseIP(listen)
		assert.True(t, address.IsPrivate() || address.IsLoopback(), "%s is open to the world", listen)
	})
	t.Run("stop is graceful", func(t *testing.T) {
		exited := r.Exited()
		exit, err := r.Stop(ctx)
		require.NoError(t, err)
		assert.True(t, exit.Graceful(), exit.String())
		assert.Positive(t, exit.Took)
		<-exited
		_, err = r.Stop(ctx)
		require.ErrorIs(t, err, runtime.ErrState)
	})
	t.Run("restart keeps the data and reads the addresses again", func(t *testing.T) {
		require.NoError(t, r.Start(ctx))
		healthy(t, r)
		assert.True(t, deployed.known(t, r))
		log, err := r.Logs()
		require.NoError(t, err)
		assert.Equal(t, 2, strings.Count(string(log), "Starting Restate Server"), "both lives are in the log")
	})
	t.Run("pause and resume", func(t *testing.T) {
		require.NoError(t, r.Pause(ctx))
		impatient, cancel := context.WithTimeout(ctx, 300*time.Millisecond)
		defer cancel()
		assert.False(t, answers(impatient, r.Endpoints().Admin+"/health"), "a frozen server answered")
		require.NoError(t, r.Resume(ctx))
		healthy(t, r)
	})
	t.Run("stop of a paused server is graceful", func(t *testing.T) {
		require.NoError(t, r.Pause(ctx))
		exit, err := r.Stop(ctx)
		require.NoError(t, err)
		assert.True(t, exit.Graceful(), exit.String())
	})
	t.Run("kill is SIGKILL and keeps the data", func(t *testing.T) {
		require.NoError(t, r.Start(ctx))
		healthy(t, r)
		require.NoError(t, r.Kill(ctx))
		exit, ended := r.LastExit()
		assert.True(t, ended)
		assert.True(t, exit.Killed)
		assert.Equal(t, -1, exit.Code)
		require.ErrorIs(t, r.Kill(ctx), runtime.ErrState)
		require.NoError(t, r.Start(ctx))
		healthy(t, r)
		assert.True(t, deployed.known(t, r))
	})
	t.Run("kill of a paused server", func(t *testing.T) {
		require.NoError(t, r.Pause(ctx))
		require.NoError(t, r.Kill(ctx))
		exit, _ := r.LastExit()
		assert.True(t, exit.Killed)
	})
	t.Run("kill at once after start, from another goroutine", func(t *testing.T) {
		for range 2 {
			require.NoError(t, r.Start(ctx))
			killed := make(chan error, 1)
			go func() { killed <- r.Kill(ctx) }()
			for answers(ctx, r.Endpoints().Admin+"/health") { // probing meanwhile, as a session does
				continue
			}
			require.NoError(t, <-killed)
		}
		require.NoError(t, r.Start(ctx))
		healthy(t, r)
	})
	t.Run("stop at once after start", func(t *testing.T) {
		require.NoError(t, r.Kill(ctx))
		for range 3 {
			require.NoError(t, r.Start(ctx))
			exit, err := r.Stop(ctx)
			require.NoError(t, err)
			assert.False(t, exit.Killed, exit.String())
			assert.Less(t, exit.Took, 20*time.Second)
		}
		require.NoError(t, r.Start(ctx))
		healthy(t, r)
	})
	t.Run("close while paused, twice", func(t *testing.T) {
		require.NoError(t, r.Pause(ctx))
		id, volume := r.container.GetContainerID(), r.volume
		require.True(t, docker.hasVolume(t, volume))
		require.NoError(t, r.Close(ctx))
		require.NoError(t, r.Close(ctx))
		assert.False(t, docker.hasContainer(t, id))
		assert.False(t, docker.hasVolume(t, volume))
		require.ErrorIs(t, r.Start(ctx), runtime.ErrState)
		_, err := r.Logs()
		require.ErrorIs(t, err, runtime.ErrState)
	})
	t.Run("nothing leaks", func(t *testing.T) {
		require.NoError(t, docker.Close())
		goleak.VerifyNone(t, before, goleak.IgnoreAnyFunction("net/http.(*Server).Serve"))
	})
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
