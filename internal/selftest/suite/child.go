package suite

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"retain/report"
)

// Child is a process that a test runs, the root's test binary as a rule. Its directory
// is Dir.
type Child struct {
	*exec.Cmd

	mu     sync.Mutex
	output bytes.Buffer
}

// New makes a child that runs the root's test binary with these arguments, in a new
// directory. env is added to the environment. The child ends with the test at the latest.
func New(t *testing.T, env []string, args ...string) *Child {
	t.Helper()
	return Command(t, t.TempDir(), env, Binary(t), args...)
}

// Binary is the path of the root's test binary.
func Binary(t *testing.T) string {
	t.Helper()
	path, err := binary()
	require.NoError(t, err)
	return path
}

// Command makes a child that runs a program in a directory.
func Command(t *testing.T, dir string, env []string, program string, args ...string) *Child {
	c := &Child{Cmd: exec.CommandContext(t.Context(), program, args...)}
	c.Dir = dir
	c.Env = append(append(os.Environ(), report.StepSummary+"="), env...) // a child writes no step summary
	c.Stdout, c.Stderr = c, c
	c.WaitDelay = 5 * time.Second
	t.Cleanup(func() {
		if c.Process != nil && c.ProcessState == nil {
			_ = c.Process.Kill()
			_ = c.Wait()
		}
	})
	return c
}

// Properties are the arguments of a session of one plan.
func Properties(more ...string) []string {
	return append([]string{"-test.run", "^TestProperties$", "-rapid.checks", "1"}, more...)
}

// Write appends to the child's output.
func (c *Child) Write(b []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.output.Write(b)
}

// Text is the child's output so far.
func (c *Child) Text() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.output.String()
}

// AwaitText waits until the child has printed a text.
func (c *Child) AwaitText(t *testing.T, what string) {
	t.Helper()
	require.Eventually(t, func() bool { return strings.Contains(c.Text(), what) }, time.Minute, 5*time.Millisecond, "it never prints %s: %s", what, c.Text())
}

// Histories are the history files of the plans that are running or were cut off.
func (c *Child) Histories() []string {
	files, _ := filepath.Glob(filepath.Join(c.Dir, "testdata", "running", "*", "*.jsonl"))
	return files
}

// AwaitCall waits until an operation of a plan has begun.
func (c *Child) AwaitCall(t *testing.T) {
	t.Helper()
	require.Eventually(t, func() bool {
		for _, f := range c.Histories() {
			text, err := os.ReadFile(f)
			if err == nil && strings.Contains(string(text), `"e":"call"`) {
				return true
			}
		}
		return false
	}, 2*time.Minute, 5*time.Millisecond, "no plan began")
}
