package process

import (
	"bytes"
	"context"
	"maps"
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
	"retain/runtime/binary"
	"retain/runtime/child"
	"retain/runtime/runtimetest"
)

// TestRuntimeKeepsItsContract runs the shared suite, and on the same server what only
// a process has.
func TestRuntimeKeepsItsContract(t *testing.T) {
	suite := runtimetest.New(runtimetest.Fixture{
		Backend: "process", Another: "1.6.2", Missing: "no-such-build", Save: runtimetest.SaveDeployment, Observe: runtimetest.ObserveStreams,
		New: func(context.Context) (runtime.Runtime, error) { return newRuntime(t, runtime.Settings{}), nil },
		Deaf: func(context.Context) (runtime.Runtime, time.Duration, error) {
			r := deafRuntime(t)
			return r, r.Grace, nil
		},
		Failing: func(context.Context) (runtime.Runtime, string, error) {
			return newRuntime(t, runtime.Settings{Env: map[string]string{runtime.EnvPartitions: "many"}}), "many", nil
		},
	})
	for _, test := range suite.Tests() {
		t.Run(test.Name, func(t *testing.T) { require.NoError(t, test.Run(bounded(t, time.Minute))) })
	}
	up := func(t *testing.T) *Runtime {
		r, err := suite.Up(bounded(t, time.Minute))
		require.NoError(t, err)
		return r.(*Runtime)
	}
	t.Run("archive has the names of the data directory", func(t *testing.T) { archiveHasTheNames(t, up(t)) })
	t.Run("identity names the binary and its build", func(t *testing.T) { identityNamesTheBinary(t, up(t)) })
	t.Run("restart keeps ports and the node's directory", func(t *testing.T) { restartKeepsPortsAndDirectory(t, up(t)) })
	t.Run("pause stops every thread", func(t *testing.T) { pauseStopsEveryThread(t, up(t)) })
	t.Run("the server's process is its runtime's", func(t *testing.T) {
		r := up(t)
		assert.Contains(t, r.Processes(), r.pid())
	})
	r := up(t)
	pid, dir := r.pid(), r.dir
	t.Run(suite.Close().Name, func(t *testing.T) { require.NoError(t, suite.Close().Run(bounded(t, time.Minute))) })
	assert.False(t, alive(pid))
	assert.NoDirExists(t, dir)
	_, err := r.Logs(0)
	require.ErrorIs(t, err, runtime.ErrState)
	goleak.VerifyNone(t, goleak.IgnoreTopFunction("retain/runtime/child.parentThread"))
}

func identityNamesTheBinary(t *testing.T, r *Runtime) {
	id := r.Identity()
	assert.Equal(t, runtime.DefaultVersion, id.Version)
	assert.Regexp(t, `^[0-9a-f]{7,}$`, id.Build)
	assert.Regexp(t, `^retain-[0-9a-f]{10}$`, id.Cluster)
	assert.Equal(t, native(t).Path, id.Source)
}

func restartKeepsPortsAndDirectory(t *testing.T, r *Runtime) {
	ctx := bounded(t, time.Minute)
	node := filepath.Join(r.dir, "data", r.Identity().Node)
	data, err := os.Stat(node)
	require.NoError(t, err, "data is in <base>/<node>")
	endpoints := r.Endpoints()
	_, err = r.Stop(ctx)
	require.NoError(t, err)
	before, err := r.Logs(0)
	require.NoError(t, err)
	require.NoError(t, r.Start(ctx, runtime.StartOptions{}))
	healthy(t, r)
	assert.Equal(t, endpoints, r.Endpoints())
	again, err := os.Stat(node)
	require.NoError(t, err)
	assert.True(t, os.SameFile(data, again))
	eventually(t, "the server's temporary files are elsewhere", func() bool { return len(lsDir(t, filepath.Join(r.dir, "tmp"))) > 0 })
	log, err := r.Logs(0)
	require.NoError(t, err)
	const start = "Starting Restate Server"
	assert.Equal(t, strings.Count(string(before), start)+1, strings.Count(string(log), start), "each start is in the log")
}

func pauseStopsEveryThread(t *testing.T, r *Runtime) {
	ctx := bounded(t, time.Minute)
	for range 20 {
		require.NoError(t, r.Pause(ctx))
		assert.True(t, child.Stopped(r.pid()), "a thread runs on once Pause has returned")
		require.NoError(t, r.Resume(ctx))
	}
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
			if err := r.Start(ctx, runtime.StartOptions{}); err != nil {
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

func TestOnlyOurSettingsConfigureTheServer(t *testing.T) {
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
	require.NoError(t, r.Start(ctx, runtime.StartOptions{}))
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
	log, err := r.Logs(0)
	require.NoError(t, err)
	assert.Contains(t, string(log), `"message":"Starting Restate Server`)
}

// What retain sets, a start's environment and the settings, each over the one before.
func TestEnvironmentOfAStart(t *testing.T) {
	r := newRuntime(t, runtime.Settings{Env: map[string]string{"RESTATE_LOG_FORMAT": "json"}})
	ctx := bounded(t, time.Minute)
	type environment = map[string]string
	for _, c := range []struct{ given, want environment }{
		{nil, environment{"RESTATE_LOG_FORMAT": "json", "RESTATE_LOG_FILTER": "info", "RESTATE_X": ""}},
		{environment{"RESTATE_LOG_FORMAT": "pretty", "RESTATE_LOG_FILTER": "warn", "RESTATE_X": "y"}, environment{"RESTATE_LOG_FORMAT": "json", "RESTATE_LOG_FILTER": "warn", "RESTATE_X": "y"}},
		{nil, environment{"RESTATE_LOG_FORMAT": "json", "RESTATE_LOG_FILTER": "info", "RESTATE_X": ""}},
	} {
		var spawned environment
		r.beforeSpawn = func(env map[string]string) { spawned = maps.Clone(env) }
		require.NoError(t, r.Start(ctx, runtime.StartOptions{Env: c.given}))
		for name, value := range c.want {
			assert.Equal(t, value, spawned[name], "%s, started with %v", name, c.given)
		}
		if env, err := os.ReadFile("/proc/" + itoa(r.pid()) + "/environ"); err == nil { // Linux
			pairs := strings.Split(strings.TrimSuffix(string(env), "\x00"), "\x00")
			assert.Equal(t, binary.List(spawned, r.settings.Env), pairs, "what the process has")
		}
		require.NoError(t, r.Kill(ctx))
	}
	require.Error(t, r.Start(ctx, runtime.StartOptions{Env: environment{"RESTATE_BASE_DIR": "elsewhere"}}))
	require.ErrorIs(t, r.Kill(ctx), runtime.ErrState)
}

func TestMissingConfigFileIsNamed(t *testing.T) {
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

func archiveHasTheNames(t *testing.T, r *Runtime) {
	ctx := bounded(t, time.Minute)
	require.NoError(t, r.Kill(ctx))
	var all bytes.Buffer
	require.NoError(t, r.Archive(ctx, &all))
	files, err := runtimetest.ArchivedFiles(&all)
	require.NoError(t, err)
	assert.NotZero(t, files["data/"+r.Identity().Node+"/.cluster-marker"], files)
}
