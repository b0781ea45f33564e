package process

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/runtime"
)

// The data of a server that was killed is handed out as it is in its directory.
func TestArchive(t *testing.T) {
	r := newRuntime(t, runtime.Settings{})
	ctx := bounded(t, time.Minute)
	require.NoError(t, r.Start(ctx))
	healthy(t, r)
	require.ErrorIs(t, r.Archive(ctx, io.Discard), runtime.ErrState, "it is up")
	require.NoError(t, r.Kill(ctx))

	var all bytes.Buffer
	require.NoError(t, r.Archive(ctx, &all))
	sizes := map[string]int64{}
	for in := tar.NewReader(&all); ; {
		header, err := in.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		sizes[header.Name] = header.Size
	}
	assert.NotZero(t, sizes["data/"+r.Identity().Node+"/.cluster-marker"], sizes)
}

// What is new of a log is what the whole one has after that place, and the
// metrics are those of this server.
func TestLogsFromAndMetrics(t *testing.T) {
	r := newRuntime(t, runtime.Settings{})
	ctx := bounded(t, time.Minute)
	none, err := r.LogsFrom(0)
	require.NoError(t, err)
	assert.Empty(t, none)
	assert.Empty(t, r.Metrics())
	require.NoError(t, r.Start(ctx))
	healthy(t, r)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.Metrics(), nil)
	require.NoError(t, err)
	resp, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(req)
	require.NoError(t, err)
	text, err := io.ReadAll(resp.Body)
	require.NoError(t, errors.Join(err, resp.Body.Close()))
	assert.Contains(t, string(text), `cluster_name="`+r.Identity().Cluster+`"`)

	require.NoError(t, r.Kill(ctx))
	whole, err := r.Logs()
	require.NoError(t, err)
	const from = 1000
	rest, err := r.LogsFrom(from)
	require.NoError(t, err)
	assert.Equal(t, string(whole[from:]), string(rest))
	beyond, err := r.LogsFrom(int64(len(whole)) + 1)
	require.NoError(t, err)
	assert.Empty(t, beyond)
}
