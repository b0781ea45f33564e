// Package lifecycle has the state machine that every runtime shares: a server
// is down, up or closed, and each start begins a new incarnation of it.
//
// A runtime embeds a [Lifecycle], which implements Start, Stop, Kill, Pause,
// Resume, Exited and LastExit of package runtime. The runtime itself provides a
// function that starts a server and returns it as a [Server], and a Close that
// calls [Lifecycle.Close] before it removes the server's data.
package lifecycle

import (
	"context"
	"fmt"
	"sync"
	"time"

	"retain/runtime"
)

// StopGrace is how long a real server may take to end after SIGTERM. Restate
// gives itself up to 60 s; Docker's own default is 10 s.
const StopGrace = 65 * time.Second

// Server is one incarnation of a server, as a runtime started it. Its type
// embeds an *[Incarnation] from [Begin]. All methods may be called when the
// server has ended meanwhile, which is no error.
type Server interface {
	// Terminate sends the request for a graceful end, SIGTERM. A frozen server
	// is thawed for it.
	Terminate(ctx context.Context) error
	// Kill sends SIGKILL. It also ends a frozen server.
	Kill(ctx context.Context) error
	// Pause freezes the server and returns when nothing of it runs.
	Pause(ctx context.Context) error
	// Resume thaws the server. It does nothing to one that is not frozen.
	Resume(ctx context.Context) error

	incarnated
}

// incarnated is implemented by embedding an *[Incarnation].
type incarnated interface{ incarnation() *Incarnation }

// Lifecycle leads a server through its incarnations. Its methods are safe for
// concurrent use.
type Lifecycle struct {
	// Grace is the time from Terminate to Kill in a Stop; 0 is without limit.
	Grace time.Duration

	name  string
	start Starter

	mu      sync.Mutex // held during a start
	current Server     // the current or last one; nil before the first
	closed  bool
}

// Starter starts a server. What it returns beside an error has begun nevertheless,
// and ends soon.
type Starter func(context.Context, runtime.StartOptions) (Server, error)

// New makes the lifecycle of a server that was never started. The name stands in
// errors, for example "server". Start calls start with no server up.
func New(name string, grace time.Duration, start Starter) *Lifecycle {
	return &Lifecycle{Grace: grace, name: name, start: start}
}

// Start implements [runtime.Runtime].
func (l *Lifecycle) Start(ctx context.Context, o runtime.StartOptions) error {
	if err := context.Cause(ctx); err != nil {
		return fmt.Errorf("start the %s: %w", l.name, err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return fmt.Errorf("start the %s: %w: it is closed", l.name, runtime.ErrState)
	}
	if l.current != nil && !l.current.incarnation().Over() {
		return fmt.Errorf("start the %s: %w: it is up", l.name, runtime.ErrState)
	}
	s, err := l.start(ctx, o)
	if s != nil {
		l.current = s
	}
	if err != nil {
		return fmt.Errorf("start the %s: %w", l.name, err)
	}
	return nil
}

// Stop implements [runtime.Runtime]. If ctx ends first, the server goes on
// stopping and is not killed.
func (l *Lifecycle) Stop(ctx context.Context) (runtime.Exit, error) {
	s, err := l.up("stop")
	if err != nil {
		return runtime.Exit{}, err
	}
	i := s.incarnation()
	i.signal()
	if err := s.Terminate(ctx); err != nil {
		return runtime.Exit{}, fmt.Errorf("stop the %s: %w", l.name, err)
	}
	var grace <-chan time.Time
	if l.Grace > 0 {
		timer := time.NewTimer(l.Grace)
		defer timer.Stop()
		grace = timer.C
	}
	select {
	case <-i.done:
	case <-ctx.Done():
	case <-grace:
	}
	if i.Over() {
		return i.exit, nil
	}
	if ctx.Err() != nil {
		return runtime.Exit{}, fmt.Errorf("stop the %s: %w", l.name, context.Cause(ctx))
	}
	if err := l.kill(ctx, s); err != nil {
		return runtime.Exit{}, fmt.Errorf("kill the %s that did not stop: %w", l.name, err)
	}
	return i.exit, nil
}

// Kill implements [runtime.Runtime].
func (l *Lifecycle) Kill(ctx context.Context) error {
	s, err := l.up("kill")
	if err != nil {
		return err
	}
	if err := l.kill(ctx, s); err != nil {
		return fmt.Errorf("kill the %s: %w", l.name, err)
	}
	return nil
}

// kill returns when the server has ended.
func (l *Lifecycle) kill(ctx context.Context, s Server) error {
	i := s.incarnation()
	i.signal()
	if err := s.Kill(ctx); err != nil {
		return err
	}
	select {
	case <-i.done:
	case <-ctx.Done():
	}
	if !i.Over() {
		return fmt.Errorf("wait for its end: %w", context.Cause(ctx))
	}
	return nil
}

// Pause implements [runtime.Pauser].
func (l *Lifecycle) Pause(ctx context.Context) error {
	s, err := l.up("pause")
	if err != nil {
		return err
	}
	if err := s.Pause(ctx); err != nil {
		return fmt.Errorf("pause the %s: %w", l.name, err)
	}
	return nil
}

// Resume implements [runtime.Pauser].
func (l *Lifecycle) Resume(ctx context.Context) error {
	s, err := l.up("resume")
	if err != nil {
		return err
	}
	if err := s.Resume(ctx); err != nil {
		return fmt.Errorf("resume the %s: %w", l.name, err)
	}
	return nil
}

// Exited implements [runtime.Exiter].
func (l *Lifecycle) Exited() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.current == nil {
		none := make(chan struct{})
		close(none)
		return none
	}
	return l.current.incarnation().done
}

// LastExit implements [runtime.Exiter].
func (l *Lifecycle) LastExit() (exit runtime.Exit, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.current == nil || !l.current.incarnation().Over() {
		return runtime.Exit{}, false
	}
	return l.current.incarnation().exit, true
}

// Close kills a server that is up and refuses every later start. It returns when
// the server has ended.
func (l *Lifecycle) Close(ctx context.Context) error {
	l.mu.Lock()
	l.closed = true
	s := l.current
	l.mu.Unlock()
	if s == nil || s.incarnation().Over() {
		return nil
	}
	if err := l.kill(ctx, s); err != nil {
		return fmt.Errorf("kill the %s: %w", l.name, err)
	}
	return nil
}

// up is the server that is up, or an error that begins with what was to be done.
func (l *Lifecycle) up(what string) (Server, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.current == nil || l.current.incarnation().Over() {
		return nil, fmt.Errorf("%s the %s: %w: it is not up", what, l.name, runtime.ErrState)
	}
	return l.current, nil
}
