package suite

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/moby/moby/client"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/harness/backend"
	"retain/runtime/child"
	"retain/runtime/reaper"
)

// Cache is a cache directory for the sessions of a test's children: sessions outside of
// it don't reap them, and they reap no session outside of it. Installed servers and built
// services are those of the user's cache.
type Cache string

// NewCache makes a cache directory that is removed with the test.
func NewCache(t *testing.T) Cache {
	users, err := reaper.CacheDir()
	require.NoError(t, err)
	dir := t.TempDir()
	for _, name := range []string{"restate-server", "services"} {
		shared := filepath.Join(users, name)
		require.NoError(t, os.MkdirAll(shared, 0o755))
		require.NoError(t, os.Symlink(shared, filepath.Join(dir, name)))
	}
	return Cache(dir)
}

// Env are the variables that give a child this cache.
func (c Cache) Env() []string { return []string{reaper.EnvCache + "=" + string(c)} }

// Belongings are the resources that a session recorded as its own.
type Belongings struct {
	session string
	Dirs    []string // data directories
	Groups  []int    // process groups, the oldest first
	docker  string   // "" if it used none
}

// Of reads the record of a child's session.
func (c Cache) Of(t *testing.T, child *Child) (own Belongings) {
	locks, err := filepath.Glob(filepath.Join(string(c), "sessions", "*", "lock"))
	require.NoError(t, err)
	for _, lock := range locks {
		var about struct{ PID int }
		text, err := os.ReadFile(lock)
		require.NoError(t, err)
		if json.Unmarshal(text, &about) == nil && about.PID == child.Process.Pid {
			own.session = filepath.Base(filepath.Dir(lock))
		}
	}
	require.NotEmpty(t, own.session, "the child has no session")
	record, err := os.ReadFile(filepath.Join(string(c), "sessions", own.session, "owned.jsonl"))
	require.NoError(t, err)
	for line := range strings.Lines(string(record)) {
		var what struct {
			Path, Host string
			Group      int
		}
		if json.Unmarshal([]byte(line), &what) != nil {
			continue // cut off by the kill
		}
		switch {
		case what.Path != "":
			own.Dirs = append(own.Dirs, what.Path)
		case what.Group != 0:
			own.Groups = append(own.Groups, what.Group)
		case what.Host != "":
			own.docker = what.Host
		}
	}
	return own
}

// Exist asserts that there is something to remove, without which [Belongings.AreGone]
// would prove nothing.
func (b Belongings) Exist(t *testing.T, name backend.Name) {
	if name == backend.Container {
		containers, volumes := b.inDocker(t)
		require.NotEmpty(t, containers)
		require.NotEmpty(t, volumes)
		t.Cleanup(func() {
			if t.Failed() {
				t.Logf("left in Docker, to be removed by hand: %s, %s", containers, volumes)
			}
		})
		return
	}
	require.NotEmpty(t, b.Groups)
	require.NotEmpty(t, b.Dirs)
	for _, dir := range b.Dirs {
		require.DirExists(t, dir)
	}
}

// AreGone asserts that nothing of a session runs or is kept any more.
func (b Belongings) AreGone(t *testing.T) {
	for _, dir := range b.Dirs {
		assert.NoDirExists(t, dir)
	}
	for _, group := range b.Groups {
		assert.True(t, child.Gone(group), "process group %d runs", group)
	}
	assert.Empty(t, b.processes())
	if b.docker != "" {
		containers, volumes := b.inDocker(t)
		assert.Empty(t, containers)
		assert.Empty(t, volumes)
	}
}

// processes are the environment files of the session's processes, on systems with /proc.
func (b Belongings) processes() (found []string) {
	environments, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, path := range environments {
		env, err := os.ReadFile(path)
		if err == nil && strings.Contains(string(env), reaper.EnvSession+"="+b.session) {
			found = append(found, path)
		}
	}
	return found
}

// inDocker are the session's containers and volumes.
func (b Belongings) inDocker(t *testing.T) (containers, volumes []string) {
	require.NotEmpty(t, b.docker)
	docker, err := client.New(client.FromEnv, client.WithHost(b.docker))
	require.NoError(t, err)
	defer docker.Close()
	labelled := make(client.Filters).Add("label", reaper.Label+"="+b.session)
	all, err := docker.ContainerList(t.Context(), client.ContainerListOptions{All: true, Filters: labelled})
	require.NoError(t, err)
	for _, c := range all.Items {
		containers = append(containers, c.ID)
	}
	kept, err := docker.VolumeList(t.Context(), client.VolumeListOptions{Filters: labelled})
	require.NoError(t, err)
	for _, v := range kept.Items {
		volumes = append(volumes, v.Name)
	}
	return containers, volumes
}
