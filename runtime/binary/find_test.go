package binary

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/runtime"
)

func TestFindInstallsThePinnedVersion(t *testing.T) {
	server := real(t)
	assert.Equal(t, runtime.DefaultVersion, server.Version)
	assert.True(t, filepath.IsAbs(server.Path))
}

func TestNamedProgramIsUsedWhateverItsVersion(t *testing.T) {
	server := real(t)
	dir := t.TempDir()
	for name, body := range map[string]string{
		"exec":                `exec "` + server.Path + `" "$@"`,
		"stays":               `"` + server.Path + `" "$@"; exit $?`,
		"hands no arguments":  `exec "` + server.Path + `"`,
		"talks before":        `echo "building ..."; echo "warning: unused" >&2; exec "` + server.Path + `" "$@"`,
		"clean environment":   `exec env -i "` + server.Path + `" "$@"`,
		"hides its start log": `RUST_LOG=warn exec "` + server.Path + `" "$@"`,
	} {
		t.Run(name, func(t *testing.T) {
			path := executable(t, dir, filepath.Base(t.Name()), body)
			found, err := Find(bounded(t, time.Minute), Request{Path: path, Version: "1.2.3"})
			require.NoError(t, err)
			assert.Equal(t, Server{Path: path, Version: runtime.DefaultVersion}, found)
		})
	}
}

func TestNamedProgramThatIsNotRestateIsRefused(t *testing.T) {
	probeMax = 300 * time.Millisecond
	t.Cleanup(func() { probeMax = 20 * time.Second })
	dir := t.TempDir()
	text := filepath.Join(dir, "text")
	require.NoError(t, os.WriteFile(text, []byte("not a program"), 0o755))
	for name, path := range map[string]string{
		"another program": "/bin/ls",
		"silent":          executable(t, dir, "silent", "exit 0"),
		"fails":           executable(t, dir, "fails", "exit 3"),
		"hangs":           executable(t, dir, "hangs", "sleep 1000"),
		"never-ending":    executable(t, dir, "chatty", "while :; do echo restate; done"),
		"alike":           executable(t, dir, "alike", "echo restate-cli 1.7.12; echo restate-server is a server"),
		"text":            text,
	} {
		t.Run(name, func(t *testing.T) {
			began := time.Now()
			_, err := Find(bounded(t, time.Minute), Request{Path: path})
			require.ErrorIs(t, err, ErrNotRestate)
			oneLine(t, err, path)
			assert.Less(t, time.Since(began), 10*time.Second)
			require.Error(t, Available(bounded(t, time.Minute), Request{Path: path}))
		})
	}
	t.Run("missing", func(t *testing.T) {
		_, err := Find(bounded(t, time.Minute), Request{Path: filepath.Join(dir, "missing")})
		require.ErrorIs(t, err, os.ErrNotExist)
		oneLine(t, err, "missing")
	})
	t.Run("not executable", func(t *testing.T) {
		plain := filepath.Join(dir, "plain")
		require.NoError(t, os.WriteFile(plain, nil, 0o644))
		_, err := Find(bounded(t, time.Minute), Request{Path: plain})
		oneLine(t, err, plain, "permission denied")
	})
}

func TestServerOnPathIsUsedOnlyIfItsVersionMatches(t *testing.T) {
	emptyCache(t)
	dir := t.TempDir()
	onlyPath(t, dir)
	var notices []string
	request := Request{Version: "1.7.99", Notice: func(line string) { notices = append(notices, line) }}

	executable(t, dir, "restate-server", "echo restate-server 1.7.99")
	found, err := Find(bounded(t, time.Minute), request)
	require.NoError(t, err)
	assert.Equal(t, Server{Path: filepath.Join(dir, "restate-server"), Version: "1.7.99", OnPath: true}, found)
	assert.Empty(t, notices)
	require.NoError(t, Available(bounded(t, time.Minute), request))

	for name, says := range map[string]string{"another version": "restate-server 1.7.1", "something else": "hello"} {
		t.Run(name, func(t *testing.T) {
			notices = nil
			executable(t, dir, "restate-server", "echo "+says+" # "+name)
			calls := filepath.Join(t.TempDir(), "calls")
			require.ErrorIs(t, Available(bounded(t, time.Minute), request), ErrNoSource, "no npm here yet")
			emptyCache(t)
			fakeNPM(t, dir, calls, "", "1.7.99")
			t.Cleanup(func() { _ = os.Remove(filepath.Join(dir, "npm")) })
			require.NoError(t, Available(bounded(t, time.Minute), request))
			assert.Empty(t, lines(t, calls), "Available installed something")
			found, err := Find(bounded(t, time.Minute), request)
			require.NoError(t, err)
			assert.NotEqual(t, filepath.Join(dir, "restate-server"), found.Path)
			assert.Equal(t, "1.7.99", found.Version)
			assert.Contains(t, notices[0], "not used: ")
		})
	}
}

func TestFindWithoutServerAndNPMNamesTheRemedies(t *testing.T) {
	emptyCache(t)
	onlyPath(t, t.TempDir())
	_, err := Find(bounded(t, time.Minute), Request{})
	require.ErrorIs(t, err, ErrNoSource)
	oneLine(t, err, "install npm", "-restate.binary")
	require.ErrorIs(t, Available(bounded(t, time.Minute), Request{}), ErrNoSource)
}

func TestMalformedVersionIsRefused(t *testing.T) {
	for _, version := range []string{"latest", "1.7", "../1.7.12", "1.7.12/..", "", " 1.7.12"} {
		err := checkVersion(version)
		require.ErrorIs(t, err, ErrVersion, version)
		oneLine(t, err)
	}
	for _, version := range []string{"1.7.12", "1.7.3-rc.1", "1.7.4+hotfix.1"} {
		require.NoError(t, checkVersion(version))
	}
}

func TestPackageOfEachPlatformIsKnown(t *testing.T) {
	for _, p := range [][3]string{
		{"linux", "amd64", "@restatedev/restate-server-linux-x64"}, {"linux", "arm64", "@restatedev/restate-server-linux-arm64"},
		{"darwin", "amd64", "@restatedev/restate-server-darwin-x64"}, {"darwin", "arm64", "@restatedev/restate-server-darwin-arm64"},
	} {
		platform, err := PlatformOf(p[0], p[1])
		require.NoError(t, err)
		assert.Equal(t, p[2], packageName(platform))
	}
	_, err := PlatformOf("windows", "amd64")
	oneLine(t, err, "windows/amd64", "-restate.binary")
}
