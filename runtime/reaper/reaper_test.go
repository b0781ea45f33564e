package reaper

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func bounded(t testing.TB, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	t.Cleanup(cancel)
	return ctx
}

// fresh makes a session in the directory. dies ends it as the operating system
// does at the end of its process.
func fresh(t *testing.T, sessions string) *Owner {
	o, err := newOwner(sessions)
	require.NoError(t, err)
	t.Cleanup(func() { _ = o.lock.Close() })
	return o
}

func (o *Owner) dies() { _ = o.lock.Close() }

// sleeper starts a process that carries the session's mark if id is not "". It
// leads a group.
func sleeper(t *testing.T, id string, script ...string) *exec.Cmd {
	cmd := exec.Command("sleep", "1000")
	if len(script) > 0 {
		cmd = exec.Command("sh", "-c", script[0])
	}
	cmd.SysProcAttr = group()
	cmd.Env = []string{"PATH=" + os.Getenv("PATH")}
	if id != "" {
		cmd.Env = append(cmd.Env, EnvSession+"="+id)
	}
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	return cmd
}

func running(pid int) bool {
	out, err := exec.Command("ps", "-o", "stat=", "-p", strconv.Itoa(pid)).Output()
	return err == nil && len(out) > 0 && out[0] != 'Z'
}

func TestSweepRemovesWhatADeadSessionOwned(t *testing.T) {
	sessions, parent := t.TempDir(), t.TempDir()
	dead, live := fresh(t, sessions), fresh(t, sessions)
	var dirs []string
	for _, o := range []*Owner{dead, dead, live} {
		dir, err := o.MakeDir(parent)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(dir, "data"), []byte("x"), 0o400))
		dirs = append(dirs, dir)
	}
	deads, lives, nobodys := sleeper(t, ""), sleeper(t, live.ID()), sleeper(t, "")
	require.NoError(t, dead.OwnGroup(deads.Process.Pid))
	require.NoError(t, live.OwnGroup(lives.Process.Pid))

	swept, err := sweep(bounded(t, time.Minute), sessions, "")
	require.NoError(t, err)
	assert.Equal(t, Swept{Live: 2}, swept)
	assert.False(t, swept.Removed())

	dead.dies()
	swept, err = sweep(bounded(t, time.Minute), sessions, "")
	require.NoError(t, err)
	assert.Equal(t, Swept{Sessions: 1, Live: 1, Processes: 1, Dirs: 2}, swept)
	assert.True(t, swept.Removed())
	assert.NoDirExists(t, dirs[0])
	assert.NoDirExists(t, dirs[1])
	assert.DirExists(t, dirs[2])
	assert.False(t, running(deads.Process.Pid))
	assert.True(t, running(lives.Process.Pid))
	assert.True(t, running(nobodys.Process.Pid))
	assert.NoDirExists(t, dead.dir)

	swept, err = sweep(bounded(t, time.Minute), sessions, live.ID())
	require.NoError(t, err)
	assert.Equal(t, Swept{}, swept, "a session does not sweep itself")
}

// Another process has the id of the group by now.
func TestReusedGroupIsNotKilled(t *testing.T) {
	sessions := t.TempDir()
	dead := fresh(t, sessions)
	somebody := sleeper(t, "")
	require.NoError(t, dead.record(owned{Kind: kindGroup, Group: somebody.Process.Pid, Start: "long ago"}))
	dead.dies()
	swept, err := sweep(bounded(t, time.Minute), sessions, "")
	require.NoError(t, err)
	assert.Zero(t, swept.Processes)
	assert.True(t, running(somebody.Process.Pid))
}

func TestMarkedProcessesAreFoundOutsideTheirGroup(t *testing.T) {
	if _, err := os.Stat("/proc/self/environ"); err != nil {
		t.Skip("other systems than Linux do not show a process's environment: ", err)
	}
	sessions := t.TempDir()
	dead := fresh(t, sessions)
	note := filepath.Join(t.TempDir(), "pid")
	parent := sleeper(t, dead.ID(), `setsid sh -c 'echo $$ > `+note+`.new; mv `+note+`.new `+note+`; sleep 1000; true' & wait`)
	var escaped int
	require.Eventually(t, func() bool {
		b, err := os.ReadFile(note)
		escaped, _ = strconv.Atoi(strings.TrimSpace(string(b)))
		return err == nil
	}, 10*time.Second, 5*time.Millisecond)
	require.True(t, running(escaped))
	dead.dies()
	swept, err := sweep(bounded(t, time.Minute), sessions, "")
	require.NoError(t, err)
	assert.GreaterOrEqual(t, swept.Processes, 3)
	assert.False(t, running(escaped))
	assert.False(t, running(parent.Process.Pid))
}

func TestForeignDirectoryIsNotRemoved(t *testing.T) {
	sessions, foreign := t.TempDir(), t.TempDir()
	dead, other := fresh(t, sessions), fresh(t, sessions)
	require.NoError(t, os.WriteFile(filepath.Join(foreign, "precious"), nil, 0o644))
	others, err := other.MakeDir(t.TempDir())
	require.NoError(t, err)
	for _, path := range []string{foreign, others, filepath.Join(foreign, "missing")} {
		require.NoError(t, dead.record(owned{Kind: kindDir, Path: path}))
	}
	dead.dies()
	swept, err := sweep(bounded(t, time.Minute), sessions, "")
	require.NoError(t, err)
	assert.Equal(t, Swept{Sessions: 1, Live: 1}, swept)
	assert.FileExists(t, filepath.Join(foreign, "precious"))
	assert.DirExists(t, others)
}

// A session whose Docker daemon does not answer is kept for a later sweep.
func TestUnreachableDockerIsDeferred(t *testing.T) {
	sessions := t.TempDir()
	dead := fresh(t, sessions)
	require.NoError(t, dead.OwnDocker("unix://"+filepath.Join(t.TempDir(), "docker.sock")))
	dir, err := dead.MakeDir(t.TempDir())
	require.NoError(t, err)
	dead.dies()
	for range 2 {
		swept, err := sweep(bounded(t, time.Minute), sessions, "")
		require.ErrorContains(t, err, dead.ID())
		assert.Equal(t, 1, swept.Deferred)
		assert.Zero(t, swept.Sessions)
	}
	assert.NoDirExists(t, dir, "what can go goes")
	assert.DirExists(t, dead.dir)
}

func TestRecordCutShortIsReadUpToTheCut(t *testing.T) {
	sessions := t.TempDir()
	dead := fresh(t, sessions)
	dir, err := dead.MakeDir(t.TempDir())
	require.NoError(t, err)
	f, err := os.OpenFile(filepath.Join(dead.dir, ownedFile), os.O_APPEND|os.O_WRONLY, 0)
	require.NoError(t, err)
	_, err = f.WriteString(`{"kind":"dir","pa`)
	require.NoError(t, err)
	require.NoError(t, f.Close())
	dead.dies()
	swept, err := sweep(bounded(t, time.Minute), sessions, "")
	require.NoError(t, err)
	assert.Equal(t, Swept{Sessions: 1, Dirs: 1}, swept)
	assert.NoDirExists(t, dir)
}

func TestUnfinishedSessionsAreRemovedOnlyOldAndUnlocked(t *testing.T) {
	sessions := t.TempDir()
	young, old, held, gone := newPrefix+"young", newPrefix+"old", newPrefix+"held", gonePrefix+"x"
	for _, name := range []string{young, old, held, gone} {
		require.NoError(t, os.Mkdir(filepath.Join(sessions, name), 0o755))
	}
	lock, err := tryLock(filepath.Join(sessions, held, lockFile), os.O_RDWR|os.O_CREATE)
	require.NoError(t, err)
	defer lock.Close()
	for _, name := range []string{old, held} {
		past := time.Now().Add(-time.Hour)
		require.NoError(t, os.Chtimes(filepath.Join(sessions, name), past, past))
	}
	_, err = sweep(bounded(t, time.Minute), sessions, "")
	require.NoError(t, err)
	assert.DirExists(t, filepath.Join(sessions, young))
	assert.DirExists(t, filepath.Join(sessions, held))
	assert.NoDirExists(t, filepath.Join(sessions, old))
	assert.NoDirExists(t, filepath.Join(sessions, gone))
}

// Sessions that begin and sweep at the same time do not take each other for dead. What a
// dead one left is removed once.
func TestConcurrentSweepsSpareNewSessions(t *testing.T) {
	sessions := t.TempDir()
	for range 5 {
		dead := fresh(t, sessions)
		_, err := dead.MakeDir(t.TempDir())
		require.NoError(t, err)
		dead.dies()
	}
	var mu sync.Mutex
	var total Swept
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			me, err := newOwner(sessions)
			if !assert.NoError(t, err) {
				return
			}
			swept, err := sweep(bounded(t, time.Minute), sessions, me.ID())
			assert.NoError(t, err)
			assert.DirExists(t, me.dir)
			mu.Lock()
			defer mu.Unlock()
			total.Sessions += swept.Sessions
			total.Dirs += swept.Dirs
			t.Cleanup(me.dies)
		})
	}
	all.Wait()
	assert.Equal(t, Swept{Sessions: 5, Dirs: 5}, total)
}

func TestSweepWithoutSessionsRemovesNothing(t *testing.T) {
	swept, err := sweep(bounded(t, time.Minute), filepath.Join(t.TempDir(), "none"), "")
	require.NoError(t, err)
	assert.Equal(t, Swept{}, swept)
}

func TestSessionIsOnePerProcess(t *testing.T) {
	t.Setenv(EnvCache, t.TempDir())
	first, err := Session()
	require.NoError(t, err)
	second, err := Session()
	require.NoError(t, err)
	assert.Same(t, first, second)
	swept, err := Sweep(bounded(t, time.Minute))
	require.NoError(t, err)
	assert.Equal(t, Swept{}, swept)
}

func TestSweptPrintsItsCounts(t *testing.T) {
	assert.Equal(t, "leftovers removed: 1 process, 0 containers, 1 volume, 2 directories (sessions: 1 dead, 2 alive, 0 deferred)",
		Swept{Sessions: 1, Live: 2, Processes: 1, Volumes: 1, Dirs: 2}.String())
}
