package server_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"retain/internal/selftest/suite"
)

// machine is the environment of a session.
type machine struct {
	*suite.Child
	cache suite.Cache
	tmp   string
	// group is the memory cgroup of its servers, "" for that of the test.
	group string
}

// server is the interface of the real runtimes.
func (m *machine) server(t *testing.T) (pid int) {
	require.Eventually(t, func() bool {
		groups := m.cache.Of(t, m.Child).Groups
		slices.Reverse(groups)
		for _, g := range groups {
			if syscall.Kill(-g, 0) == nil {
				pid = g
				return true
			}
		}
		return false
	}, 30*time.Second, time.Millisecond, "no server runs")
	return pid
}

// mount mounts a file system on a new directory.
func mount(t *testing.T, kind string) string {
	dir, err := os.MkdirTemp("", "s")
	require.NoError(t, err)
	t.Cleanup(func() {
		_ = unix.Unmount(dir, unix.MNT_DETACH)
		_ = os.Remove(dir)
	})
	if kind != "ext4" {
		if err := unix.Mount("tmpfs", dir, "tmpfs", 0, kind); err != nil {
			t.Skipf("needs mount(2): %v", err)
		}
		return dir
	}
	image := filepath.Join(t.TempDir(), "image")
	require.NoError(t, os.WriteFile(image, nil, 0o600))
	require.NoError(t, os.Truncate(image, 2<<30))
	for _, command := range [][]string{{"mkfs.ext4", "-q", image}, {"mount", "-o", "loop,errors=remount-ro", image, dir}} {
		if out, err := exec.Command(command[0], command[1:]...).CombinedOutput(); err != nil {
			t.Skipf("needs ext4 on a loop device: %s: %v %s", command[0], err, out)
		}
	}
	return dir
}

// cgroup makes a group below that of this process, in a hierarchy of version 1.
func cgroup(t *testing.T, controller string) string {
	text, err := os.ReadFile("/proc/self/cgroup")
	require.NoError(t, err)
	for line := range strings.Lines(string(text)) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) != 3 || !slices.Contains(strings.Split(parts[1], ","), controller) {
			continue
		}
		dir := filepath.Join("/sys/fs/cgroup", controller, parts[2], fmt.Sprintf("retain-test-%d-%d", os.Getpid(), time.Now().UnixNano()))
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Skipf("needs a cgroup of its own: %v", err)
		}
		t.Cleanup(func() {
			assert.Eventually(t, func() bool { return errors.Join(os.Remove(dir)) == nil }, 10*time.Second, 10*time.Millisecond)
		})
		return dir
	}
	t.Skipf("needs the cgroup controller %s (version 1)", controller)
	return ""
}

func control(t *testing.T, dir, name string, value any) {
	require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(fmt.Sprint(value)), 0o644))
}

// groupOf are the processes of a process group.
func groupOf(leader int) (pids []int) {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, stat := range stats {
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(stat)))
		if group, err := syscall.Getpgid(pid); err == nil && group == leader {
			pids = append(pids, pid)
		}
	}
	return pids
}
