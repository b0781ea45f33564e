package resources

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/prometheus/procfs"
)

// noLimit is from where on a cgroup's number is none: version 1 writes the largest
// multiple of a page.
const noLimit = 1 << 60

// files are the names of what a version of cgroups has.
type files struct{ memoryMax, memoryUsed, memoryEvents string }

var (
	version1 = files{"memory.limit_in_bytes", "memory.usage_in_bytes", "memory.oom_control"}
	version2 = files{"memory.max", "memory.current", "memory.events"}
)

// groups are the cgroups of a process.
type groups []procfs.Cgroup

// exiting is PF_EXITING of Linux.
const exiting = 4

// groupsOf are none for a process that has ended or is about to: the kernel puts it into
// the root of each hierarchy of version 1 then.
func groupsOf(all procfs.FS, pid int) groups {
	p, err := all.Proc(pid)
	if err != nil {
		return nil
	}
	out, err := p.Cgroups()
	if err != nil {
		return nil
	}
	if stat, err := p.Stat(); err != nil || stat.Flags&exiting != 0 {
		return nil
	}
	return out
}

// levels are what the cgroups, and those above them, leave to their processes.
func (all groups) levels(u usage) []Level {
	var out []Level
	for _, g := range all {
		names, controllers := version1, g.Controllers
		if g.HierarchyID == 0 {
			names, controllers = version2, []string{"memory", "pids"}
		}
		for _, dir := range above(g) {
			if slices.Contains(controllers, "memory") {
				out = append(out, memoryOf(dir, names, u.Resident)...)
			}
			if slices.Contains(controllers, "pids") {
				out = append(out, pidsOf(dir, u.Threads)...)
			}
		}
	}
	return out
}

// cgroupMounts are where the hierarchies of cgroups are mounted.
var cgroupMounts = sync.OnceValue(func() []*procfs.MountInfo {
	mounts, err := procfs.GetMounts()
	if err != nil {
		return nil
	}
	return slices.DeleteFunc(mounts, func(m *procfs.MountInfo) bool { return m.FSType != "cgroup" && m.FSType != "cgroup2" })
})

// above are the directories of a cgroup and of those that hold it, as far up as can be
// seen here.
func above(g procfs.Cgroup) (dirs []string) {
	for _, m := range cgroupMounts() {
		if !mounts(m, g) {
			continue
		}
		at := g.Path
		if rest, inside := strings.CutPrefix(at, strings.TrimSuffix(m.Root, "/")); inside {
			at = rest
		}
		for at = filepath.Clean("/" + at); ; at = filepath.Dir(at) {
			dirs = append(dirs, filepath.Join(m.MountPoint, at))
			if at == "/" {
				return dirs
			}
		}
	}
	return nil
}

// mounts reports whether a mount is of a cgroup's hierarchy.
func mounts(m *procfs.MountInfo, g procfs.Cgroup) bool {
	if g.HierarchyID == 0 {
		return m.FSType == "cgroup2"
	}
	for _, c := range g.Controllers {
		if _, has := m.SuperOptions[c]; !has {
			return false
		}
	}
	return m.FSType == "cgroup"
}

func memoryOf(dir string, names files, used uint64) []Level {
	most, ok := number(filepath.Join(dir, names.memoryMax))
	if !ok || most >= noLimit {
		return nil
	}
	now, ok := number(filepath.Join(dir, names.memoryUsed))
	if !ok {
		return nil
	}
	// The kernel takes cached files away before it refuses. A server whose program is
	// taken away reads it again and again, and answers nobody.
	stat := filepath.Join(dir, "memory.stat")
	cached, mapped := field(stat, "total_inactive_file")+field(stat, "total_active_file"), field(stat, "total_mapped_file")
	if cached == 0 {
		cached, mapped = field(stat, "inactive_file")+field(stat, "active_file"), field(stat, "file_mapped")
	}
	now -= min(now, cached-min(cached, mapped))
	return []Level{{Kind: Memory, Of: "the memory cgroup (" + dir + ")", Used: used, Free: most - min(most, now), Size: most,
		Refused: field(filepath.Join(dir, names.memoryEvents), "oom_kill")}}
}

func pidsOf(dir string, used uint64) []Level {
	most, ok := number(filepath.Join(dir, "pids.max"))
	now, known := number(filepath.Join(dir, "pids.current"))
	if !ok || !known || most >= noLimit {
		return nil
	}
	return []Level{{Kind: Threads, Of: "the pids cgroup (" + dir + ")", Used: used, Free: most - min(most, now), Size: most,
		Refused: field(filepath.Join(dir, "pids.events"), "max")}}
}

// number reads a file with one number; "max" is not one.
func number(path string) (uint64, bool) {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, false
	}
	n, err := strconv.ParseUint(strings.TrimSpace(string(text)), 10, 64)
	return n, err == nil
}

// field reads a number behind a name at the beginning of a line; 0 for none.
func field(path, name string) uint64 {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if value, is := strings.CutPrefix(line, name+" "); is {
			n, _ := strconv.ParseUint(strings.TrimSpace(value), 10, 64)
			return n
		}
	}
	return 0
}
