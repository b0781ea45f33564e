package inputfile

import (
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// stored writes a file of its own.
func stored(t *testing.T, text string) string {
	path := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

func TestRegularFileIsReadUpToItsBound(t *testing.T) {
	for _, text := range []string{"", "x", "plan\n", strings.Repeat("0", 1<<20)} {
		got, err := Read(stored(t, text), int64(len(text)))
		require.NoError(t, err)
		assert.Equal(t, text, string(got))
	}
}

func TestFileOverItsBoundIsRefused(t *testing.T) {
	const bound = 2 << 20
	path := stored(t, strings.Repeat("0", bound+1))
	_, err := Read(path, bound)
	assert.EqualError(t, err, path+" is larger than 2 MiB")
}

func TestLinkToAFileIsRead(t *testing.T) {
	link := filepath.Join(t.TempDir(), "link")
	require.NoError(t, os.Symlink(stored(t, "plan"), link))
	got, err := Read(link, 10)
	require.NoError(t, err)
	assert.Equal(t, "plan", string(got))
}

// A pipe without a writer would be waited for without end.
func TestWhatIsNoRegularFileIsRefusedUnread(t *testing.T) {
	dir := t.TempDir()
	pipe := filepath.Join(dir, "pipe")
	require.NoError(t, syscall.Mkfifo(pipe, 0o600))
	short, err := os.MkdirTemp("", "") // the path of a socket is short
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(short)) })
	socket := filepath.Join(short, "s")
	listener, err := net.Listen("unix", socket)
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	toPipe := filepath.Join(dir, "link")
	require.NoError(t, os.Symlink(pipe, toPipe))

	for path, says := range map[string]string{
		dir:         " is a directory",
		pipe:        " is a pipe, not a regular file: copy what it gives to a file",
		toPipe:      " is a pipe, not a regular file: copy what it gives to a file",
		socket:      " is a socket, not a regular file: copy what it gives to a file",
		"/dev/zero": " is a device, not a regular file: copy what it gives to a file",
	} {
		_, err := Open(path)
		assert.EqualError(t, err, path+says)
		_, err = Read(path, 10)
		assert.EqualError(t, err, path+says)
	}
}

func TestMissingFileIsAnErrorThatIsKnown(t *testing.T) {
	path := filepath.Join(t.TempDir(), "none")
	_, err := Open(path)
	assert.ErrorIs(t, err, fs.ErrNotExist)
	assert.ErrorContains(t, err, path)
	_, err = Read(path, 10)
	assert.ErrorIs(t, err, fs.ErrNotExist, "a finding may lack a file")
}
