package binary

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestUnknownVersion(t *testing.T) {
	emptyCache(t)
	_, err := Find(bounded(t, time.Minute), Request{Version: "0.0.7"})
	require.ErrorIs(t, err, ErrVersion)
	oneLine(t, err, "0.0.7", "1.7.12", "-restate.version")
}

func TestRegistryOutOfReach(t *testing.T) {
	emptyCache(t)
	t.Setenv("npm_config_registry", "http://127.0.0.1:9")
	t.Setenv("npm_config_fetch_retries", "0")
	_, err := Find(bounded(t, time.Minute), Request{Version: "1.7.11"})
	oneLine(t, err, "install restate-server 1.7.11 with npm")
	assert.NotErrorIs(t, err, ErrVersion, "nobody said that there is none")
}

// Several sessions that want the same version install it once.
func TestInstalledOnce(t *testing.T) {
	emptyCache(t)
	dir, calls := t.TempDir(), filepath.Join(t.TempDir(), "calls")
	onlyPath(t, dir)
	fakeNPM(t, dir, calls, "sleep 0.3", "1.7.99")
	ctx := bounded(t, time.Minute)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			found, err := Find(ctx, Request{Version: "1.7.99"})
			assert.NoError(t, err)
			assert.Equal(t, "1.7.99", found.Version)
		})
	}
	all.Wait()
	require.Len(t, lines(t, calls), 1)
	assert.Contains(t, lines(t, calls)[0], "--ignore-scripts")
}

func TestInterruptedInstallationIsNotBelieved(t *testing.T) {
	cache := emptyCache(t)
	dir, calls := t.TempDir(), filepath.Join(t.TempDir(), "calls")
	onlyPath(t, dir)
	// npm has put the binary's file there, not all of it, and is cut off.
	fakeNPM(t, dir, calls, `echo half > "$bin/restate-server"; sleep 1000`, "1.7.99")
	ctx, cut := context.WithCancel(bounded(t, time.Minute))
	result := make(chan error, 1)
	go func() {
		_, err := Find(ctx, Request{Version: "1.7.99"})
		result <- err
	}()
	require.Eventually(t, func() bool { return len(lines(t, calls)) == 1 }, 10*time.Second, 5*time.Millisecond)
	cut()
	require.ErrorIs(t, <-result, context.Canceled)

	// As a killed session would have left it.
	work := filepath.Join(cache, "restate-server", ".install-1.7.99-"+hostName(t)+"-1")
	require.NoError(t, os.MkdirAll(work, 0o755))
	fakeNPM(t, dir, calls, "", "1.7.99")
	found, err := Find(bounded(t, time.Minute), Request{Version: "1.7.99"})
	require.NoError(t, err)
	assert.Equal(t, "1.7.99", found.Version)
	assert.Len(t, lines(t, calls), 2)
	left, err := filepath.Glob(filepath.Join(cache, "restate-server", ".install-*"))
	require.NoError(t, err)
	assert.Empty(t, left)
}

func TestBrokenServerInTheCacheIsReplaced(t *testing.T) {
	for name, broken := range map[string]string{
		"half":            "no program",
		"another version": "#!/bin/sh\necho restate-server 1.7.98\n",
	} {
		t.Run(name, func(t *testing.T) {
			emptyCache(t)
			dir, calls := t.TempDir(), filepath.Join(t.TempDir(), "calls")
			onlyPath(t, dir)
			host, err := HostPlatform()
			require.NoError(t, err)
			path, err := cached("1.7.99", host)
			require.NoError(t, err)
			require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
			require.NoError(t, os.WriteFile(path, []byte(broken), 0o755))
			fakeNPM(t, dir, calls, "", "1.7.99")
			found, err := Find(bounded(t, time.Minute), Request{Version: "1.7.99"})
			require.NoError(t, err)
			assert.Equal(t, Server{Path: path, Version: "1.7.99"}, found)
			assert.Len(t, lines(t, calls), 1)
		})
	}
}

func TestPackageWithAnotherVersionInside(t *testing.T) {
	emptyCache(t)
	dir, calls := t.TempDir(), filepath.Join(t.TempDir(), "calls")
	onlyPath(t, dir)
	fakeNPM(t, dir, calls, "", "1.7.98")
	_, err := Find(bounded(t, time.Minute), Request{Version: "1.7.99"})
	require.ErrorIs(t, err, ErrVersion)
	oneLine(t, err, "1.7.98", "1.7.99")
}

// A container needs a Linux server on whatever machine this is; the real npm
// must be willing to install what can't run here.
func TestInstallForAnotherPlatform(t *testing.T) {
	if testing.Short() {
		t.Skip("installs 80 MB that nothing else needs")
	}
	if _, err := exec.LookPath("npm"); err != nil {
		t.Skip("needs npm: ", err)
	}
	emptyCache(t)
	other := Platform{OS: "darwin", CPU: "arm64"}
	if other.String() == hostName(t) {
		other = Platform{OS: "linux", CPU: "arm64"}
	}
	path, err := Install(bounded(t, 5*time.Minute), Request{}, other)
	require.NoError(t, err)
	info, err := os.Stat(path)
	require.NoError(t, err)
	assert.Greater(t, info.Size(), int64(50<<20))
}

func hostName(t *testing.T) string {
	host, err := HostPlatform()
	require.NoError(t, err)
	return host.String()
}
