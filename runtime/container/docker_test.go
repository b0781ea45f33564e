package container

import (
	"bytes"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// silentListener accepts connections and never answers.
func silentListener(t *testing.T) string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	return listener.Addr().String()
}

// dockerAt is a Docker as far as a first look at it goes.
func dockerAt(t *testing.T, system string) string {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		w.Header().Set("Api-Version", "1.44")
		w.Header().Set("Ostype", system)
		if filepath.Base(q.URL.Path) == "_ping" {
			return
		}
		w.WriteHeader(http.StatusNotFound)
		_ = json.NewEncoder(w).Encode(map[string]string{"message": "no such network"})
	}))
	t.Cleanup(server.Close)
	return "tcp://" + server.Listener.Addr().String()
}

func TestUnusableDockerIsNamedInOneLine(t *testing.T) {
	t.Setenv("HOME", t.TempDir()) // no configuration of testcontainers
	socket := filepath.Join(t.TempDir(), "docker.sock")
	require.NoError(t, os.WriteFile(socket, nil, 0o644))
	for name, c := range map[string]struct{ host, says string }{
		"no such socket":     {"unix:///nowhere/docker.sock", "start it, or set DOCKER_HOST"},
		"not a socket":       {"unix://" + socket, "start it, or set DOCKER_HOST"},
		"nobody listens":     {"tcp://127.0.0.1:9", "start it, or set DOCKER_HOST"},
		"hangs":              {"tcp://" + silentListener(t), "start it, or set DOCKER_HOST"},
		"not an address":     {"nonsense", "nonsense"},
		"Windows containers": {dockerAt(t, "windows"), "not for linux"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("DOCKER_HOST", c.host)
			began := time.Now()
			err := Available(t.Context())
			require.ErrorIs(t, err, ErrNoDocker)
			oneLine(t, err, c.says)
			assert.Less(t, time.Since(began), 3*time.Second)
		})
	}
}

func TestDockerOfAnotherMachineIsRefusedUnlessOverridden(t *testing.T) {
	far := &daemon{host: "tcp://192.0.2.1:2375"}
	_, _, err := far.ports()
	require.ErrorIs(t, err, ErrNoDocker)
	oneLine(t, err, "another machine", overrideVariable)

	t.Setenv(overrideVariable, "192.0.2.1")
	host, bind, err := far.ports()
	require.NoError(t, err)
	assert.Equal(t, "192.0.2.1", host)
	assert.Equal(t, "192.0.2.1", bind.String())

	t.Setenv(overrideVariable, "docker.example")
	host, bind, err = far.ports()
	require.NoError(t, err)
	assert.Equal(t, "docker.example", host)
	assert.Equal(t, "127.0.0.1", bind.String())
}

func TestDockerHostIsReadFromTestcontainersProperties(t *testing.T) {
	home := t.TempDir()
	t.Setenv("HOME", home)
	assert.Empty(t, property("docker.host"))
	require.NoError(t, os.WriteFile(filepath.Join(home, ".testcontainers.properties"), []byte("# x\nryuk.disabled=true\ndocker.host = tcp://127.0.0.1:1\n"), 0o644))
	assert.Equal(t, "true", property("ryuk.disabled"))
	assert.Equal(t, "tcp://127.0.0.1:1", property("docker.host"))
	t.Setenv("DOCKER_HOST", "tcp://127.0.0.1:2")
	assert.Equal(t, []string{"tcp://127.0.0.1:2"}, hosts(), "the one the user names is the only one")
}

func TestFirstLineIsShortAndWithoutPrefix(t *testing.T) {
	assert.Equal(t, "no such image", firstLine(errors.New("Error response from daemon: no such image\nmore")))
	assert.Less(t, len(firstLine(errors.New(string(bytes.Repeat([]byte("x"), 1000))))), 320)
}
