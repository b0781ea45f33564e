package campaign

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A second process would draw the same plans.
func TestShardIsLockedByOneProcess(t *testing.T) {
	t.Parallel() // it mostly waits
	o := short(t, time.Second)
	release, err := claim(o.Dir, Shard{})
	require.NoError(t, err)
	_, err = Conduct(t.Context(), o)
	require.Error(t, err)
	assert.Contains(t, err.Error(), fmt.Sprintf("shard 0/1 in %s is worked on by process %d on ", o.Dir, os.Getpid()))
	assert.Contains(t, err.Error(), ": wait for its end or end it, or take another -shard or -dir")
	assert.NotContains(t, err.Error(), "\n")
	_, err = Read(o.Dir)
	require.ErrorIs(t, err, ErrNoRecords, "it wrote nothing")

	other, err := claim(o.Dir, Shard{Index: 1, Of: 2})
	require.NoError(t, err, "another shard is another matter")
	other()
	release()
	for range 2 { // a segment lets go of it
		_, err = Conduct(t.Context(), o)
		require.NoError(t, err)
	}
	o.Start.Seed = 2
	for range 2 { // so does one that could not begin
		_, err = Conduct(t.Context(), o)
		require.ErrorContains(t, err, "its seed is 1, not 2")
	}
	o.Dir, o.Start.Duration = filepath.Join(t.TempDir(), "typo"), 0
	_, err = Conduct(t.Context(), o)
	require.ErrorContains(t, err, "say how long")
	assert.NoDirExists(t, o.Dir, "what could not begin leaves nothing")
}
