package container

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/runtime"
)

// The data of a server that was killed is handed out as it is on its volume.
func TestArchive(t *testing.T) {
	r := newRuntime(t, runtime.Settings{})
	ctx := bounded(t, 2*time.Minute)
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
	assert.NotZero(t, sizes["restate-data/"+r.Identity().Node+"/.cluster-marker"], sizes)
}
