package commandline_test

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/moby/moby/client"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/internal/selftest/suite"
	"retain/runtime/container"
)

// It needs Docker, and builds an image.
func TestForeignImageFailsInOneLine(t *testing.T) {
	if err := container.Available(t.Context()); err != nil {
		t.Skip("there is no Docker here to take an image from: ", err)
	}
	const image = "retain-test/hello:1"
	importImage(t, image, "package main\n\nfunc main() { println(\"Hello from Docker!\") }\n")
	refused(t, suite.New(t, suite.NewCache(t).Env(), suite.Properties("-restate.image", image)...), image, "not a restate-server")
}

// importImage makes an image of one Go program, and removes it after the test.
func importImage(t *testing.T, reference, program string) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "main.go"), []byte(program), 0o644))
	build := suite.Command(t, dir, []string{"CGO_ENABLED=0", "GOOS=linux", "GOFLAGS="}, "go", "build", "-o", "program", "main.go")
	require.NoError(t, build.Run(), build.Text())
	binary, err := os.ReadFile(filepath.Join(dir, "program"))
	require.NoError(t, err)
	var layer bytes.Buffer
	files := tar.NewWriter(&layer)
	require.NoError(t, files.WriteHeader(&tar.Header{Name: "program", Mode: 0o755, Size: int64(len(binary))}))
	_, err = files.Write(binary)
	require.NoError(t, errors.Join(err, files.Close()))

	docker, err := client.New(client.FromEnv)
	require.NoError(t, err)
	t.Cleanup(func() { _ = docker.Close() })
	done, err := docker.ImageImport(t.Context(), client.ImageImportSource{Source: &layer, SourceName: "-"}, reference,
		client.ImageImportOptions{Changes: []string{`ENTRYPOINT ["/program"]`}})
	require.NoError(t, err)
	_, err = io.Copy(io.Discard, done)
	require.NoError(t, errors.Join(err, done.Close()))
	t.Cleanup(func() {
		_, err := docker.ImageRemove(context.WithoutCancel(t.Context()), reference, client.ImageRemoveOptions{Force: true})
		assert.NoError(t, err)
	})
}
