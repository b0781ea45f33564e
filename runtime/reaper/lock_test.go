package reaper

import (
	"context"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func group() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

func TestLockWaitsUntilReleasedOrCancelled(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	release, err := Lock(bounded(t, time.Minute), path, nil)
	require.NoError(t, err)

	ctx, cancel := context.WithCancel(bounded(t, time.Minute))
	waits := 0
	_, err = Lock(ctx, path, func() { waits++; cancel() })
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorIs(t, err, errHeld)
	assert.Equal(t, 1, waits)

	again, err := Lock(bounded(t, time.Minute), path, release)
	require.NoError(t, err)
	again()
}

// A lock of fcntl(2) would fail both: it ends when the process closes any descriptor
// of the file. One that children inherit would fail the second.
func TestLockIsHeldByItsHolderAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	lock, err := tryLock(path, os.O_CREATE)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, []byte("opened and closed"), 0o644))
	_, err = tryLock(path, 0)
	require.ErrorIs(t, err, errHeld, "the lock ended with another descriptor")

	child := sleeper(t, "")
	require.NoError(t, lock.Close())
	again, err := tryLock(path, 0)
	require.NoError(t, err, "child %d holds the lock", child.Process.Pid)
	require.NoError(t, again.Close())

	require.NoError(t, os.Remove(path))
	_, err = tryLock(path, 0)
	require.ErrorIs(t, err, os.ErrNotExist)
}

// A sweep opens the lock of a dead session while another sweep holds it and renames
// the session's directory.
func TestLockOfAFileThatWasMovedIsNotTaken(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "session")
	path := filepath.Join(dir, "lock")
	require.NoError(t, os.Mkdir(dir, 0o755))
	lock, err := tryLock(path, os.O_CREATE)
	require.NoError(t, err)
	require.NoError(t, stillAt(lock))

	require.NoError(t, os.Rename(dir, dir+"-gone"))
	require.ErrorIs(t, stillAt(lock), os.ErrNotExist)
	require.NoError(t, os.Mkdir(dir, 0o755))
	require.NoError(t, os.WriteFile(path, nil, 0o644))
	require.ErrorIs(t, stillAt(lock), os.ErrNotExist, "another file has its path")
	require.NoError(t, lock.Close())
}

func TestCacheDirIsMadeOrNamedInTheError(t *testing.T) {
	want := filepath.Join(t.TempDir(), "deep", "cache")
	t.Setenv(EnvCache, want)
	dir, err := CacheDir()
	require.NoError(t, err)
	assert.Equal(t, want, dir)
	assert.DirExists(t, dir)

	blocked := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(blocked, nil, 0o644))
	t.Setenv(EnvCache, filepath.Join(blocked, "cache"))
	_, err = CacheDir()
	require.ErrorContains(t, err, EnvCache)

	t.Setenv(EnvCache, "")
	t.Setenv("HOME", "")
	t.Setenv("XDG_CACHE_HOME", "")
	_, err = CacheDir()
	require.ErrorContains(t, err, EnvCache)
}

func TestStartTimeIsStableAndGoneWithTheProcess(t *testing.T) {
	for name, start := range map[string]func(int) (string, error){"system's": startOf, "ps": startFromPS} {
		t.Run(name, func(t *testing.T) {
			own, err := start(os.Getpid())
			require.NoError(t, err)
			again, err := start(os.Getpid())
			require.NoError(t, err)
			assert.Equal(t, own, again)
			assert.NotEmpty(t, own)

			// A zombie, and then nothing at all.
			cmd := sleeper(t, "")
			_, err = start(cmd.Process.Pid)
			require.NoError(t, err)
			require.NoError(t, cmd.Process.Kill())
			require.Eventually(t, func() bool { _, err := start(cmd.Process.Pid); return err != nil }, 10*time.Second, 10*time.Millisecond)
			_ = cmd.Wait()
			_, err = start(cmd.Process.Pid)
			require.Error(t, err)
		})
	}
}
