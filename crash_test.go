package retain_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/moby/moby/client"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/harness/backend"
	"retain/model"
	"retain/runtime/container"
	"retain/runtime/leftovers"
)

// TestAKilledSessionLeavesNothing shows for both real runtimes: after SIGKILL in
// the middle of a plan the history on disk reads back, the next session removes
// what was left, and a session that is alive beside it is not touched.
func TestAKilledSessionLeavesNothing(t *testing.T) {
	plans := map[backend.Name]int{backend.Process: 12, backend.Container: 6} // of the one that stays alive
	for _, name := range []backend.Name{backend.Process, backend.Container} {
		t.Run(string(name), func(t *testing.T) {
			if err := container.Available(t.Context()); name == backend.Container && err != nil {
				t.Skip("containers can't be used here: ", err)
			}
			cache := newCache(t)
			session := func(plans int) *child {
				return newChild(t, cache.env(), "-test.run", "^TestProperties$", "-test.timeout", "5m",
					"-runtime", string(name), "-rapid.checks", fmt.Sprint(plans))
			}
			victim, neighbour, next := session(1000), session(plans[name]), session(1)
			require.NoError(t, victim.Start())
			victim.awaitCall(t)
			require.NoError(t, neighbour.Start())
			neighbour.awaitCall(t)
			victim.awaitCall(t)
			require.NoError(t, victim.Process.Kill())
			require.Error(t, victim.Wait(), "it was killed")
			own := cache.of(t, victim)
			own.exist(t, name)

			require.NoError(t, next.Run(), next.text())
			assert.Contains(t, next.text(), "leftovers removed")
			assert.Contains(t, next.text(), "sessions: 1 dead, 1 alive, 0 deferred")
			own.areGone(t)
			require.NoError(t, neighbour.Wait(), neighbour.text())
			assert.Contains(t, neighbour.text(), fmt.Sprintf("%d pass", plans[name]), "it was alive and was touched")
			readsBack(t, victim)
		})
	}
}

// exist shows that there is something to remove: without that, nothing would be
// shown by its absence.
func (b belongings) exist(t *testing.T, name backend.Name) {
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
	require.NotEmpty(t, b.groups)
	require.NotEmpty(t, b.dirs)
	for _, dir := range b.dirs {
		require.DirExists(t, dir)
	}
}

// areGone shows that nothing of a session runs or is kept any more.
func (b belongings) areGone(t *testing.T) {
	for _, dir := range b.dirs {
		assert.NoDirExists(t, dir)
	}
	for _, group := range b.groups {
		assert.ErrorIs(t, syscall.Kill(-group, 0), syscall.ESRCH, "process group %d", group)
	}
	assert.Empty(t, b.processes())
	if b.docker != "" {
		containers, volumes := b.inDocker(t)
		assert.Empty(t, containers)
		assert.Empty(t, volumes)
	}
}

// processes are those that carry the session's mark, where the system shows it.
func (b belongings) processes() (found []string) {
	environments, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, path := range environments {
		env, err := os.ReadFile(path)
		if err == nil && strings.Contains(string(env), leftovers.EnvSession+"="+b.session) {
			found = append(found, path)
		}
	}
	return found
}

// inDocker are the session's containers and volumes.
func (b belongings) inDocker(t *testing.T) (containers, volumes []string) {
	require.NotEmpty(t, b.docker)
	docker, err := client.New(client.FromEnv, client.WithHost(b.docker))
	require.NoError(t, err)
	defer docker.Close()
	labelled := make(client.Filters).Add("label", leftovers.Label+"="+b.session)
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

// readsBack shows that what a killed session had recorded can be read and judged:
// at most its last line is cut.
func readsBack(t *testing.T, victim *child) {
	cut := 0
	for _, path := range victim.histories() {
		file, err := os.Open(path)
		require.NoError(t, err)
		h, err := model.ReadHistory(file)
		require.NoError(t, errors.Join(err, file.Close()))
		if h.Ended || len(h.Operations) == 0 {
			continue // killed between two plans of this worker
		}
		cut++
		judge := newChild(t, nil, "-test.run", "^TestRecheck$", "-history", path)
		require.NoError(t, judge.Run(), judge.text())
		require.Contains(t, judge.text(), "pass  ")
	}
	require.NotZero(t, cut, "no plan was under way")
}
