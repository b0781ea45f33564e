package container

import (
	"archive/tar"
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/moby/moby/client"
	"github.com/moby/moby/client/pkg/jsonmessage"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/internal/selftest"
	"retain/runtime"
	"retain/runtime/binary"
)

// other is the program of images that aren't Restate, or only say they are.
const other = `package main

import ("bufio"; "fmt"; "os"; "os/signal"; "slices"; "strconv"; "strings"; "syscall"; "time")

func main() {
	switch {
	case os.Getenv("DEAF") != "" && slices.Contains(os.Args, "--version"):
		fmt.Println("restate-server 1.7.12")
	case os.Getenv("CHATTY") != "" && slices.Contains(os.Args, "--version"):
		fmt.Println("restate-server 1.7.12")
	case os.Getenv("CHATTY") != "":
		n, _ := strconv.Atoi(os.Getenv("CHATTY"))
		out := bufio.NewWriter(os.Stdout)
		for i := range n {
			fmt.Fprintln(out, "a line of a log, as long as those of servers often are, and different from the others:", i)
		}
		out.Flush()
		fmt.Fprintln(os.Stderr, "an error")
		fmt.Println("long", strings.Repeat("x", 50_000))
	case os.Getenv("DEAF") != "":
		signal.Ignore(syscall.SIGTERM)
		fmt.Println("deaf")
		time.Sleep(time.Hour)
	case os.Getenv("HANG") != "":
		time.Sleep(time.Hour)
	}
	fmt.Println("Hello from", os.Args)
}
`

// otherProgram builds it for the containers.
func otherProgram(t testing.TB) map[string][]byte { return programOf(t, other) }

// programOf builds a program for the containers.
func programOf(t testing.TB, source string) map[string][]byte {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "main.go"), []byte(source), 0o644))
	build := exec.Command("go", "build", "-o", "program", "main.go")
	build.Dir, build.Env = dir, append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOFLAGS=")
	out, err := build.CombinedOutput()
	require.NoError(t, err, string(out))
	program, err := os.ReadFile(filepath.Join(dir, "program"))
	require.NoError(t, err)
	return map[string][]byte{"program": program}
}

// imageOf imports a file tree as an image, removed after the test.
func imageOf(t testing.TB, d *daemon, reference string, files map[string][]byte, changes ...string) string {
	var layer bytes.Buffer
	w := tar.NewWriter(&layer)
	for name, content := range files {
		require.NoError(t, writeFile(w, name, 0o755, int64(len(content)), bytes.NewReader(content)))
	}
	require.NoError(t, w.Close())
	ctx := bounded(t, time.Minute)
	result, err := d.ImageImport(ctx, client.ImageImportSource{Source: &layer, SourceName: "-"}, reference, client.ImageImportOptions{Changes: changes})
	require.NoError(t, err)
	require.NoError(t, jsonmessage.DisplayStream(result, io.Discard))
	require.NoError(t, result.Close())
	t.Cleanup(func() {
		_, err := d.ImageRemove(bounded(t, time.Minute), reference, client.ImageRemoveOptions{Force: true})
		assert.NoError(t, err)
	})
	return reference
}

// oneLine asserts that an error is a line a person can act on.
func oneLine(t *testing.T, err error, says ...string) {
	t.Helper()
	require.Error(t, err)
	assert.NotContains(t, err.Error(), "\n")
	assert.Less(t, len(err.Error()), 500, "too long: %s", err)
	for _, part := range says {
		assert.Contains(t, err.Error(), part)
	}
}

func TestImageThatIsNotRestateIsRefused(t *testing.T) {
	selftest.Long(t, "10 s")
	docker := connect(t)
	probeMax = 2 * time.Second
	t.Cleanup(func() { probeMax = 30 * time.Second })
	files := otherProgram(t)
	for name, changes := range map[string][]string{
		"prints":     {`ENTRYPOINT ["/program"]`},
		"command":    {`CMD ["/program", "something"]`},
		"hangs":      {`ENTRYPOINT ["/program"]`, `ENV HANG=1`},
		"no-command": nil,
		"missing":    {`ENTRYPOINT ["/nowhere"]`},
	} {
		t.Run(name, func(t *testing.T) {
			reference := imageOf(t, docker, "retain/test-"+name+":1", files, changes...)
			began := time.Now()
			_, err := New(bounded(t, time.Minute), runtime.Settings{}, WithImage(reference))
			require.ErrorIs(t, err, binary.ErrNotRestate)
			oneLine(t, err, reference)
			if name == "hangs" {
				assert.ErrorContains(t, err, "did not answer --version in 2s")
			}
			assert.Less(t, time.Since(began), 20*time.Second)
		})
	}
}

// An image may have another entrypoint, none, or one that drops its arguments, and any
// version.
func TestNamedImageIsUsedWithAnyEntrypoint(t *testing.T) {
	selftest.Long(t, "15 s")
	docker := connect(t)
	server, err := binary.Install(bounded(t, 10*time.Minute), binary.Request{}, daemonPlatform(t, docker))
	require.NoError(t, err)
	program, err := os.ReadFile(server)
	require.NoError(t, err)
	trusted, err := readCertificates()
	require.NoError(t, err)
	files := map[string][]byte{"opt/restate-server": program, "etc/ssl/certs/ca-certificates.crt": trusted}
	for name, changes := range map[string][]string{
		"entrypoint": {`ENTRYPOINT ["/opt/restate-server"]`},
		"command":    {`CMD ["/opt/restate-server"]`},
	} {
		t.Run(name, func(t *testing.T) {
			reference := imageOf(t, docker, "retain/test-named-"+name+":1", files, changes...)
			r := newRuntime(t, runtime.Settings{Version: "1.2.3"}, WithImage(reference))
			require.NoError(t, r.Start(bounded(t, time.Minute), runtime.StartOptions{}))
			healthy(t, r)
			assert.Equal(t, reference, r.Identity().Source)
			assert.Equal(t, runtime.DefaultVersion, r.Identity().Version)
			require.NoError(t, r.Close(bounded(t, time.Minute)))
		})
	}
}

func daemonPlatform(t *testing.T, d *daemon) binary.Platform {
	v, err := d.ServerVersion(bounded(t, time.Minute), client.ServerVersionOptions{})
	require.NoError(t, err)
	platform, err := binary.PlatformOf(v.Os, v.Arch)
	require.NoError(t, err)
	return platform
}

func TestMissingImageIsNamedInOneLine(t *testing.T) {
	needsDocker(t)
	for _, reference := range []string{"127.0.0.1:9/nobody/nothing:1", "not a reference"} {
		_, err := New(bounded(t, 2*time.Minute), runtime.Settings{}, WithImage(reference))
		oneLine(t, err, reference)
	}
}

func TestUnknownImageVersionIsRefused(t *testing.T) {
	needsDocker(t)
	_, err := New(bounded(t, 2*time.Minute), runtime.Settings{Version: "0.0.7"})
	require.ErrorIs(t, err, binary.ErrVersion)
	oneLine(t, err, "0.0.7", "-restate.version")
}

// A registry that accepts a connection and then says nothing.
func TestSilentImageRegistryTimesOut(t *testing.T) {
	docker := connect(t)
	pullSilence = 300 * time.Millisecond
	t.Cleanup(func() { pullSilence = 20 * time.Second })
	began := time.Now()
	err := docker.ensure(bounded(t, time.Minute), silentListener(t)+"/nobody/nothing:1", anonymous, func(string) {})
	oneLine(t, err, "silent for 300ms")
	assert.Less(t, time.Since(began), 10*time.Second)
}

// A failed build leaves no image.
func TestImageIsBuiltFromTheBinaryOrNotAtAll(t *testing.T) {
	docker := connect(t)
	server := filepath.Join(t.TempDir(), "restate-server")
	require.NoError(t, os.WriteFile(server, []byte("binary"), 0o755))
	reference := built + ":test"
	ctx := bounded(t, time.Minute)
	require.Error(t, docker.importImage(ctx, reference, server+"-missing", []byte("certificates")))
	assert.False(t, docker.has(ctx, reference))

	require.NoError(t, docker.importImage(ctx, reference, server, []byte("certificates")))
	t.Cleanup(func() {
		_, _ = docker.ImageRemove(bounded(t, time.Minute), reference, client.ImageRemoveOptions{Force: true})
	})
	image, err := docker.ImageInspect(ctx, reference)
	require.NoError(t, err)
	assert.Equal(t, []string{"/usr/local/bin/restate-server"}, image.Config.Entrypoint)
	saved, err := docker.ImageSave(ctx, []string{reference})
	require.NoError(t, err)
	defer saved.Close()
	all, err := io.ReadAll(saved)
	require.NoError(t, err)
	for _, name := range []string{"usr/local/bin/restate-server", "etc/ssl/certs/ca-certificates.crt", "tmp/"} {
		assert.True(t, strings.Contains(string(all), name), name)
	}
}
