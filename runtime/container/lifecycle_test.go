package container

import (
	"bytes"
	"context"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"retain/runtime"
	"retain/runtime/runtimetest"
)

// TestRuntimeKeepsItsContract runs the shared suite, and on the same server what only
// a container has.
func TestRuntimeKeepsItsContract(t *testing.T) {
	before := goleak.IgnoreCurrent()
	docker := connect(t)
	suite := runtimetest.New(contract(t, docker))
	for _, test := range suite.Tests() {
		t.Run(test.Name, func(t *testing.T) { require.NoError(t, test.Run(bounded(t, 2*time.Minute))) })
	}
	up := func(t *testing.T) *Runtime {
		r, err := suite.Up(bounded(t, time.Minute))
		require.NoError(t, err)
		return r.(*Runtime)
	}
	t.Run("published on loopback only", func(t *testing.T) { publishedOnLoopbackOnly(t, up(t)) })
	t.Run("data on the volume", func(t *testing.T) { dataOnTheVolume(t, up(t)) })
	t.Run("archive has the names of the data directory", func(t *testing.T) { archiveHasTheNames(t, up(t)) })
	t.Run("identity names the image and its build", func(t *testing.T) { identityNamesTheImage(t, up(t)) })
	t.Run("the server reaches this process", func(t *testing.T) { theServerReachesThisProcess(t, up(t)) })
	t.Run("another environment is another container on the volume", func(t *testing.T) { environmentOfAStart(t, up(t)) })
	t.Run("grace is that of a real server", func(t *testing.T) {
		assert.GreaterOrEqual(t, up(t).Grace, 65*time.Second)
	})
	r := up(t)
	id, volume := r.container.GetContainerID(), r.volume
	require.True(t, docker.hasVolume(t, volume))
	t.Run(suite.Close().Name, func(t *testing.T) { require.NoError(t, suite.Close().Run(bounded(t, time.Minute))) })
	assert.False(t, docker.hasContainer(t, id))
	assert.False(t, docker.hasVolume(t, volume))
	_, err := r.Logs(0)
	require.ErrorIs(t, err, runtime.ErrState)
	require.NoError(t, docker.Close())
	goleak.VerifyNone(t, before, goleak.IgnoreAnyFunction("net/http.(*Server).Serve"))
}

// contract is the suite's fixture.
func contract(t *testing.T, docker *daemon) runtimetest.Fixture {
	return runtimetest.Fixture{
		Backend: "container", Another: "1.6.2", Missing: "no-such-build", Save: runtimetest.SaveDeployment, Observe: runtimetest.ObserveStreams,
		New: func(context.Context) (runtime.Runtime, error) { return newRuntime(t, runtime.Settings{}), nil },
		Deaf: func(context.Context) (runtime.Runtime, time.Duration, error) {
			image := imageOf(t, docker, "retain/test-deaf:1", otherProgram(t), `ENTRYPOINT ["/program"]`, "ENV DEAF=1")
			r := newRuntime(t, runtime.Settings{}, WithImage(image))
			r.Grace = 300 * time.Millisecond
			return r, r.Grace, nil
		},
		Failing: func(context.Context) (runtime.Runtime, string, error) {
			return newRuntime(t, runtime.Settings{Env: map[string]string{runtime.EnvPartitions: "many"}}), "many", nil
		},
	}
}

func publishedOnLoopbackOnly(t *testing.T, r *Runtime) {
	now, err := r.docker.ContainerInspect(bounded(t, time.Minute), r.container.GetContainerID(), client.ContainerInspectOptions{})
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

func dataOnTheVolume(t *testing.T, r *Runtime) {
	now, err := r.docker.ContainerInspect(bounded(t, time.Minute), r.container.GetContainerID(), client.ContainerInspectOptions{})
	require.NoError(t, err)
	require.Len(t, now.Container.Mounts, 1)
	on := now.Container.Mounts[0]
	assert.Equal(t, r.volume, on.Name)
	assert.Equal(t, dataDir, on.Destination)
	assert.True(t, on.RW)
	log, err := r.Logs(0)
	require.NoError(t, err)
	assert.Contains(t, string(log), "base_dir="+dataDir+"/"+r.Identity().Node)
}

func environmentOfAStart(t *testing.T, r *Runtime) {
	ctx := bounded(t, 2*time.Minute)
	const name = "RESTATE_LOG_FILTER"
	start := func(env map[string]string) container.InspectResponse {
		before := r.container.GetContainerID()
		require.NoError(t, r.Kill(ctx))
		require.NoError(t, r.Start(ctx, runtime.StartOptions{Env: env}))
		healthy(t, r)
		id := r.container.GetContainerID()
		if id != before {
			assert.False(t, r.docker.hasContainer(t, before), "the container before is there")
		}
		now, err := r.docker.ContainerInspect(ctx, id, client.ContainerInspectOptions{})
		require.NoError(t, err)
		return now.Container
	}
	plain := start(nil)
	quiet := start(map[string]string{name: "warn"})
	again := start(map[string]string{name: "warn"})
	other := start(map[string]string{name: "debug"})
	back := start(nil)

	assert.Contains(t, plain.Config.Env, name+"=info")
	assert.Contains(t, quiet.Config.Env, name+"=warn")
	assert.Contains(t, other.Config.Env, name+"=debug")
	assert.ElementsMatch(t, plain.Config.Env, back.Config.Env)
	assert.Equal(t, quiet.ID, again.ID, "the same environment has the same container")
	assert.NotEqual(t, plain.ID, quiet.ID)
	assert.NotEqual(t, quiet.ID, other.ID)
	for _, c := range []container.InspectResponse{quiet, other, back} {
		assert.Equal(t, plain.Image, c.Image)
		assert.Equal(t, plain.Config.Labels, c.Config.Labels)
		assert.Equal(t, plain.Mounts, c.Mounts)
		assert.Equal(t, plain.HostConfig.NetworkMode, c.HostConfig.NetworkMode)
		assert.Equal(t, plain.HostConfig.ExtraHosts, c.HostConfig.ExtraHosts)
		assert.Equal(t, plain.HostConfig.PortBindings, c.HostConfig.PortBindings)
		assert.Equal(t, plain.HostConfig.Init, c.HostConfig.Init)
	}
}

// What retain sets, a start's environment and the settings, each over the one before.
func TestContainerSettingsGoOverTheEnvironmentOfAStart(t *testing.T) {
	r := &Runtime{cluster: "c", settings: runtime.Settings{Env: map[string]string{"RESTATE_LOG_FORMAT": "json"}}}
	env := r.environment(runtime.StartOptions{Env: map[string]string{"RESTATE_LOG_FORMAT": "pretty", "RESTATE_LOG_FILTER": "warn"}})
	assert.Equal(t, "json", env["RESTATE_LOG_FORMAT"])
	assert.Equal(t, "warn", env["RESTATE_LOG_FILTER"])
	assert.Equal(t, "c", env["RESTATE_CLUSTER_NAME"])
}

func identityNamesTheImage(t *testing.T, r *Runtime) {
	id := r.Identity()
	assert.Equal(t, runtime.DefaultVersion, id.Version)
	assert.Regexp(t, `^[0-9a-f]{7,}$`, id.Build)
	assert.Regexp(t, `^retain-[0-9a-f]{10}$`, id.Cluster)
	assert.Contains(t, []string{official + ":" + runtime.DefaultVersion, built + ":" + runtime.DefaultVersion}, id.Source)
}

func theServerReachesThisProcess(t *testing.T, r *Runtime) {
	ctx := bounded(t, time.Minute)
	d, err := runtimetest.Deploy(ctx, r)
	require.NoError(t, err)
	require.NoError(t, d.Register(ctx, r))
	assert.Positive(t, d.Discovered())
	listen, _ := r.Callback()
	address := net.ParseIP(listen)
	assert.True(t, address.IsPrivate() || address.IsLoopback(), "%s is open to the world", listen)
}

func TestContainerRemovedByOthersIsAKill(t *testing.T) {
	docker := connect(t)
	r := newRuntime(t, runtime.Settings{})
	ctx := bounded(t, time.Minute)
	require.NoError(t, r.Start(ctx, runtime.StartOptions{}))
	docker.discard(r.container.GetContainerID())
	<-r.Exited()
	exit, ended := r.LastExit()
	require.True(t, ended)
	assert.True(t, exit.Killed, exit.String())
	require.ErrorIs(t, r.Kill(ctx), runtime.ErrState)
	require.Error(t, r.Start(ctx, runtime.StartOptions{}))
	err := r.Start(ctx, runtime.StartOptions{Env: map[string]string{"RESTATE_X": "y"}})
	require.ErrorContains(t, err, "copy the log", "it went with the container")
	left, err := docker.ContainerList(ctx, client.ContainerListOptions{All: true, Filters: make(client.Filters).Add("volume", r.volume)})
	require.NoError(t, err)
	assert.Empty(t, left.Items, "the container that was to take its place is there")
}

func TestSettingsReachTheServerInTheContainer(t *testing.T) {
	config := filepath.Join(t.TempDir(), "restate.toml")
	require.NoError(t, os.WriteFile(config, []byte("shutdown-timeout = \"7s\"\n"), 0o600))
	r := newRuntime(t, runtime.Settings{
		ConfigFile: config,
		Env:        map[string]string{"RESTATE_LOG_FORMAT": "json", "RESTATE_ADMIN__BIND_ADDRESS": "0.0.0.0:9999", "RESTATE_NODE_NAME": "other-node"},
	})
	ctx := bounded(t, time.Minute)
	require.NoError(t, r.Start(ctx, runtime.StartOptions{}))
	healthy(t, r)
	assert.Equal(t, "other-node", r.Identity().Node)
	log, err := r.Logs(0)
	require.NoError(t, err)
	assert.Contains(t, string(log), `"message":"Starting Restate Server`)
	assert.Contains(t, string(log), configPath)

	_, err = New(ctx, runtime.Settings{ConfigFile: "nowhere.toml"})
	require.ErrorIs(t, err, os.ErrNotExist)
}

func archiveHasTheNames(t *testing.T, r *Runtime) {
	ctx := bounded(t, time.Minute)
	require.NoError(t, r.Kill(ctx))
	var all bytes.Buffer
	require.NoError(t, r.Archive(ctx, &all))
	files, err := runtimetest.ArchivedFiles(&all)
	require.NoError(t, err)
	assert.NotZero(t, files["restate-data/"+r.Identity().Node+"/.cluster-marker"], files)
}
