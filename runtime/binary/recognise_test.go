package binary

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// The lines are those of 1.5.3 and 1.7.12 (pretty, compact, json), and of a debug build.
func TestRecogniseReadsVersionAndBuild(t *testing.T) {
	for _, c := range []struct{ said, version, build string }{
		{"restate-server 1.7.12\n", "1.7.12", ""},
		{"restate-server 1.7.13-dev", "1.7.13-dev", ""},
		{"2026-11-24T08:26:30.070738Z INFO restate_server\n  Starting Restate Server 1.5.3 (8658d46 x86_64-unknown-linux-musl 2025-10-21)\n    node_name: \"node-1\"\n", "1.5.3", "8658d46"},
		{"2026-11-24T08:26:30.623925Z INFO restate_server: Starting Restate Server 1.7.12 (577e032 x86_64-unknown-linux-musl 2026-09-22) node_name: \"n\"\n", "1.7.12", "577e032"},
		{`{"level":"INFO","message":"Starting Restate Server 1.7.12 (577e032 x86_64-unknown-linux-musl 2026-09-22)"}` + "\n", "1.7.12", "577e032"},
		{"Starting Restate Server 1.7.13-dev (debug) (a1b2c3d aarch64-apple-darwin 2026-10-01)\n", "1.7.13-dev", "a1b2c3d"},
	} {
		version, build, ok := Recognise(strings.NewReader("building\n" + c.said))
		assert.True(t, ok, c.said)
		assert.Equal(t, c.version, version)
		assert.Equal(t, c.build, build)
	}
	for _, said := range []string{"", "restate 1.7.12\n", "restate-server\n", "my restate-server 1.7.12\n", "Hello from Docker!\n"} {
		_, _, ok := Recognise(strings.NewReader(said))
		assert.False(t, ok, said)
	}
}

func TestBuildIsThatOfTheNewestStart(t *testing.T) {
	version, commit := Build([]byte("x Starting Restate Server 1.6.1 (aaaaaaa t 2025-01-01)\ny\nx Starting Restate Server 1.7.12 (bbbbbbb t 2026-01-01)\n"))
	assert.Equal(t, "1.7.12", version)
	assert.Equal(t, "bbbbbbb", commit)
	_, commit = Build([]byte("nothing"))
	assert.Empty(t, commit)
}

func TestPortTakenReadsTheServersError(t *testing.T) {
	assert.True(t, PortTaken([]byte("Failed: [http-ingress-server] failed binding to address '127.0.0.1:21002': Address in use (os error 98)")))
	assert.True(t, PortTaken([]byte("error: Address already in use (os error 48)")))
	assert.False(t, PortTaken([]byte("Failed: [admin-api-server] failed binding to address '127.0.0.1:0': No file descriptors available (os error 24)")))
	assert.False(t, PortTaken([]byte("db is locked: IO error: While lock file: LOCK: Resource temporarily unavailable")))
}
