package process

import (
	"bytes"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/runtime"
)

// What a server acknowledged in one life is there in the next, on the ports of
// the last one or on others: a deployment registered once stays known.
func TestDataOutlivesEveryEnd(t *testing.T) {
	parent := t.TempDir()
	r := newRuntime(t, runtime.Settings{}, WithParent(parent))
	assert.Equal(t, parent, filepath.Dir(r.dir))
	ctx := bounded(t, time.Minute)
	require.NoError(t, r.Start(ctx))
	healthy(t, r)
	uri := register(t, r)
	for _, end := range []func(){
		func() { require.NoError(t, r.Kill(ctx)) },
		func() { _, err := r.Stop(ctx); require.NoError(t, err) },
		func() { require.NoError(t, r.Kill(ctx)); require.NoError(t, r.ports.draw(nodePort)) },
	} {
		end()
		require.NoError(t, r.Start(ctx))
		healthy(t, r)
		response, err := plain.Get(r.Endpoints().Admin + "/deployments")
		require.NoError(t, err)
		said, err := io.ReadAll(response.Body)
		_ = response.Body.Close()
		require.NoError(t, err)
		assert.Contains(t, string(said), uri)
	}
}

// plain has no connections of an earlier life.
var plain = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}

const manifest = `{"protocolMode":"REQUEST_RESPONSE","minProtocolVersion":5,"maxProtocolVersion":5,
"services":[{"name":"Retained","ty":"SERVICE","handlers":[{"name":"handle"}]}]}`

// register serves the smallest endpoint there is and makes the server know it.
func register(t *testing.T, r *Runtime) (uri string) {
	listen, dial := r.Callback()
	listener, err := net.Listen("tcp", net.JoinHostPort(listen, "0"))
	require.NoError(t, err)
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		newest, _, _ := strings.Cut(q.Header.Get("Accept"), ",")
		w.Header().Set("Content-Type", strings.TrimSpace(newest))
		_, _ = io.WriteString(w, manifest)
	})}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close() })
	_, port, err := net.SplitHostPort(listener.Addr().String())
	require.NoError(t, err)
	uri = "http://" + net.JoinHostPort(dial, port)
	body, err := json.Marshal(map[string]any{"uri": uri, "use_http_11": true})
	require.NoError(t, err)
	response, err := plain.Post(r.Endpoints().Admin+"/deployments", "application/json", bytes.NewReader(body))
	require.NoError(t, err)
	defer response.Body.Close()
	said, _ := io.ReadAll(response.Body)
	require.Equal(t, http.StatusCreated, response.StatusCode, string(said))
	return uri
}
