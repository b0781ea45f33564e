// Package process runs the native restate-server as a child process: in a
// process group of its own, on loopback ports and a directory of its own,
// configured by environment variables only.
//
// The group does not outlive the test process, even if that is killed: on Linux
// the kernel kills the child when its parent dies, everywhere a guardian, which
// waits for the parent's end of a pipe to close, kills the group (a wrapper
// script's children know nothing of the child's parent), and what escapes both
// is removed by the next session's leftovers.Sweep.
package process

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"sync"
	"time"

	"retain/runtime"
	"retain/runtime/binary"
	"retain/runtime/leftovers"
)

// loopback is the only address that servers listen on.
const loopback = "127.0.0.1"

// stopGrace is how long a server may take to end after SIGTERM. Restate gives
// itself up to 60 s.
const stopGrace = 65 * time.Second

// Runtime is a native server with its directory. It implements
// [runtime.Runtime], [runtime.Pauser], [runtime.Exiter], [runtime.Tailer],
// [runtime.Metered] and [runtime.Archiver].
type Runtime struct {
	settings runtime.Settings
	server   binary.Server
	owner    *leftovers.Owner
	cluster  string
	dir      string
	grace    time.Duration
	// beforeSpawn runs between the look at the ports and the start, in tests.
	beforeSpawn func(env map[string]string)

	mu        sync.Mutex // held while a life begins, and for the fields below
	guardian  *guardian
	ports     *ports
	life      *life // the current or last one; nil before the first
	endpoints runtime.Endpoints
	build     string
	closed    bool
}

var (
	_ runtime.Runtime  = (*Runtime)(nil)
	_ runtime.Pauser   = (*Runtime)(nil)
	_ runtime.Exiter   = (*Runtime)(nil)
	_ runtime.Ender    = (*Runtime)(nil)
	_ runtime.Tailer   = (*Runtime)(nil)
	_ runtime.Metered  = (*Runtime)(nil)
	_ runtime.Archiver = (*Runtime)(nil)
)

// options of New.
type options struct {
	binary string
	parent string
	notice func(string)
}

// Option is an option of [New].
type Option func(*options)

// WithBinary names the program to run, whatever its version: a restate-server,
// or a wrapper that runs one with the environment it got.
func WithBinary(path string) Option { return func(o *options) { o.binary = path } }

// WithParent names the directory that the server's own is made in; the default
// is the one for temporary files.
func WithParent(dir string) Option { return func(o *options) { o.parent = dir } }

// WithNotice gets a line for the user when something takes time or is not as it
// could be expected, such as an installation.
func WithNotice(notice func(line string)) Option { return func(o *options) { o.notice = notice } }

func collect(opts []Option) options {
	var o options
	for _, opt := range opts {
		opt(&o)
	}
	return o
}

func (o options) request(s runtime.Settings) binary.Request {
	return binary.Request{Path: o.binary, Version: s.Version, Notice: o.notice}
}

// Available says in one line why a server of these settings can't be run here,
// or nil. It installs nothing and takes milliseconds.
func Available(ctx context.Context, s runtime.Settings, opts ...Option) error {
	return binary.Available(ctx, collect(opts).request(s))
}

// New finds the server's binary, installing it if need be, and makes its
// directory. Nothing is started. Close removes the directory.
func New(ctx context.Context, s runtime.Settings, opts ...Option) (*Runtime, error) {
	o := collect(opts)
	if s.ConfigFile != "" {
		path, err := filepath.Abs(s.ConfigFile)
		if err == nil {
			_, err = os.Stat(path)
		}
		if err != nil {
			return nil, fmt.Errorf("find the server's configuration file: %w", err)
		}
		s.ConfigFile = path
	}
	server, err := binary.Find(ctx, o.request(s))
	if err != nil {
		return nil, err
	}
	owner, err := leftovers.Session()
	if err != nil {
		return nil, err
	}
	dir, err := owner.MakeDir(o.parent)
	if err != nil {
		return nil, err
	}
	if err := os.Mkdir(filepath.Join(dir, "tmp"), 0o755); err != nil {
		return nil, fmt.Errorf("make the server's directory: %w", err)
	}
	random := make([]byte, 5)
	_, _ = rand.Read(random)
	return &Runtime{
		settings: s, server: server, owner: owner, dir: dir,
		cluster:  "retain-" + hex.EncodeToString(random),
		grace:    stopGrace,
		guardian: newGuardian(),
	}, nil
}

// Callback says how the server reaches this process: the address to listen on
// and the host to tell the server. Both are loopback.
func (r *Runtime) Callback() (listen, dial string) { return loopback, loopback }

// Endpoints are the addresses of the current life. If a port turned out to be
// taken by somebody else while the server was starting, it is started once more
// on other ports: read the addresses for each try while waiting for readiness.
func (r *Runtime) Endpoints() runtime.Endpoints {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.endpoints
}

// Identity says what runs. The build is known from the first log lines on.
func (r *Runtime) Identity() runtime.Identity {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.build == "" && !r.closed {
		_, r.build = binary.Build(head(r.logFile(), 64<<10))
	}
	env := binary.Environment(r.settings, r.cluster)
	return runtime.Identity{
		Backend: "process", Version: r.server.Version, Build: r.build, Source: r.server.Path,
		Node: env["RESTATE_NODE_NAME"], Cluster: env["RESTATE_CLUSTER_NAME"],
	}
}

// Logs are what the server wrote to its standard output and error. They go with
// Close.
func (r *Runtime) Logs() ([]byte, error) {
	log, err := os.ReadFile(r.logFile())
	if errors.Is(err, os.ErrNotExist) {
		r.mu.Lock()
		defer r.mu.Unlock()
		if !r.closed {
			return nil, nil // not started yet
		}
		return nil, fmt.Errorf("read the server's log: %w: it is closed", runtime.ErrState)
	}
	if err != nil {
		return nil, fmt.Errorf("read the server's log: %w", err)
	}
	return log, nil
}

// LogsFrom implements [runtime.Tailer].
func (r *Runtime) LogsFrom(offset int64) ([]byte, error) {
	log, err := os.Open(r.logFile())
	if errors.Is(err, os.ErrNotExist) {
		return r.Logs() // which says why
	}
	if err != nil {
		return nil, fmt.Errorf("read the server's log: %w", err)
	}
	defer log.Close()
	rest, err := io.ReadAll(io.NewSectionReader(log, offset, math.MaxInt64-offset))
	if err != nil {
		return nil, fmt.Errorf("read the server's log: %w", err)
	}
	return rest, nil
}

// Metrics implements [runtime.Metered].
func (r *Runtime) Metrics() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ports == nil {
		return ""
	}
	return "http://" + r.ports.address(nodePort) + "/metrics"
}

// Close implements [runtime.Runtime]; the server ends by SIGKILL.
func (r *Runtime) Close(ctx context.Context) error {
	r.mu.Lock()
	first := !r.closed
	r.closed = true
	l := r.life
	r.mu.Unlock()
	if l != nil {
		l.kill()
		select {
		case <-l.done:
		case <-ctx.Done():
			return fmt.Errorf("wait for the killed server to end: %w", context.Cause(ctx))
		}
	}
	if first {
		r.guardian.dismiss()
	}
	r.mu.Lock()
	r.ports.release()
	r.ports = nil
	r.mu.Unlock()
	if err := os.RemoveAll(r.dir); err != nil {
		return fmt.Errorf("remove the server's directory: %w", err)
	}
	return nil
}

func (r *Runtime) logFile() string { return filepath.Join(r.dir, "server.log") }

// head is the beginning of a file, nothing if it can't be read.
func head(path string, size int64) []byte {
	f, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer f.Close()
	b, _ := io.ReadAll(io.LimitReader(f, size))
	return b
}
