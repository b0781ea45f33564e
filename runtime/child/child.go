// Package child runs children that do not outlive this process, even if it is killed:
// each leads a process group of its own. On Linux the kernel kills it when its parent
// dies; everywhere a [Guardian], which waits for the parent's end of a pipe to close, kills
// the group, since what the child itself has started knows nothing of the child's parent.
package child

import (
	"bytes"
	"fmt"
	"os/exec"
	goruntime "runtime"
	"strings"
	"sync"
	"syscall"
	"time"
)

// startRequest asks the parent thread to start a command.
type startRequest struct {
	cmd  *exec.Cmd
	done chan<- error
}

var (
	startRequests = make(chan startRequest)
	parentOnce    sync.Once
)

// Start starts a command as the leader of a process group of its own, which the kernel
// kills when this process dies. It does so from a thread that never ends: the kernel sends
// the parent-death signal when the thread that started the child ends, and Go ends threads
// as it likes.
func Start(cmd *exec.Cmd) error {
	cmd.SysProcAttr = ownGroup()
	parentOnce.Do(func() { go parentThread() })
	done := make(chan error, 1)
	startRequests <- startRequest{cmd, done}
	if err := <-done; err != nil {
		return fmt.Errorf("run it: %s", strings.TrimPrefix(err.Error(), "fork/exec "))
	}
	return nil
}

// parentThread never ends, nor does its thread. Tests that look for leaked
// goroutines must leave it out.
func parentThread() {
	goruntime.LockOSThread()
	for request := range startRequests {
		request.done <- request.cmd.Start()
	}
}

// outputDelay is how long [Output] waits for what a command left behind that holds its
// streams.
const outputDelay = 5 * time.Second

// Output runs a command of [exec.CommandContext] to its end and returns what it printed to
// both streams. All of its group ends with the context.
func Output(cmd *exec.Cmd) ([]byte, error) {
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = outputDelay
	err := Start(cmd)
	if err == nil {
		err = cmd.Wait()
	}
	return out.Bytes(), err
}
