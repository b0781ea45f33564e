package process

import (
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/runtime/lifecycle"
)

// Most servers are ended earlier, and the search reads all processes of the machine.
func TestGroupIsNotSearchedInTheFirstSecond(t *testing.T) {
	leader := sleeper(t, 0)
	other := sleeper(t, leader.Process.Pid) // of the group, and no descendant of its leader
	i := &incarnation{Incarnation: lifecycle.Begin(), cmd: leader, looked: time.Now()}
	r := &Runtime{last: i}
	assert.Equal(t, []int{leader.Process.Pid}, r.Processes())
	i.looked = time.Now().Add(-2 * membersInterval)
	assert.ElementsMatch(t, []int{leader.Process.Pid, other.Process.Pid}, r.Processes())
	assert.Len(t, r.Processes(), 2, "what was found is kept until the next search")
}

// sleeper starts a process in a group, 0 for one of its own.
func sleeper(t *testing.T, group int) *exec.Cmd {
	cmd := exec.Command("sleep", "60")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pgid: group}
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return cmd
}
