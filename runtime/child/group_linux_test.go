package child

import (
	"io"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/procfs"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// headlessVariable makes this test binary a process whose first thread ends at once
// and that goes on until its input ends.
const headlessVariable = "RETAIN_TEST_HEADLESS"

func init() {
	if os.Getenv(headlessVariable) == "" {
		return
	}
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	_, _, _ = syscall.Syscall(syscall.SYS_EXIT, 0, 0, 0) // this thread alone: init runs in the first one
}

// A killed process looks ended when its first thread is. It holds its files until the
// last one is.
func TestGroupIsUpUntilItsLastThreadEnds(t *testing.T) {
	exe, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), headlessVariable+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	input, err := cmd.StdinPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = input.Close()
		_ = cmd.Wait()
	})
	pid := cmd.Process.Pid
	p, err := procfs.NewProc(pid)
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		stat, err := p.Stat()
		return err == nil && ended(stat)
	}, 10*time.Second, 10*time.Millisecond, "its first thread did not end")
	assert.False(t, Gone(pid), "another thread runs")
	require.NoError(t, input.Close())
	require.Eventually(t, func() bool { return Gone(pid) }, 10*time.Second, 10*time.Millisecond, "it is still there")
}
