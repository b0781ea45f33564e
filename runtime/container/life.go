package container

import (
	"context"
	"sync"
	"syscall"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"retain/runtime"
)

// life is one life of a server, from a start of its container to the end.
type life struct {
	done chan struct{} // closed at the end
	exit runtime.Exit  // valid once done is closed

	mu        sync.Mutex
	signalled time.Time // when the server was first told to end
	paused    bool
}

func (l *life) over() bool {
	select {
	case <-l.done:
		return true
	default:
		return false
	}
}

// told notes that the server is told to end.
func (l *life) told() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.signalled.IsZero() {
		l.signalled = time.Now()
	}
}

func (l *life) setPaused(paused bool) (was bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	was, l.paused = l.paused, paused
	return was
}

// end closes the life. Docker tells a signal's number as a shell does, added to
// 128.
func (l *life) end(code int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.exit = runtime.Exit{Code: code, Killed: code == 128+int(syscall.SIGKILL)}
	if code > 128 && code < 160 {
		l.exit.Code = -1
	}
	if !l.signalled.IsZero() {
		l.exit.Took = time.Since(l.signalled)
	}
	close(l.done)
}

// lookAgain is the time between two looks at a container whose end Docker will
// not announce any more, because the connection broke.
const lookAgain = 200 * time.Millisecond

// watch sees a life to its end, which Docker announces by wait.
func (d *daemon) watch(l *life, id string, wait client.ContainerWaitResult) {
	select {
	case ended := <-wait.Result:
		l.end(int(ended.StatusCode))
		return
	case <-wait.Error:
	}
	tick := time.NewTicker(lookAgain)
	defer tick.Stop()
	for {
		if code, ended := d.ended(id); ended {
			l.end(code)
			return
		}
		<-tick.C
	}
}

// ended looks whether the container runs. One that is gone was removed by
// somebody, with force.
func (d *daemon) ended(id string) (code int, ended bool) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	now, err := d.ContainerInspect(ctx, id, client.ContainerInspectOptions{})
	if errdefs.IsNotFound(err) {
		return 128 + int(syscall.SIGKILL), true
	}
	if err != nil || now.Container.State == nil || running(now.Container.State) {
		return 0, false
	}
	return now.Container.State.ExitCode, true
}

func running(s *container.State) bool { return s.Running || s.Paused || s.Restarting }
