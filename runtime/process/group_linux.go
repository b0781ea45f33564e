package process

import (
	"errors"
	"strings"

	"github.com/prometheus/procfs"
	"golang.org/x/sys/unix"

	"retain/runtime/child"
	"retain/runtime/resources"
)

// serversOf are the processes of the group that are called restate-server.
func serversOf(pgid int) []int {
	if leader, err := procfs.NewProc(pgid); err == nil {
		if command, err := leader.Comm(); err == nil && isServer(command) {
			return []int{pgid}
		}
	}
	var servers []int
	for pid, command := range child.Members(pgid) {
		if isServer(command) {
			servers = append(servers, pid)
		}
	}
	return servers
}

// isServer knows a command's name, of which the kernel keeps 15 characters.
func isServer(command string) bool { return strings.HasPrefix(command, "restate-server") }

// lastLimits waits for the end of a child and returns the limits that it had. The
// kernel shows them in /proc until the child is waited for.
func lastLimits(pid int) []resources.Level {
	for errors.Is(unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil), unix.EINTR) {
	}
	return resources.Limits(pid)
}
