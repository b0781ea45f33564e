package leftovers

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

func TestLockWaits(t *testing.T) {
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

func TestCacheDir(t *testing.T) {
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

func TestStartTime(t *testing.T) {
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
