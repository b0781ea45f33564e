package resources

import (
	"os"
	"os/exec"
	"testing"

	"github.com/prometheus/procfs"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// With version 1, an ended process shows the root of each hierarchy. Its own counters
// are gone.
func TestEndedProcessHasNoCgroups(t *testing.T) {
	all, err := procfs.NewFS("/proc")
	if err != nil {
		t.Skip("needs Linux's /proc")
	}
	assert.NotEmpty(t, groupsOf(all, os.Getpid()))
	child := exec.Command("true")
	require.NoError(t, child.Start())
	defer func() { _ = child.Wait() }()
	require.NoError(t, unix.Waitid(unix.P_PID, child.Process.Pid, nil, unix.WEXITED|unix.WNOWAIT, nil))
	assert.Empty(t, groupsOf(all, child.Process.Pid))
}
