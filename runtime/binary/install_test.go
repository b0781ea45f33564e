package binary

import (
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/internal/selftest"
)

func TestUnknownVersionIsRefused(t *testing.T) {
	emptyCache(t)
	_, err := Find(bounded(t, time.Minute), Request{Version: "0.0.7"})
	require.ErrorIs(t, err, ErrVersion)
	oneLine(t, err, "0.0.7", "1.7.12", "-restate.version")
}

func TestUnreachableRegistryIsReportedInOneLine(t *testing.T) {
	emptyCache(t)
	t.Setenv("npm_config_registry", "http://127.0.0.1:9")
	began := time.Now()
	_, err := Find(bounded(t, time.Minute), Request{Version: "1.7.11"})
	oneLine(t, err, "install restate-server 1.7.11 with npm", "the registry can't be reached", "-restate.binary")
	assert.Less(t, time.Since(began), 30*time.Second, "npm's own patience takes over a minute")
	assert.NotErrorIs(t, err, ErrVersion, "nobody said that there is none")
}

// The registry accepts no connection. npm itself would wait for minutes.
func TestSilentNPMRegistryTimesOut(t *testing.T) {
	if _, err := exec.LookPath("npm"); err != nil {
		t.Skip("needs npm: ", err)
	}
	selftest.Nightly(t, "35 s")
	hole, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer hole.Close()
	emptyCache(t)
	t.Setenv("npm_config_registry", "http://"+hole.Addr().String())
	began := time.Now()
	_, err = Find(bounded(t, time.Minute), Request{Version: "1.7.11"})
	oneLine(t, err, "install restate-server 1.7.11 with npm", "the registry can't be reached", "-restate.binary")
	assert.Less(t, time.Since(began), 45*time.Second)
}

func TestInstallationWithoutSpaceNamesTheRemedy(t *testing.T) {
	emptyCache(t)
	dir := t.TempDir()
	onlyPath(t, dir)
	executable(t, dir, "npm", `echo "npm error code ENOSPC"; echo "npm error nospc ENOSPC: no space left on device, write"; exit 1`)
	_, err := Find(bounded(t, time.Minute), Request{Version: "1.7.99"})
	oneLine(t, err, "no space left on device", "free 400 MB there", "RETAIN_CACHE")
}

// A server in the cache stays there if it can not be asked for its version.
func TestVanishedTemporaryDirectoryIsNamed(t *testing.T) {
	emptyCache(t)
	dir, calls := t.TempDir(), filepath.Join(t.TempDir(), "calls")
	onlyPath(t, dir)
	fakeNPM(t, dir, calls, "", "1.7.99")
	t.Setenv("TMPDIR", filepath.Join(dir, "gone"))
	_, err := Find(bounded(t, time.Minute), Request{Version: "1.7.99"})
	oneLine(t, err, "is not there", "set TMPDIR")
	assert.Empty(t, lines(t, calls))
}

func TestCacheWithoutSpaceIsNamedBeforeNPMIsAsked(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, enoughCache(dir))
	require.ErrorContains(t, enoughCache(filepath.Join(dir, "no")), "the cache ("+dir)
}

func TestConcurrentSessionsInstallOnce(t *testing.T) {
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

func TestInterruptedInstallationIsRepeated(t *testing.T) {
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

func TestPackageOfAnotherVersionIsRefused(t *testing.T) {
	emptyCache(t)
	dir, calls := t.TempDir(), filepath.Join(t.TempDir(), "calls")
	onlyPath(t, dir)
	fakeNPM(t, dir, calls, "", "1.7.98")
	_, err := Find(bounded(t, time.Minute), Request{Version: "1.7.99"})
	require.ErrorIs(t, err, ErrVersion)
	oneLine(t, err, "1.7.98", "1.7.99")
}

// A container needs a Linux server on any machine. The real npm must agree to install a
// package for another platform.
func TestInstallFetchesAServerOfAnotherPlatform(t *testing.T) {
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
