package child

import (
	"errors"
	"slices"
	"syscall"
	"time"

	"github.com/prometheus/procfs"
)

// Gone reports whether no process of the group runs. Ended ones that their
// new parent does not reap don't count.
func Gone(pgid int) bool {
	if errors.Is(syscall.Kill(-pgid, 0), syscall.ESRCH) {
		return true
	}
	for range Members(pgid) {
		return false
	}
	return true
}

// Stopped reports whether every thread of the group is stopped.
func Stopped(pgid int) bool {
	for pid := range Members(pgid) {
		for _, thread := range threads(pid) {
			if thread.State != stoppedState && !ended(thread) {
				return false
			}
		}
	}
	return true
}

// Members are the running processes of the group and the names of their commands.
func Members(pgid int) map[int]string {
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

// CPUTime is how much time of processors the running processes of the group have had.
func CPUTime(pgid int) time.Duration {
	all, _ := procfs.AllProcs()
	seconds := 0.0
	for _, p := range all {
		if stat, err := p.Stat(); err == nil && stat.PGRP == pgid {
			seconds += stat.CPUTime()
		}
	}
	return time.Duration(seconds * float64(time.Second))
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
	stoppedState = "T"
	zombieState  = "Z"
	deadState    = "X"
)

// ended reports whether a process or a thread only waits for its parent to take
// notice.
func ended(s procfs.ProcStat) bool { return s.State == zombieState || s.State == deadState }
