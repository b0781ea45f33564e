// Package suite runs the suite as a user runs it: it builds the root's test binary and
// runs it as a child process. It also has the sessions on the simulated and the native
// runtime that the self-tests share.
package suite

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"retain/internal/selftest"
)

// Main runs a package's tests, and removes the binary that they built. A package whose
// tests run children calls it from TestMain.
func Main(m *testing.M) {
	code := m.Run()
	if built.dir != "" {
		_ = os.RemoveAll(built.dir)
	}
	os.Exit(code)
}

// Root is the project's root: the directory of go.mod.
func Root() string { return root() }

var root = sync.OnceValue(func() string {
	dir, err := os.Getwd()
	for err == nil {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		if dir == filepath.Dir(dir) {
			err = errors.New("no go.mod above it")
		}
		dir = filepath.Dir(dir)
	}
	panic(fmt.Sprintf("find the project's root from the working directory: %v", err))
})

// built is the directory of the binary, "" before it was built.
var built struct{ dir string }

// binary builds the root's test binary, once for all tests of a package.
var binary = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "retain-selftest-")
	if err != nil {
		return "", err
	}
	built.dir = dir
	path := filepath.Join(dir, "retain.test")
	args := []string{"test", "-vet=off", "-c", "-o", path}
	if selftest.Race {
		args = append(args, "-race")
	}
	build := exec.Command("go", append(args, ".")...)
	build.Dir = Root()
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the root's test binary: %w: %s", err, out)
	}
	return path, nil
})
