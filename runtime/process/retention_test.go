package process

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/runtime"
	"retain/runtime/runtimetest"
)

// The next incarnation has what the last one acknowledged, on the same ports or on
// others. A deployment is registered once.
func TestDataSurvivesEveryKindOfEnd(t *testing.T) {
	parent := t.TempDir()
	r := newRuntime(t, runtime.Settings{}, WithParent(parent))
	assert.Equal(t, parent, filepath.Dir(r.dir))
	assert.Empty(t, r.Metrics(), "it was not started")
	ctx := bounded(t, time.Minute)
	require.NoError(t, r.Start(ctx, runtime.StartOptions{}))
	healthy(t, r)
	d, err := runtimetest.Deploy(ctx, r)
	require.NoError(t, err)
	require.NoError(t, d.Register(ctx, r))
	for _, end := range []func(){
		func() { require.NoError(t, r.Kill(ctx)) },
		func() { _, err := r.Stop(ctx); require.NoError(t, err) },
		func() { require.NoError(t, r.Kill(ctx)); require.NoError(t, r.ports.draw(nodePort)) },
	} {
		end()
		require.NoError(t, r.Start(ctx, runtime.StartOptions{}))
		healthy(t, r)
		require.NoError(t, d.Known(ctx, r))
	}
}
