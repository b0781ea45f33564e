package suite

import (
	"archive/tar"
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"retain/internal/selftest/official"
	"retain/runtime/container"
)

// Official serves the handlers of package official until the test ends, and returns their URL.
func Official(t *testing.T) string {
	handler, err := official.Handler()
	require.NoError(t, err)
	s := httptest.NewUnstartedServer(handler)
	s.Config.Protocols = new(http.Protocols)
	s.Config.Protocols.SetUnencryptedHTTP2(true)
	s.Start()
	t.Cleanup(func() {
		s.CloseClientConnections() // or it waits for those of the endpoint proxy
		s.Close()
	})
	return s.URL
}

// Serve builds a program that serves the handlers of package official, with variables in the
// environment of the build, and returns its path.
func Serve(t *testing.T, env ...string) string {
	program := filepath.Join(t.TempDir(), "serve")
	build := exec.Command("go", "build", "-o", program, "./internal/selftest/serve")
	build.Dir, build.Env = Root(), append(os.Environ(), env...)
	out, err := build.CombinedOutput()
	require.NoError(t, err, string(out))
	return program
}

// OfficialImage makes an image of them, from nothing but a program, and returns its
// reference. The test is skipped where there is no Docker.
func OfficialImage(t *testing.T) string {
	if err := container.Available(t.Context()); err != nil {
		t.Skipf("needs Docker: %v", err)
	}
	text, err := os.ReadFile(Serve(t, "CGO_ENABLED=0", "GOOS=linux"))
	require.NoError(t, err)
	var layer bytes.Buffer
	w := tar.NewWriter(&layer)
	require.NoError(t, w.WriteHeader(&tar.Header{Name: "serve", Mode: 0o755, Size: int64(len(text))}))
	_, err = w.Write(text)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	reference := "retain/test-" + strings.ToLower(strings.ReplaceAll(t.Name(), "/", "-")) + ":1"
	load := exec.Command("docker", "import", "--change", `CMD ["/serve"]`, "-", reference)
	load.Stdin = &layer
	out, err := load.CombinedOutput()
	require.NoError(t, err, string(out))
	t.Cleanup(func() { _ = exec.Command("docker", "rmi", "-f", reference).Run() })
	return reference
}
