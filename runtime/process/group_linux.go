package process

import (
	"errors"
	"slices"
	"strings"
	"syscall"

	"github.com/prometheus/procfs"
	"golang.org/x/sys/unix"

	"retain/runtime/resources"
)

// GroupGone reports whether no process of the group runs. Ended ones that their
// new parent does not reap don't count.
func GroupGone(pgid int) bool {
	if errors.Is(syscall.Kill(-pgid, 0), syscall.ESRCH) {
		return true
	}
	for range members(pgid) {
		return false
	}
	return true
}

// serversOf are the processes of the group that are called restate-server.
func serversOf(pgid int) []int {
	if leader, err := procfs.NewProc(pgid); err == nil {
		if command, err := leader.Comm(); err == nil && isServer(command) {
			return []int{pgid}
		}
	}
	var servers []int
	for pid, command := range members(pgid) {
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

// groupStopped reports whether every thread of the group is stopped.
func groupStopped(pgid int) bool {
	for pid := range members(pgid) {
		for _, thread := range threads(pid) {
			if thread.State != stopped && !ended(thread) {
				return false
			}
		}
	}
	return true
}

// members are the running processes of the group and the names of their commands.
func members(pgid int) map[int]string {
	all, _ := procfs.AllProcs()
	found := map[int]string{}
	for _, p := range all {
		stat, err := p.Stat()
		if err == nil && stat.PGRP == pgid && (!ended(stat) || threadsRun(p.PID)) {
			found[p.PID] = stat.Comm
		}
	}
	return found
}

// threadsRun reports whether a thread of a process still runs. Where the first one
// has ended, the process looks ended, and the others may still hold its files: a
// server that is started then finds its database locked.
func threadsRun(pid int) bool {
	return slices.ContainsFunc(threads(pid), func(t procfs.ProcStat) bool { return !ended(t) })
}

// threads are the threads of a process. Those that end meanwhile are left out.
func threads(pid int) []procfs.ProcStat {
	all, _ := procfs.AllThreads(pid)
	var found []procfs.ProcStat
	for _, t := range all {
		if stat, err := t.Stat(); err == nil {
			found = append(found, stat)
		}
	}
	return found
}

// The states of proc_pid_stat(5) that matter here.
const (
	stopped = "T"
	zombie  = "Z"
	dead    = "X"
)

// ended reports whether a process or a thread only waits for its parent to take
// notice.
func ended(s procfs.ProcStat) bool { return s.State == zombie || s.State == dead }
