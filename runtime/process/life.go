package process

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"retain/runtime"
)

// life is one life of a server, from a start to the end of its process group.
type life struct {
	done chan struct{} // closed at the end
	exit runtime.Exit  // valid once done is closed

	mu sync.Mutex
	// cmd is the current process, which leads the group. It is another one only
	// after a start that found a port taken.
	cmd *exec.Cmd
	// reaped is set once the leader is no more; only the rest of its group, if
	// any, is left then.
	reaped bool
	// signalled is when the server was first told to end.
	signalled time.Time
	paused    bool
	// killedRest is set if SIGKILL was needed for what the leader left.
	killedRest bool
	logStart   int64 // where this life begins in the log
	tries      int   // starts so far
}

func (l *life) over() bool {
	select {
	case <-l.done:
		return true
	default:
		return false
	}
}

// signal sends to the group. The group's id can't be anybody else's while the
// leader is not reaped or others are left in the group; called with mu held.
func (l *life) signal(sig syscall.Signal) error {
	pgid := l.cmd.Process.Pid
	if l.reaped && groupGone(pgid) {
		return nil
	}
	err := syscall.Kill(-pgid, sig)
	if errors.Is(err, syscall.ESRCH) {
		return nil
	}
	return err
}

// told notes that the server was told to end; called with mu held.
func (l *life) told() {
	if l.signalled.IsZero() {
		l.signalled = time.Now()
	}
}

// terminate asks the server to end: if a wrapper runs it, the server alone, so
// that a wrapper which hands signals on does not send it a second one.
func (l *life) terminate() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.told()
	if l.paused {
		l.paused = false
		_ = l.signal(syscall.SIGCONT)
	}
	servers := serversOf(l.cmd.Process.Pid)
	if len(servers) == 0 {
		_ = l.signal(syscall.SIGTERM)
	}
	for _, pid := range servers {
		_ = syscall.Kill(pid, syscall.SIGTERM)
	}
}

func (l *life) kill() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.told()
	if l.reaped && !groupGone(l.cmd.Process.Pid) {
		l.killedRest = true
	}
	_ = l.signal(syscall.SIGKILL)
}

// pause returns once no thread of the group runs any more: the signal is only on
// its way when kill(2) returns, and a thread that has not met it yet can answer. It
// also returns when the life ends or is resumed meanwhile.
func (l *life) pause(ctx context.Context) error {
	l.mu.Lock()
	err := l.signal(syscall.SIGSTOP)
	l.paused = err == nil
	l.mu.Unlock()
	if err != nil {
		return err
	}
	tick := time.NewTicker(frozenPoll)
	defer tick.Stop()
	for l.runs() {
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait until all of its threads are stopped: %w", context.Cause(ctx))
		case <-l.done:
			return nil
		case <-tick.C:
		}
	}
	return nil
}

// runs reports whether a thread of a life that was paused still runs.
func (l *life) runs() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.paused && !groupStopped(l.cmd.Process.Pid)
}

func (l *life) resume() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.paused = false
	return l.signal(syscall.SIGCONT)
}

// await waits until the leader and all of its group are gone.
func (l *life) await() *os.ProcessState {
	l.mu.Lock()
	cmd := l.cmd
	l.mu.Unlock()
	_ = cmd.Wait() // the state says it all
	l.mu.Lock()
	l.reaped = true
	l.mu.Unlock()
	awaitGroup(cmd.Process.Pid)
	return cmd.ProcessState
}

// end closes the life.
func (l *life) end(state *os.ProcessState) {
	l.mu.Lock()
	defer l.mu.Unlock()
	status, _ := state.Sys().(syscall.WaitStatus)
	l.exit = runtime.Exit{
		Code: state.ExitCode(),
		// 137 is what a shell says whose command ended by SIGKILL.
		Killed: l.killedRest || status.Signaled() && status.Signal() == syscall.SIGKILL || state.ExitCode() == 128+int(syscall.SIGKILL),
	}
	if !l.signalled.IsZero() {
		l.exit.Took = time.Since(l.signalled)
	}
	close(l.done)
}

func (l *life) wasTold() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return !l.signalled.IsZero()
}
