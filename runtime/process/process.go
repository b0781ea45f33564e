// Package process runs the native restate-server as a child process: in a
// process group of its own, on loopback ports and a directory of its own,
// configured by environment variables only.
//
// The group does not outlive the test process, even if that is killed: see package
// child. What escapes it is removed by the next session's reaper.Sweep.
package process

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"sync"

	"retain/runtime"
	"retain/runtime/binary"
	"retain/runtime/child"
	"retain/runtime/lifecycle"
	"retain/runtime/loopback"
	"retain/runtime/reaper"
)

// Runtime is a native server with its directory. It implements
// [runtime.Runtime] and every optional interface of package runtime.
type Runtime struct {
	*lifecycle.Lifecycle
	settings runtime.Settings
	servers  *servers
	owner    *reaper.Owner
	cluster  string
	dir      string
	// beforeSpawn runs between the look at the ports and the start, in tests.
	beforeSpawn func(env map[string]string)

	mu        sync.Mutex // held while an incarnation begins, and for the fields below
	guardian  *child.Guardian
	ports     *ports
	last      *incarnation // the current or last one; nil before the first
	endpoints runtime.Endpoints
	commits   map[binary.Server]string // the build of each server, once its log said it
	closed    bool
}

var (
	_ runtime.Runtime  = (*Runtime)(nil)
	_ runtime.Pauser   = (*Runtime)(nil)
	_ runtime.Exiter   = (*Runtime)(nil)
	_ runtime.Metered  = (*Runtime)(nil)
	_ runtime.Archiver = (*Runtime)(nil)
	_ runtime.Hosted   = (*Runtime)(nil)
)

// options of New.
type options struct {
	binary string
	builds map[string]string
	parent string
	notice func(string)
}

// Option is an option of [New].
type Option func(*options)

// WithBinary names the program to run: a restate-server of any version, or a wrapper
// that runs one with the environment that it gets.
func WithBinary(path string) Option { return func(o *options) { o.binary = path } }

// WithBuilds names programs by versions, such as "mine": where a version of that name is
// asked for, the program runs.
func WithBuilds(paths map[string]string) Option { return func(o *options) { o.builds = paths } }

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

// Available says in one line why a server of these settings can't be run here,
// or nil. It installs nothing and takes milliseconds.
func Available(ctx context.Context, s runtime.Settings, opts ...Option) error {
	return binary.Available(ctx, collect(opts).own(s))
}

// New finds the server's binary, installing it if need be, and makes its
// directory. Nothing is started. Close removes the directory.
func New(ctx context.Context, s runtime.Settings, opts ...Option) (*Runtime, error) {
	o := collect(opts)
	if err := binary.FindConfig(&s); err != nil {
		return nil, err
	}
	found, err := findOwn(ctx, o, s)
	if err != nil {
		return nil, err
	}
	owner, err := reaper.Session()
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
	r := &Runtime{
		settings: s, servers: found, owner: owner, dir: dir,
		cluster:  binary.NewCluster(),
		guardian: child.NewGuardian(),
		commits:  map[binary.Server]string{},
	}
	r.Lifecycle = lifecycle.New("server", lifecycle.StopGrace, r.begin)
	return r, nil
}

// begin starts the server. The ports are those of the last incarnation unless one
// is taken.
func (r *Runtime) begin(ctx context.Context, o runtime.StartOptions) (lifecycle.Server, error) {
	if err := o.Check(); err != nil {
		return nil, err
	}
	server, err := r.servers.find(ctx, o.Version)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	i := &incarnation{Incarnation: lifecycle.Begin(), server: server, settings: r.settings.With(o)}
	if err := r.spawn(i); err != nil {
		return nil, err
	}
	r.last = i
	go r.watch(i)
	return i, nil
}

// incarnation is the current or last one; nil before the first start.
func (r *Runtime) incarnation() *incarnation {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.last
}

// errSignalled is returned by spawn for an incarnation that was asked to end.
var errSignalled = errors.New("it was stopped or killed meanwhile")

// Callback says how the server reaches this process: the address to listen on
// and the host to tell the server. Both are loopback.
func (r *Runtime) Callback() (listen, dial string) { return loopback.Host, loopback.Host }

// Endpoints implements [runtime.Runtime]. If a port turned out to be
// taken by somebody else while the server was starting, it is started once more
// on other ports: read the addresses for each try while waiting for readiness.
func (r *Runtime) Endpoints() runtime.Endpoints {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.endpoints
}

// Provide implements [runtime.Runtime]. The error wraps [binary.ErrVersion] if npm has no
// such version.
func (r *Runtime) Provide(ctx context.Context, version string) (string, error) {
	server, err := r.servers.find(ctx, version)
	return server.Version, err
}

// Identity says what runs. The build of a server is known from its first log lines on.
func (r *Runtime) Identity() runtime.Identity {
	r.mu.Lock()
	defer r.mu.Unlock()
	server := r.servers.own
	if r.last != nil {
		server = r.last.server
		if r.commits[server] == "" && !r.closed {
			if _, commit := binary.Build(r.head(r.last.begins(), 64<<10)); commit != "" {
				r.commits[server] = commit
			}
		}
	}
	env := binary.Environment(r.settings, r.cluster) // a start does not change the names
	return runtime.Identity{
		Backend: "process", Version: server.Version, Build: r.commits[server], Source: server.Path,
		Node: env["RESTATE_NODE_NAME"], Cluster: env["RESTATE_CLUSTER_NAME"],
	}
}

// Logs implements [runtime.Runtime]: the server's standard output and error.
// Close removes them.
func (r *Runtime) Logs(offset int64) ([]byte, error) {
	log, err := os.Open(r.logFile())
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
	r.mu.Unlock()
	if err := r.Lifecycle.Close(ctx); err != nil {
		return err
	}
	if first {
		r.guardian.Dismiss()
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

// head is the log from an offset on, up to a size; nothing if it can't be read.
func (r *Runtime) head(offset, size int64) []byte {
	f, err := os.Open(r.logFile())
	if err != nil {
		return nil
	}
	defer f.Close()
	b, _ := io.ReadAll(io.NewSectionReader(f, offset, size))
	return b
}
