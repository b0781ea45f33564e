//go:build unix && !linux

package resources

import "golang.org/x/sys/unix"

// groups are cgroups, which there are none of.
type groups struct{}

// processLevels are this process's own limits: what others use can't be seen here
// without a program for it.
func processLevels([]int, *groups, bool) []Level {
	var out []Level
	var l unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &l) == nil {
		out = append(out, Level{Kind: Descriptors, Of: "this process", Free: l.Cur, Size: l.Cur, Ours: true})
	}
	return out
}

// Family is a process alone: its children are not available on this platform.
func Family(pid int) []int { return []int{pid} }

// refusesFiles is not available on this platform.
func refusesFiles(string) bool { return false }
