package container

import (
	"context"
	"errors"
	"sync"
	"syscall"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"retain/internal/poll"
	"retain/runtime"
	"retain/runtime/lifecycle"
)

// incarnation is a server from a start of its container to the container's end.
type incarnation struct {
	*lifecycle.Incarnation
	docker *daemon
	id     string // of the container
	pid    int    // of the container's first process, where the daemon is; 0 if unknown

	mu     sync.Mutex
	paused bool
}

func (i *incarnation) setPaused(paused bool) (was bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	was, i.paused = i.paused, paused
	return was
}

// Terminate implements [lifecycle.Server].
func (i *incarnation) Terminate(ctx context.Context) error {
	if err := i.Resume(ctx); err != nil {
		return err
	}
	return i.signal(ctx, "SIGTERM")
}

// Kill implements [lifecycle.Server]: SIGKILL to the container's first process,
// with which the kernel ends all others. The daemon thaws a frozen container after
// the signal, if it knows that it is frozen.
func (i *incarnation) Kill(ctx context.Context) error {
	if err := i.signal(ctx, "SIGKILL"); err != nil {
		return err
	}
	_ = i.Resume(ctx) // it is thawed or gone already, as a rule
	return nil
}

// signal sends to the server. One that has ended meanwhile needs none.
func (i *incarnation) signal(ctx context.Context, name string) error {
	_, err := i.docker.ContainerKill(ctx, i.id, client.ContainerKillOptions{Signal: name})
	if errdefs.IsConflict(err) || errdefs.IsNotFound(err) {
		return nil
	}
	return err
}

// Pause implements [lifecycle.Server] by docker pause.
func (i *incarnation) Pause(ctx context.Context) error {
	err := i.insist(ctx, func() error {
		_, err := i.docker.ContainerPause(ctx, i.id, client.ContainerPauseOptions{})
		return err
	})
	if err == nil {
		i.setPaused(true)
	}
	return err
}

// Resume implements [lifecycle.Server] by docker unpause.
func (i *incarnation) Resume(ctx context.Context) error {
	if !i.setPaused(false) {
		return nil
	}
	return i.insist(ctx, func() error {
		_, err := i.docker.ContainerUnpause(ctx, i.id, client.ContainerUnpauseOptions{})
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

// insist pauses or unpauses the container. Docker notes what it did, and notes it again when
// containerd's event of it comes, after tens of milliseconds: the event of a resume can
// come after the next pause, and until the event of that has come too, Docker refuses to
// resume the container, which it takes for running. A pause can be refused likewise.
func (i *incarnation) insist(ctx context.Context, request func() error) error {
	ctx, cancel := context.WithTimeout(ctx, hearsWithin)
	defer cancel()
	var refused error
	err := poll.Until(ctx, askAgain, func() error {
		if refused = request(); refused != nil && i.Over() {
			return poll.Stop(refused)
		}
		return refused
	})
	if err != nil {
		return refused
	}
	return nil
}

// end ends the incarnation. Docker adds 128 to a signal's number, as a shell does.
func (i *incarnation) end(code int, outOfMemory bool) {
	exit := runtime.Exit{At: time.Now(), Code: code, Killed: code == 128+int(syscall.SIGKILL), OutOfMemory: outOfMemory}
	if code > 128 && code < 160 {
		exit.Code = -1
	}
	i.End(exit)
}

// lookAgain is the time between two looks at a container whose end Docker will
// not announce any more, because the connection broke.
const lookAgain = 200 * time.Millisecond

// watch waits for the end of the incarnation, which Docker announces by wait.
func (i *incarnation) watch(wait client.ContainerWaitResult) {
	select {
	case ended := <-wait.Result:
		_, outOfMemory, _ := i.docker.ended(i.id)
		i.end(int(ended.StatusCode), outOfMemory)
		return
	case <-wait.Error:
	}
	_ = poll.Until(context.Background(), lookAgain, func() error {
		code, outOfMemory, ended := i.docker.ended(i.id)
		if !ended {
			return errors.New("it runs")
		}
		i.end(code, outOfMemory)
		return nil
	})
}

// ended looks whether the container runs. One that is gone was removed by
// somebody, with force.
func (d *daemon) ended(id string) (code int, outOfMemory, ended bool) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	now, err := d.ContainerInspect(ctx, id, client.ContainerInspectOptions{})
	if errdefs.IsNotFound(err) {
		return 128 + int(syscall.SIGKILL), false, true
	}
	if err != nil || now.Container.State == nil || running(now.Container.State) {
		return 0, false, false
	}
	return now.Container.State.ExitCode, now.Container.State.OOMKilled, true
}

func running(s *container.State) bool { return s.Running || s.Paused || s.Restarting }
