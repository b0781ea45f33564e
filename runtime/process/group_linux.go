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

// members are the running processes of the group and the names of their
// commands, as /proc/PID/stat tells them (proc(5)).
func members(pgid int) map[int]string {
	entries, _ := os.ReadDir("/proc")
	found := map[int]string{}
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		stat, err := os.ReadFile(filepath.Join("/proc", entry.Name(), "stat"))
		if err != nil {
			continue
		}
		open, end := bytes.IndexByte(stat, '('), bytes.LastIndexByte(stat, ')')
		if open < 0 || end < open {
			continue
		}
		// After the name: state, parent, process group.
		fields := strings.Fields(string(stat[end+1:]))
		if len(fields) > 2 && fields[2] == strconv.Itoa(pgid) && fields[0] != "Z" && fields[0] != "X" {
			found[pid] = string(stat[open+1 : end])
		}
	}
	return found
}
