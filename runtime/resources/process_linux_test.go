package resources

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// A process that can't open a file measures its own limit all the same.
func TestProcessWithoutDescriptorsNamesItsLimit(t *testing.T) {
	var before unix.Rlimit
	require.NoError(t, unix.Getrlimit(unix.RLIMIT_NOFILE, &before))
	none := before
	none.Cur = 3 // its standard streams have them
	place := DataPlace(t.TempDir())
	require.NoError(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &none))
	short := OfThisProcess(Descriptors, place)
	require.NoError(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &before))
	assert.Contains(t, short.String(), "this process is limited to 3 descriptors")
	require.NotNil(t, short.Level)
	assert.Zero(t, short.Level.Free)
}
