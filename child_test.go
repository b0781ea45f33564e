package retain_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"retain/report"
	"retain/runtime/leftovers"
)

// child is this test binary, run as a user would run it, in a directory of its
// own.
type child struct {
	*exec.Cmd
	dir string

	mu     sync.Mutex
	output bytes.Buffer
}

// newChild makes a child with these arguments; env goes over the environment. It
// does not outlive the test.
func newChild(t *testing.T, env []string, args ...string) *child {
	self, err := os.Executable()
	require.NoError(t, err)
	return newCommand(t, t.TempDir(), env, self, args...)
}

// newCommand is a child that is another program, or runs elsewhere.
func newCommand(t *testing.T, dir string, env []string, program string, args ...string) *child {
	c := &child{Cmd: exec.CommandContext(t.Context(), program, args...), dir: dir}
	c.Dir = dir
	c.Env = append(append(os.Environ(), report.StepSummary+"="), env...) // a child is no step of its own
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

// histories are the files of the runs that are under way, or were cut off.
func (c *child) histories() []string {
	files, _ := filepath.Glob(filepath.Join(c.dir, "testdata", "running", "*", "*.jsonl"))
	return files
}

// awaitCall waits until an operation of a plan has begun.
func (c *child) awaitCall(t *testing.T) {
	require.Eventually(t, func() bool {
		for _, f := range c.histories() {
			text, err := os.ReadFile(f)
			if err == nil && strings.Contains(string(text), `"e":"call"`) {
				return true
			}
		}
		return false
	}, 2*time.Minute, 5*time.Millisecond, "no plan began")
}

// cache is a directory for the sessions of children alone, so that nobody else
// sweeps them: nor do they sweep anybody else's. The servers are those of the
// user's cache.
type cache string

func newCache(t *testing.T) cache {
	users, err := leftovers.CacheDir()
	require.NoError(t, err)
	servers := filepath.Join(users, "restate-server")
	require.NoError(t, os.MkdirAll(servers, 0o755))
	dir := t.TempDir()
	require.NoError(t, os.Symlink(servers, filepath.Join(dir, "restate-server")))
	return cache(dir)
}

func (c cache) env() []string { return []string{leftovers.EnvCache + "=" + string(c)} }

// belongings are what a session recorded as its own.
type belongings struct {
	session string
	dirs    []string
	groups  []int
	docker  string // "" if it used none
}

// of reads the record of a child's session.
func (c cache) of(t *testing.T, child *child) (own belongings) {
	locks, err := filepath.Glob(filepath.Join(string(c), "sessions", "*", "lock"))
	require.NoError(t, err)
	for _, lock := range locks {
		var about struct{ PID int }
		text, err := os.ReadFile(lock)
		require.NoError(t, err)
		if json.Unmarshal(text, &about) == nil && about.PID == child.Process.Pid {
			own.session = filepath.Base(filepath.Dir(lock))
		}
	}
	require.NotEmpty(t, own.session, "the child has no session")
	record, err := os.ReadFile(filepath.Join(string(c), "sessions", own.session, "owned.jsonl"))
	require.NoError(t, err)
	for line := range strings.Lines(string(record)) {
		var what struct {
			Path, Host string
			Group      int
		}
		if json.Unmarshal([]byte(line), &what) != nil {
			continue // cut off by the kill
		}
		switch {
		case what.Path != "":
			own.dirs = append(own.dirs, what.Path)
		case what.Group != 0:
			own.groups = append(own.groups, what.Group)
		case what.Host != "":
			own.docker = what.Host
		}
	}
	return own
}
