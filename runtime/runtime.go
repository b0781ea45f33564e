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
)

// DefaultVersion is the Restate version under test unless -restate.version says
// otherwise. This is the one place that pins it.
const DefaultVersion = "1.7.12"

// Runtime is one server with one data directory, through any number of starts.
//
// A Runtime is used by one goroutine at a time, with two exceptions: Kill and
// Close may be called at any moment. Start on a running server, and Stop or
// Kill on one that is down, return [ErrState].
type Runtime interface {
	// Start launches the server on the data of its last life and returns once
	// it has been spawned and its addresses are known. That is not readiness:
	// see [AwaitReady].
	Start(ctx context.Context) error
	// Stop asks the server to end gracefully and waits for it, at least 65 s.
	// The exit says what really happened: a stop that ended in SIGKILL is a kill.
	Stop(ctx context.Context) (Exit, error)
	// Kill ends the server with SIGKILL and waits until it is gone.
	Kill(ctx context.Context) error
	// Endpoints are the addresses of the current life. They change with every
	// start and must be read again after each.
	Endpoints() Endpoints
	// Identity says what is being tested.
	Identity() Identity
	// Logs are the server's log lines so far, of all its lives, oldest first.
	Logs() ([]byte, error)
	// Close ends the server, whatever its state, and removes its data. It is
	// safe to call after a failed Start and more than once.
	Close(ctx context.Context) error
}

// Pauser is a runtime whose server can be frozen and thawed (SIGSTOP, SIGCONT).
type Pauser interface {
	Pause(ctx context.Context) error
	Resume(ctx context.Context) error
}

// Exiter is a runtime that can tell when its server ended by itself: the
// channel is closed at the end of the current life.
type Exiter interface {
	Exited() <-chan struct{}
}

// Ender is a runtime that can tell how its server ended, whoever ended it.
type Ender interface {
	// LastExit is how the current life ended; ok is false while it has not.
	LastExit() (exit Exit, ok bool)
}

// Tailer is a runtime that gives its log from a place on, so that a long one need
// not be read from its beginning again and again.
type Tailer interface {
	// LogsFrom is what [Runtime].Logs has after so many bytes.
	LogsFrom(offset int64) ([]byte, error)
}

// Metered is a runtime whose server's metrics can be read.
type Metered interface {
	// Metrics is the URL of the metrics of the current life, in Prometheus' text
	// format.
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

// Exit is how a server's life ended.
type Exit struct {
	// Code is the exit code, or -1 if a signal ended the server.
	Code int
	// Killed is true if the server ended by SIGKILL, ours or anybody's.
	Killed bool
	// Took is the time from the signal to the end.
	Took time.Duration
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

// Endpoints are the addresses of one life of a server, on loopback.
type Endpoints struct {
	// Ingress and Admin are base URLs without a trailing slash.
	Ingress, Admin string
	// Dial replaces the network's dialer where the server is not on the
	// network (the simulated runtime's in-memory listener); nil otherwise.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// Identity says which server is under test.
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
// settings are interchangeable.
type Settings struct {
	// Version is the server's version; "" is [DefaultVersion].
	Version string
	// Partitions is RESTATE_DEFAULT_NUM_PARTITIONS; 0 leaves the server's own.
	Partitions int
	// Env is handed to the server as it is, over anything that retain sets.
	Env map[string]string
	// ConfigFile is handed to the server (RESTATE_CONFIG); "" for none.
	ConfigFile string
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
