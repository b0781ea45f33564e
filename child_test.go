package retain_test

import (
	"bytes"
	"os"
	"os/exec"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// child is this test binary, run as a user would run it, in a directory of its
// own.
type child struct {
	*exec.Cmd
	dir string

	mu     sync.Mutex
	output bytes.Buffer
}

// newChild makes a child with these arguments; env goes over the environment.
func newChild(t *testing.T, env []string, args ...string) *child {
	self, err := os.Executable()
	require.NoError(t, err)
	c := &child{Cmd: exec.Command(self, args...), dir: t.TempDir()}
	c.Dir = c.dir
	c.Env = append(os.Environ(), env...)
	c.Stdout, c.Stderr = c, c
	return c
}

// Write takes the child's output.
func (c *child) Write(b []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.output.Write(b)
}

func (c *child) text() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.output.String()
}
