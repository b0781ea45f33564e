package child

import (
	"io"
	"os/exec"
	"strconv"
	"syscall"
)

// guardianScript reads the id of the group to guard, a line for each change, 0
// for none. The input ends with the process that holds the other end of the
// pipe, however that ended; then the group goes.
const guardianScript = `group=0
while read -r line; do group=$line; done
if [ "$group" -gt 1 ]; then kill -s KILL -- "-$group"; fi`

// Guardian is a shell that kills a process group when this process
// dies. The parent-death signal reaches only the child itself, not what a
// wrapper script has started, and exists on Linux only. A guardian that could
// not be started guards nothing; the next session's sweep is left then.
type Guardian struct {
	cmd  *exec.Cmd
	pipe io.WriteCloser
}

// NewGuardian starts a guardian that guards nothing yet.
func NewGuardian() *Guardian {
	cmd := exec.Command("/bin/sh", "-c", guardianScript, "retain-guardian")
	cmd.Dir, cmd.Env = "/", []string{"PATH=/usr/bin:/bin"}
	// A session of its own: a signal to the terminal's process group, such as
	// that of Ctrl-C, must not end it before its work is done.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	pipe, err := cmd.StdinPipe()
	if err != nil || cmd.Start() != nil {
		return &Guardian{}
	}
	return &Guardian{cmd: cmd, pipe: pipe}
}

// Watch names the group to guard from now on, 0 for none.
func (g *Guardian) Watch(pgid int) {
	if g.pipe != nil {
		_, _ = io.WriteString(g.pipe, strconv.Itoa(pgid)+"\n")
	}
}

// Dismiss ends the guardian; what it guarded must have ended.
func (g *Guardian) Dismiss() {
	if g.pipe == nil {
		return
	}
	g.Watch(0)
	_ = g.pipe.Close()
	_ = g.cmd.Wait()
}
