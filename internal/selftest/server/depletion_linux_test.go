package server_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/procfs"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"retain/internal/selftest/suite"
)

// fill leaves some bytes of the disk.
func fill(leave uint64) func(*testing.T, *machine) {
	return func(t *testing.T, m *machine) {
		f, err := os.Create(filepath.Join(m.tmp, "somebody's"))
		require.NoError(t, err)
		defer f.Close()
		var st unix.Statfs_t
		var size int64
		for { // the server writes meanwhile
			require.NoError(t, unix.Statfs(m.tmp, &st))
			free := st.Bavail * uint64(st.Bsize)
			if free <= leave {
				return
			}
			more := int64(free - leave)
			if err := unix.Fallocate(int(f.Fd()), 0, size, more); err == nil {
				size += more
			}
		}
	}
}

// keepFull leaves nothing of the disk, nor of what the servers free later.
func keepFull(t *testing.T, m *machine) {
	fill(0)(t, m)
	ctx, ended := context.WithCancel(context.Background())
	done := make(chan struct{})
	t.Cleanup(func() { ended(); <-done }) // before the disk is taken away
	go func() {
		defer close(done)
		f, err := os.Create(filepath.Join(m.tmp, "somebody's too"))
		if err != nil {
			return
		}
		defer f.Close()
		const page = 64 << 10
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for size := int64(0); ctx.Err() == nil; {
			if unix.Fallocate(int(f.Fd()), 0, size, page) == nil {
				size += page
				continue
			}
			select {
			case <-tick.C:
			case <-ctx.Done():
			}
		}
	}()
}

// limited lowers the limit of open files of the session and its server.
func limited(t *testing.T, m *machine) {
	for _, pid := range []int{m.Process.Pid, m.server(t)} {
		require.NoError(t, unix.Prlimit(pid, unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 60, Max: 60}, nil))
	}
}

// vanished unmounts the disk.
func vanished(t *testing.T, m *machine) { require.NoError(t, unix.Unmount(m.tmp, unix.MNT_DETACH)) }

// spent leaves no inodes of the disk.
func spent(t *testing.T, m *machine) {
	var st unix.Statfs_t
	require.Eventually(t, func() bool {
		require.NoError(t, unix.Statfs(m.tmp, &st))
		return unix.Mount("tmpfs", m.tmp, "tmpfs", unix.MS_REMOUNT, fmt.Sprintf("nr_inodes=%d", st.Files-st.Ffree)) == nil
	}, 10*time.Second, time.Millisecond)
}

// broken makes the kernel find an error in the file system, which it then mounts
// read-only.
func broken(t *testing.T, m *machine) {
	mounts, err := procfs.GetMounts()
	require.NoError(t, err)
	for _, on := range mounts {
		if on.MountPoint == m.tmp {
			control(t, filepath.Join("/sys/fs/ext4", filepath.Base(on.Source)), "trigger_fs_error", "by a test")
			return
		}
	}
	t.Fatal("no such mount")
}

// crowded limits the server to the threads that it has.
func crowded(t *testing.T, m *machine) {
	dir := cgroup(t, "pids")
	control(t, dir, "cgroup.procs", m.Process.Pid)
	for _, pid := range groupOf(m.server(t)) {
		control(t, dir, "cgroup.procs", pid)
	}
	now, err := os.ReadFile(filepath.Join(dir, "pids.current"))
	require.NoError(t, err)
	n, err := strconv.Atoi(strings.TrimSpace(string(now)))
	require.NoError(t, err)
	control(t, dir, "pids.max", n+3)
}

// starved makes another program use up the memory of the servers' cgroup.
func starved(t *testing.T, m *machine) {
	eater := suite.Command(t, m.Dir, nil, "sh", "-c", "echo $$ >"+m.group+"/cgroup.procs; head -c 590m /dev/zero | tail -c 590m | sleep 100")
	eater.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	require.NoError(t, eater.Start())
	t.Cleanup(func() { _ = syscall.Kill(-eater.Process.Pid, syscall.SIGKILL); _ = eater.Wait() })
}
