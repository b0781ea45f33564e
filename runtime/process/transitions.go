package process

import (
	"context"
	"errors"
	"fmt"
	"time"

	"retain/runtime"
)

// Start implements [runtime.Runtime]. The ports are those of the last life
// unless one is taken.
func (r *Runtime) Start(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("start the server: %w", err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return fmt.Errorf("start the server: %w: it is closed", runtime.ErrState)
	}
	if r.life != nil && !r.life.over() {
		return fmt.Errorf("start the server: %w: it is up", runtime.ErrState)
	}
	l := &life{done: make(chan struct{})}
	if err := r.spawn(l); err != nil {
		return fmt.Errorf("start the server: %w", err)
	}
	r.life = l
	go r.watch(l)
	return nil
}

// Stop implements [runtime.Runtime]. A frozen server is thawed first. SIGTERM
// goes to the server itself if a wrapper runs it, since a second one would make
// it give up draining. If ctx ends first, the server goes on stopping.
func (r *Runtime) Stop(ctx context.Context) (runtime.Exit, error) {
	l, err := r.up()
	if err != nil {
		return runtime.Exit{}, fmt.Errorf("stop the server: %w", err)
	}
	l.terminate()
	grace := time.NewTimer(r.grace)
	defer grace.Stop()
	select {
	case <-l.done:
		return l.exit, nil
	case <-ctx.Done():
		return runtime.Exit{}, fmt.Errorf("stop the server: %w", context.Cause(ctx))
	case <-grace.C:
	}
	l.kill()
	select {
	case <-l.done:
		return l.exit, nil
	case <-ctx.Done():
		return runtime.Exit{}, fmt.Errorf("kill the server that did not stop: %w", context.Cause(ctx))
	}
}

// Kill implements [runtime.Runtime]: SIGKILL to the whole process group.
func (r *Runtime) Kill(ctx context.Context) error {
	l, err := r.up()
	if err != nil {
		return fmt.Errorf("kill the server: %w", err)
	}
	l.kill()
	select {
	case <-l.done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for the killed server to end: %w", context.Cause(ctx))
	}
}

// Pause implements [runtime.Pauser]: SIGSTOP to the process group.
func (r *Runtime) Pause(ctx context.Context) error {
	l, err := r.up()
	if err != nil {
		return fmt.Errorf("pause the server: %w", err)
	}
	if err := l.pause(ctx); err != nil {
		return fmt.Errorf("pause the server: %w", err)
	}
	return nil
}

// Resume implements [runtime.Pauser]: SIGCONT to the process group.
func (r *Runtime) Resume(context.Context) error {
	l, err := r.up()
	if err != nil {
		return fmt.Errorf("resume the server: %w", err)
	}
	if err := l.resume(); err != nil {
		return fmt.Errorf("resume the server: %w", err)
	}
	return nil
}

// Exited implements [runtime.Exiter]. Before the first start the channel is
// closed: there is no life.
func (r *Runtime) Exited() <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.life == nil {
		none := make(chan struct{})
		close(none)
		return none
	}
	return r.life.done
}

// LastExit is how the current life ended, however it did; ok is false while the
// server is up and before the first start.
func (r *Runtime) LastExit() (exit runtime.Exit, ok bool) {
	l, err := r.up()
	if l == nil || err == nil {
		return runtime.Exit{}, false
	}
	return l.exit, true
}

var errDown = fmt.Errorf("%w: it is not up", runtime.ErrState)

// up is the current life, with an error if it is over.
func (r *Runtime) up() (*life, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.life == nil {
		return nil, errDown
	}
	if r.life.over() {
		return r.life, errDown
	}
	return r.life, nil
}

// errSignalled is returned by spawn for a life that must not go on.
var errSignalled = errors.New("it was stopped or killed meanwhile")
