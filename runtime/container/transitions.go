package container

import (
	"context"
	"fmt"
	"net"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"

	"retain/runtime"
)

// Start implements [runtime.Runtime].
func (r *Runtime) Start(ctx context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return fmt.Errorf("start the server: %w: it is closed", runtime.ErrState)
	}
	if r.life != nil && !r.life.over() {
		return fmt.Errorf("start the server: %w: it is up", runtime.ErrState)
	}
	id := r.container.GetContainerID()
	// The wait begins before the start, so that no end is missed, and outlasts
	// the caller's context.
	waiting, giveUp := context.WithCancel(context.WithoutCancel(ctx))
	wait := r.docker.ContainerWait(waiting, id, client.ContainerWaitOptions{Condition: container.WaitConditionNextExit})
	if _, err := r.docker.ContainerStart(ctx, id, client.ContainerStartOptions{}); err != nil {
		giveUp()
		r.undo(id)
		return fmt.Errorf("start the server's container: %w", err)
	}
	l := &life{done: make(chan struct{})}
	r.life = l
	go func() {
		defer giveUp()
		r.docker.watch(l, id, wait)
	}()
	if err := r.readEndpoints(ctx, id); err != nil {
		r.undo(id)
		return fmt.Errorf("start the server's container: %w", err)
	}
	return nil
}

// undo ends what a start that failed may have begun nevertheless.
func (r *Runtime) undo(id string) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	_, _ = r.docker.ContainerKill(ctx, id, client.ContainerKillOptions{Signal: "SIGKILL"})
}

// readEndpoints asks where Docker published the ports this time.
func (r *Runtime) readEndpoints(ctx context.Context, id string) error {
	now, err := r.docker.ContainerInspect(ctx, id, client.ContainerInspectOptions{})
	if err != nil {
		return fmt.Errorf("ask for its ports: %w", err)
	}
	ingress, admin, err := r.served()
	if err != nil {
		return err
	}
	ports := network.PortMap{}
	if now.Container.NetworkSettings != nil {
		ports = now.Container.NetworkSettings.Ports
	}
	r.endpoints = runtime.Endpoints{Ingress: r.url(ports, ingress), Admin: r.url(ports, admin)}
	return nil
}

func (r *Runtime) url(ports network.PortMap, port network.Port) string {
	published := "0"
	for _, binding := range ports[port] {
		published = binding.HostPort
	}
	return "http://" + net.JoinHostPort(r.docker.published, published)
}

// Stop implements [runtime.Runtime]. A frozen server is thawed first. If ctx
// ends first, the server goes on stopping.
func (r *Runtime) Stop(ctx context.Context) (runtime.Exit, error) {
	l, err := r.up()
	if err != nil {
		return runtime.Exit{}, fmt.Errorf("stop the server: %w", err)
	}
	if l.setPaused(false) {
		if err := r.unpause(ctx, l); err != nil {
			return runtime.Exit{}, fmt.Errorf("stop the server: %w", err)
		}
	}
	l.told()
	if err := r.signal(ctx, "SIGTERM"); err != nil {
		return runtime.Exit{}, fmt.Errorf("stop the server: %w", err)
	}
	grace := time.NewTimer(r.grace)
	defer grace.Stop()
	select {
	case <-l.done:
		return l.exit, nil
	case <-ctx.Done():
		return runtime.Exit{}, fmt.Errorf("stop the server: %w", context.Cause(ctx))
	case <-grace.C:
	}
	if err := r.kill(ctx, l); err != nil {
		return runtime.Exit{}, fmt.Errorf("kill the server that did not stop: %w", err)
	}
	return l.exit, nil
}

// Kill implements [runtime.Runtime]: SIGKILL to the container's first process,
// with which the kernel ends all others.
func (r *Runtime) Kill(ctx context.Context) error {
	l, err := r.up()
	if err == nil {
		err = r.kill(ctx, l)
	}
	if err != nil {
		return fmt.Errorf("kill the server: %w", err)
	}
	return nil
}

// kill also ends a frozen server. The daemon thaws it after the signal, if it knows
// that it is frozen.
func (r *Runtime) kill(ctx context.Context, l *life) error {
	l.told()
	if err := r.signal(ctx, "SIGKILL"); err != nil {
		return err
	}
	if l.setPaused(false) {
		_ = r.unpause(ctx, l) // it is thawed or gone already, as a rule
	}
	select {
	case <-l.done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for its end: %w", context.Cause(ctx))
	}
}

// signal sends to the server. One that has ended meanwhile needs none.
func (r *Runtime) signal(ctx context.Context, name string) error {
	_, err := r.docker.ContainerKill(ctx, r.container.GetContainerID(), client.ContainerKillOptions{Signal: name})
	if errdefs.IsConflict(err) || errdefs.IsNotFound(err) {
		return nil
	}
	return err
}

// Pause implements [runtime.Pauser] by docker pause.
func (r *Runtime) Pause(ctx context.Context) error {
	l, err := r.up()
	if err == nil {
		err = insist(ctx, l, func() error {
			_, err := r.docker.ContainerPause(ctx, r.container.GetContainerID(), client.ContainerPauseOptions{})
			return err
		})
	}
	if err != nil {
		return fmt.Errorf("pause the server: %w", err)
	}
	l.setPaused(true)
	return nil
}

// Resume implements [runtime.Pauser] by docker unpause.
func (r *Runtime) Resume(ctx context.Context) error {
	l, err := r.up()
	if err == nil && l.setPaused(false) {
		err = r.unpause(ctx, l)
	}
	if err != nil {
		return fmt.Errorf("resume the server: %w", err)
	}
	return nil
}

func (r *Runtime) unpause(ctx context.Context, l *life) error {
	return insist(ctx, l, func() error {
		_, err := r.docker.ContainerUnpause(ctx, r.container.GetContainerID(), client.ContainerUnpauseOptions{})
		return err
	})
}

const (
	// hearsWithin is how long Docker may take to hear of what it did.
	hearsWithin = 5 * time.Second
	// askAgain is the time between two requests that Docker may refuse because it
	// has not heard yet.
	askAgain = 5 * time.Millisecond
)

// insist pauses or unpauses a life. Docker notes what it did, and notes it again when
// containerd's event of it comes, after tens of milliseconds: the event of a resume can
// come after the next pause, and until the event of that has come too, Docker refuses to
// resume the container, which it takes for running. A pause can be refused likewise.
func insist(ctx context.Context, l *life, request func() error) error {
	heard := time.NewTimer(hearsWithin)
	defer heard.Stop()
	again := time.NewTicker(askAgain)
	defer again.Stop()
	for {
		err := request()
		if err == nil {
			return nil
		}
		select {
		case <-again.C:
		case <-heard.C:
			return err
		case <-l.done:
			return err
		case <-ctx.Done():
			return err
		}
	}
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
