// Package runtime is the system under test as the harness sees it: a durable
// runtime that can be started, stopped, killed and called.
//
// The implementations stand in their own packages: container (the server in
// Docker), process (the native server) and simulated (in-process, over the
// model). Everything above this package works with [Runtime] alone.
package runtime

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"slices"
	"strings"
	"time"

	"retain/model"
	"retain/runtime/versions"
)

// EnvPartitions is the server's variable for the number of partitions.
const EnvPartitions = "RESTATE_DEFAULT_NUM_PARTITIONS"

// EnvVQueues is the server's variable for virtual queues. Data that was written with them
// is not read without them.
var EnvVQueues, _ = versions.Of(versions.VQueues).Setting()

// DefaultVersion is the Restate version under test unless -restate.version says
// otherwise. This is the one place that pins it.
const DefaultVersion = "1.7.12"

// Runtime is one server with one data directory, through any number of starts.
// Each start begins a new incarnation of the server.
//
// A Runtime is used by one goroutine at a time, with two exceptions: Kill and
// Close may be called at any moment. Start on a running server, and Stop or
// Kill on one that is down, return [ErrState].
type Runtime interface {
	// Start launches the server on the data of its last incarnation and returns
	// once it has been spawned and its addresses are known. That is not readiness:
	// see package ingress. A version that was not provided is provided first; if that
	// fails, the server is down with its data as they were.
	//
	// The options are those of this start alone: the next one has its own. The zero
	// value starts the server with its [Settings] and nothing more.
	Start(ctx context.Context, o StartOptions) error
	// Stop asks the server to end gracefully and waits for it, at least 65 s.
	// The exit says what really happened: a stop that ended in SIGKILL is a kill.
	Stop(ctx context.Context) (Exit, error)
	// Kill ends the server with SIGKILL and waits until it is gone.
	Kill(ctx context.Context) error
	// Endpoints are the addresses of the current incarnation. They change with
	// every start and must be read again after each.
	Endpoints() Endpoints
	// Provide makes sure that a server of a version can be started, and returns the
	// version that it reports. It may install, pull or build one, which takes minutes: a
	// start with a version that was provided does not. The name is that of
	// [StartOptions].Version, "" the runtime's own. The error for a name that stands for
	// no server wraps [errors.ErrUnsupported], or what the runtime's source of servers
	// has for it. The server, if it is up, goes on.
	Provide(ctx context.Context, version string) (reported string, err error)
	// Identity says which server is up, or was last: that of the current incarnation.
	Identity() Identity
	// Logs is the server's log from the offset in bytes to its end so far, over
	// all incarnations, oldest line first. It is empty if the offset is at the end
	// or behind it. Bytes never change once they were returned, and the cost
	// depends on the length of what is returned only.
	Logs(offset int64) ([]byte, error)
	// Close ends the server in any state and removes its data. It is
	// safe to call after a failed Start and more than once.
	Close(ctx context.Context) error
}

// Pauser is a runtime whose server can be frozen and thawed (SIGSTOP, SIGCONT).
type Pauser interface {
	Pause(ctx context.Context) error
	Resume(ctx context.Context) error
}

// Exiter is a runtime that knows when and how its server ended, by itself or not.
type Exiter interface {
	// Exited is closed at the end of the current incarnation, and before the first.
	Exited() <-chan struct{}
	// LastExit is how the current incarnation ended; ok is false while the server
	// is up and before the first start.
	LastExit() (exit Exit, ok bool)
}

// Hosted is a runtime whose server runs on this machine, where what it uses can be
// seen.
type Hosted interface {
	// Directory holds the server's data; "" if this process can't look at it.
	Directory() string
	// Processes are the ids of the processes of the current incarnation, a
	// wrapper's among them; none if it is over.
	Processes() []int
}

// Metered is a runtime whose server's metrics can be read.
type Metered interface {
	// Metrics is the URL of the metrics of the current incarnation, in Prometheus'
	// text format.
	Metrics() string
}

// Archiver is a runtime that can hand out its server's data.
type Archiver interface {
	// Archive writes the data directory as a tar. The server must be down.
	Archive(ctx context.Context, w io.Writer) error
}

// ErrState is wrapped by calls that do not fit the server's state, for example
// Start on a server that is up.
var ErrState = errors.New("the server is not in the right state for this")

// Exit is how an incarnation of a server ended.
type Exit struct {
	// Code is the exit code, or -1 if a signal ended the server.
	Code int
	// Killed is true if the server ended by SIGKILL, ours or anybody's.
	Killed bool
	// OutOfMemory is true if Docker says that the kernel killed it for want of memory.
	OutOfMemory bool
	// Took is the time from the signal to the end.
	Took time.Duration
	// At is when the server ended. Processes that it had started may have ended
	// later.
	At time.Time
}

// Graceful reports whether the server ended by itself with exit code 0.
func (e Exit) Graceful() bool { return e.Code == 0 && !e.Killed }

// String prints, for example, "exit 0 after 251ms".
func (e Exit) String() string {
	if e.Killed {
		return fmt.Sprintf("killed after %s", e.Took.Round(time.Millisecond))
	}
	return fmt.Sprintf("exit %d after %s", e.Code, e.Took.Round(time.Millisecond))
}

// Endpoints are the addresses of one incarnation of a server, on loopback.
type Endpoints struct {
	// Ingress and Admin are base URLs without a trailing slash.
	Ingress, Admin string
	// Dial replaces the network's dialer where the server is not on the
	// network (the simulated runtime's in-memory listener); nil otherwise.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Version is the server's version, as far as it is known before it answers: what an
	// answer proves depends on it. "" if it is not known.
	Version string
}

// Identity says which server is under test. A start changes it if it has another version:
// Version, Build and Source are those of the current incarnation, and of the last one while
// the server is down. The names are fixed with the data. Which configuration a start had is
// in its [StartOptions] alone.
type Identity struct {
	// Backend is "container", "process" or "simulated".
	Backend string
	// Version as the server reports it, for example "1.7.12"; Build its commit,
	// "" where the server does not say.
	Version, Build string
	// Node and Cluster are the names we gave it: unique to this runtime, so
	// that another server's answers are recognised.
	Node, Cluster string
	// Source is the binary's path or the image's reference.
	Source string
}

// String prints, for example, "restate-server 1.7.12 (577e032), process".
func (i Identity) String() string {
	build := ""
	if i.Build != "" {
		build = " (" + i.Build + ")"
	}
	return fmt.Sprintf("restate-server %s%s, %s", i.Version, build, i.Backend)
}

// Settings are what makes a server another server. Two runtimes with equal
// settings are interchangeable: what a start may change is in its [StartOptions].
type Settings struct {
	// Version is the server's version; "" is [DefaultVersion].
	Version string
	// Partitions is [EnvPartitions]; 0 leaves the server's own.
	Partitions int
	// Env is handed to the server as it is at every start, over anything that retain
	// sets and over [StartOptions].Env.
	Env map[string]string
	// ConfigFile is handed to the server (RESTATE_CONFIG); "" for none.
	ConfigFile string
}

// Public is the settings without secrets, to be stored.
func (s Settings) Public() Settings {
	s.Env = maps.Clone(s.Env)
	for name, value := range s.Env {
		if v := model.Variable(name, value); v.Secret {
			s.Env[name] = "(sha256 " + v.SHA256 + ")"
		}
	}
	return s
}

// Key is equal for equal settings, and readable.
func (s Settings) Key() string {
	var b strings.Builder
	fmt.Fprintf(&b, "version=%s partitions=%d config=%s", s.Version, s.Partitions, s.ConfigFile)
	for _, k := range slices.Sorted(maps.Keys(s.Env)) {
		fmt.Fprintf(&b, " %s=%s", k, s.Env[k])
	}
	return b.String()
}
