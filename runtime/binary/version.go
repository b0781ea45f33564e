package binary

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

// probeMax is how long a program may take to say its version. A restate-server
// takes 0.1 s with cold caches; a debug build on a busy machine takes longer. A
// variable for the tests.
var probeMax = 20 * time.Second

// probed are the programs that have been asked in this process.
var probed sync.Map // probeKey to Server

// probeKey changes when the program is replaced.
type probeKey struct {
	path string
	size int64
	time time.Time
}

// probe asks the program for its version. A wrapper that hands no arguments on
// starts a server instead: it gets a directory of its own and free ports, and
// is killed as soon as it has said what it is.
func probe(ctx context.Context, path string) (Server, error) {
	info, err := os.Stat(path)
	if err != nil {
		return Server{}, fmt.Errorf("use %s as restate-server: %w", path, err)
	}
	key := probeKey{path, info.Size(), info.ModTime()}
	if known, ok := probed.Load(key); ok {
		return known.(Server), nil
	}
	version, said, err := ask(ctx, path)
	if err != nil {
		return Server{}, fmt.Errorf("ask %s for its version: %w", path, err)
	}
	if version == "" {
		return Server{}, fmt.Errorf("%s is %w: %s", path, ErrNotRestate, said)
	}
	server := Server{Path: path, Version: version}
	probed.Store(key, server)
	return server, nil
}

// ask runs the program with --version. If that does not make it known, said is
// what it did instead.
func ask(ctx context.Context, path string) (version, said string, err error) {
	dir, err := os.MkdirTemp("", "retain-probe-")
	if err != nil {
		return "", "", err
	}
	defer os.RemoveAll(dir)
	r, w, err := os.Pipe()
	if err != nil {
		return "", "", err
	}
	defer r.Close()
	cmd := exec.Command(path, "--version")
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, w, w
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Env = List(probeEnvironment(dir), nil)
	err = cmd.Start()
	_ = w.Close()
	if err != nil {
		// The kernel refused it: not executable, for another processor ...
		return "", err.Error(), nil
	}
	deadline := time.Now().Add(probeMax)
	if until, ok := ctx.Deadline(); ok && until.Before(deadline) {
		deadline = until
	}
	_ = r.SetReadDeadline(deadline)
	stop := context.AfterFunc(ctx, func() { _ = r.SetReadDeadline(time.Now()) })
	defer stop()
	version, _, ok := Recognise(r)
	_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
	waited := cmd.Wait()
	switch {
	case ok:
		return version, "", nil
	case ctx.Err() != nil:
		return "", "", context.Cause(ctx)
	case !time.Now().Before(deadline):
		return "", fmt.Sprintf("it did not answer --version in %s", probeMax), nil
	}
	var exit *exec.ExitError
	if errors.As(waited, &exit) && exit.Exited() { // else it is our signal that ended it
		return "", fmt.Sprintf("--version does not make it say so (%v)", exit), nil
	}
	return "", "--version does not make it say so", nil
}

// probeEnvironment is harmless for a server that starts nevertheless.
func probeEnvironment(dir string) map[string]string {
	env := Inherited()
	for name, value := range map[string]string{
		"DO_NOT_TRACK":                   "1",
		"RESTATE_BASE_DIR":               filepath.Join(dir, "data"),
		"TMPDIR":                         dir,
		"RESTATE_NODE_NAME":              "retain-probe",
		"RESTATE_BIND_ADDRESS":           "127.0.0.1:0",
		"RESTATE_ADMIN__BIND_ADDRESS":    "127.0.0.1:0",
		"RESTATE_INGRESS__BIND_ADDRESS":  "127.0.0.1:0",
		"RESTATE_LISTEN_MODE":            "tcp",
		"RESTATE_LOG_DISABLE_ANSI_CODES": "true",
	} {
		env[name] = value
	}
	return env
}
