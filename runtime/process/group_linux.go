package process

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// groupGone reports whether no process of the group runs. Ended ones that their
// new parent does not reap don't count.
func groupGone(pgid int) bool {
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
	if comm, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pgid), "comm")); err == nil && isServer(string(comm)) {
		return []int{pgid}
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

// groupStopped reports whether every thread of the group is stopped.
func groupStopped(pgid int) bool {
	for pid := range members(pgid) {
		threads, _ := filepath.Glob(filepath.Join("/proc", strconv.Itoa(pid), "task", "*", "stat"))
		for _, thread := range threads {
			stat, ok := readStat(thread)
			if ok && stat.state != "T" && !stat.ended() {
				return false
			}
		}
	}
	return true
}

// members are the running processes of the group and the names of their commands.
func members(pgid int) map[int]string {
	entries, _ := os.ReadDir("/proc")
	found := map[int]string{}
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		stat, ok := readStat(filepath.Join("/proc", entry.Name(), "stat"))
		if ok && stat.group == strconv.Itoa(pgid) && (!stat.ended() || threadsRun(pid)) {
			found[pid] = stat.command
		}
	}
	return found
}

// threadsRun reports whether a thread of a process still runs. Where the first one
// has ended, the process looks ended, and the others may still hold its files: a
// server that is started then finds its database locked.
func threadsRun(pid int) bool {
	threads, _ := filepath.Glob(filepath.Join("/proc", strconv.Itoa(pid), "task", "*", "stat"))
	for _, thread := range threads {
		if stat, ok := readStat(thread); ok && !stat.ended() {
			return true
		}
	}
	return false
}

// taskStat is what /proc/PID/stat tells of a process or a thread (proc(5)).
type taskStat struct{ command, state, group string }

// ended reports whether it only waits for its parent to take notice.
func (s taskStat) ended() bool { return s.state == "Z" || s.state == "X" }

// readStat is not ok for what is gone.
func readStat(path string) (taskStat, bool) {
	stat, err := os.ReadFile(path)
	if err != nil {
		return taskStat{}, false
	}
	open, end := bytes.IndexByte(stat, '('), bytes.LastIndexByte(stat, ')')
	if open < 0 || end < open {
		return taskStat{}, false
	}
	// After the name: state, parent, process group.
	fields := strings.Fields(string(stat[end+1:]))
	if len(fields) < 3 {
		return taskStat{}, false
	}
	return taskStat{command: string(stat[open+1 : end]), state: fields[0], group: fields[2]}, true
}
