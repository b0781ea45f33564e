package process

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"retain/runtime"
	"retain/runtime/binary"
	"retain/runtime/child"
	"retain/runtime/lifecycle"
	"retain/runtime/resources"
)

// incarnation is a server from its start to the end of its process group.
type incarnation struct {
	*lifecycle.Incarnation
	server   binary.Server
	settings runtime.Settings // the runtime's, with those of the start

	mu sync.Mutex
	// cmd is the current process, which leads the group. It is another one only
	// after a start that found a port taken.
	cmd *exec.Cmd
	// reaped is set once the leader is no more; only the rest of its group, if
	// any, is left then.
	reaped bool
	ended  time.Time // when it was reaped
	paused bool
	// killedRest is set if SIGKILL was needed for what the leader left.
	killedRest bool
	logStart   int64 // where this incarnation begins in the log
	tries      int   // starts so far
	// members are the processes of the group when they were last looked for; looked is
	// when that was, or when the leader was started.
	members []int
	looked  time.Time
	// limits are those of the leader when it had ended.
	limits []resources.Level
}

// begins is where the incarnation begins in the log.
func (i *incarnation) begins() int64 {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.logStart
}

// signal sends to the group. The group's id can't be anybody else's while the
// leader is not reaped or others are left in the group; called with mu held.
func (i *incarnation) signal(sig syscall.Signal) error {
	pgid := i.cmd.Process.Pid
	if i.reaped && child.Gone(pgid) {
		return nil
	}
	err := syscall.Kill(-pgid, sig)
	if errors.Is(err, syscall.ESRCH) {
		return nil
	}
	return err
}

// Terminate implements [lifecycle.Server]. If a wrapper runs the server, SIGTERM
// goes to the server alone: a wrapper may hand signals on, and a second one makes
// the server give up draining.
func (i *incarnation) Terminate(context.Context) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.paused {
		i.paused = false
		_ = i.signal(syscall.SIGCONT)
	}
	servers := serversOf(i.cmd.Process.Pid)
	if len(servers) == 0 {
		_ = i.signal(syscall.SIGTERM)
	}
	for _, pid := range servers {
		_ = syscall.Kill(pid, syscall.SIGTERM)
	}
	return nil
}

// Kill implements [lifecycle.Server]: SIGKILL to the process group.
func (i *incarnation) Kill(context.Context) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.reaped && !child.Gone(i.cmd.Process.Pid) {
		i.killedRest = true
	}
	_ = i.signal(syscall.SIGKILL)
	return nil
}

// Pause implements [lifecycle.Server]: SIGSTOP to the process group. It waits until no
// thread of the group runs, or the server has ended or was resumed.
func (i *incarnation) Pause(ctx context.Context) error {
	i.mu.Lock()
	err := i.signal(syscall.SIGSTOP)
	i.paused = err == nil
	pgid := i.cmd.Process.Pid
	i.mu.Unlock()
	if err != nil {
		return err
	}
	return child.AwaitFrozen(ctx, pgid, func() bool { return !i.frozen() || i.Over() })
}

// frozen reports whether the server was paused and not resumed.
func (i *incarnation) frozen() bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.paused
}

// Resume implements [lifecycle.Server]: SIGCONT to the process group.
func (i *incarnation) Resume(context.Context) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.paused = false
	return i.signal(syscall.SIGCONT)
}

// await waits until the leader and all of its group are gone.
func (i *incarnation) await() *os.ProcessState {
	i.mu.Lock()
	cmd := i.cmd
	i.mu.Unlock()
	limits := lastLimits(cmd.Process.Pid)
	_ = cmd.Wait() // the state says it all
	i.mu.Lock()
	i.reaped, i.ended, i.limits = true, time.Now(), limits
	i.mu.Unlock()
	child.Await(cmd.Process.Pid)
	return cmd.ProcessState
}

// end ends the incarnation.
func (i *incarnation) end(state *os.ProcessState) {
	i.mu.Lock()
	defer i.mu.Unlock()
	status, _ := state.Sys().(syscall.WaitStatus)
	i.End(runtime.Exit{
		Code: state.ExitCode(),
		At:   i.ended,
		// 137 is a shell's exit code if its command ended by SIGKILL.
		Killed: i.killedRest || status.Signaled() && status.Signal() == syscall.SIGKILL || state.ExitCode() == 128+int(syscall.SIGKILL),
	})
}
