package resources

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/prometheus/procfs"
	"golang.org/x/sys/unix"
)

// unlimited is what procfs reads for a limit that is none.
const unlimited = ^uint64(0)

// processLevels are the limits and the consumption of the server's processes, and of
// this one, and the memory and the processes that their cgroups and the machine have
// left. in are the server's cgroups when it was last seen: those of a server that was
// killed count on, since their counters tell why, and so do those it will be started in.
// ours is true of a server that this process starts, which inherits what it has.
func processLevels(pids []int, in *groups, ours bool) []Level {
	all, err := procfs.NewFS("/proc")
	if err != nil {
		return nil
	}
	used := usage{}
	var out []Level
	for _, pid := range pids {
		out = append(out, used.add(all, pid)...)
	}
	out = fullest(out)
	if len(pids) == 0 && ours {
		// It will inherit what this process has.
		for _, l := range limitLevels(all, os.Getpid()) {
			l.Of = "a server"
			out = append(out, l)
		}
	}
	out = append(out, descriptorsHere(all)...)
	out = append(out, tableOfFiles(used.Descriptors)...)
	out = append(out, machineMemory(all, used.Resident)...)
	out = append(out, userThreads(all, used.Threads)...)
	var now groups
	if len(pids) > 0 {
		now = groupsOf(all, pids[0])
	}
	if now != nil {
		*in = now
		return append(out, now.levels(used)...)
	}
	out = append(out, in.levels(used)...)
	if !ours {
		return out
	}
	return append(out, groupsOf(all, os.Getpid()).levels(used)...) // which it is started in
}

// usage is what the processes of a server use together.
type usage struct{ Descriptors, Threads, Resident uint64 }

// add looks at one process more and returns the levels of its limits.
func (u *usage) add(all procfs.FS, pid int) []Level {
	levels := limitLevels(all, pid)
	p, err := all.Proc(pid)
	if err != nil {
		return levels
	}
	if stat, err := p.Stat(); err == nil {
		u.Threads += uint64(stat.NumThreads)
	}
	if status, err := p.NewStatus(); err == nil {
		u.Resident += status.VmHWM
	}
	for _, l := range levels {
		if l.Kind == Descriptors {
			u.Descriptors += l.Used
		}
	}
	return levels
}

// Limits are the limits of a process that has ended and was not waited for.
func Limits(pid int) []Level {
	all, err := procfs.NewFS("/proc")
	if err != nil {
		return nil
	}
	levels := limitLevels(all, pid)
	for i := range levels {
		levels[i].Of = "the server that ended"
	}
	return levels
}

// refusesFiles reports whether the file system of a directory refuses a new file as a
// read-only one does. ext4 that met an error does not tell it in statfs(2). The file
// has no name, and is gone when it is closed.
func refusesFiles(dir string) bool {
	fd, err := unix.Open(dir, unix.O_TMPFILE|unix.O_WRONLY|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return errors.Is(err, unix.EROFS)
	}
	_ = unix.Close(fd)
	return false
}

// limitLevels are the limits of one process and how much of them it uses.
func limitLevels(all procfs.FS, pid int) []Level {
	p, err := all.Proc(pid)
	if err != nil {
		return nil
	}
	limits, err := p.Limits()
	if err != nil {
		return nil
	}
	const of = theServer
	var out []Level
	n, _ := p.FileDescriptorsLen()
	out = append(out, Level{Kind: Descriptors, Of: of, Used: uint64(n), Size: limits.OpenFiles, Free: limits.OpenFiles - min(limits.OpenFiles, uint64(n))})
	if limits.AddressSpace != unlimited {
		var peak uint64
		if status, err := p.NewStatus(); err == nil {
			peak = status.VmPeak
		}
		out = append(out, Level{Kind: AddressSpace, Of: of, Used: peak, Size: limits.AddressSpace, Free: limits.AddressSpace - min(limits.AddressSpace, peak)})
	}
	if limits.FileSize != unlimited {
		out = append(out, Level{Kind: FileSize, Of: of, Size: limits.FileSize, Free: limits.FileSize})
	}
	return out
}

// descriptorsHere is the level of this process's own limit. Kernels before 6.2 need a
// descriptor to count them: a process that has none left has none free.
func descriptorsHere(all procfs.FS) []Level {
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &limit) != nil {
		return nil
	}
	var used uint64
	if p, err := all.Proc(os.Getpid()); err == nil {
		n, err := p.FileDescriptorsLen()
		used = uint64(n)
		if errors.Is(err, syscall.EMFILE) {
			used = limit.Cur
		}
	}
	return []Level{{Kind: Descriptors, Of: "this process", Ours: true, Used: used, Size: limit.Cur, Free: limit.Cur - min(limit.Cur, used)}}
}

// fullest keeps of each kind the level of the process with the least left.
func fullest(levels []Level) []Level {
	var out []Level
	at := map[Kind]int{}
	for _, l := range levels {
		i, known := at[l.Kind]
		switch {
		case !known:
			at[l.Kind] = len(out)
			out = append(out, l)
		case l.Free < out[i].Free:
			out[i] = l
		}
	}
	return out
}

// tableOfFiles is that of the machine, if it is nearly full: the third number of
// file-nr bounds the first.
func tableOfFiles(used uint64) []Level {
	text, err := os.ReadFile("/proc/sys/fs/file-nr")
	if err != nil {
		return nil
	}
	f := strings.Fields(string(text))
	if len(f) != 3 {
		return nil
	}
	open, e1 := strconv.ParseUint(f[0], 10, 64)
	most, e2 := strconv.ParseUint(f[2], 10, 64)
	if e1 != nil || e2 != nil || most > 1<<40 {
		return nil
	}
	return []Level{{Kind: Descriptors, Of: "this machine's table of open files", Used: used, Free: most - min(most, open), Size: most, Shared: true}}
}

func machineMemory(all procfs.FS, used uint64) []Level {
	m, err := all.Meminfo()
	if err != nil || m.MemAvailableBytes == nil || m.MemTotalBytes == nil {
		return nil
	}
	free := *m.MemAvailableBytes
	if m.SwapFreeBytes != nil {
		free += *m.SwapFreeBytes
	}
	return []Level{{Kind: Memory, Of: "this machine", Used: used, Free: free, Size: *m.MemTotalBytes}}
}

var userCount struct {
	sync.Mutex
	n  uint64
	at time.Time
}

// userThreads is what RLIMIT_NPROC leaves to this user, whose threads count together.
// It does not hold for root.
func userThreads(all procfs.FS, used uint64) []Level {
	var l syscall.Rlimit
	const rlimitNPROC = 6
	if os.Geteuid() == 0 || syscall.Getrlimit(rlimitNPROC, &l) != nil || l.Cur > 1<<32 {
		return nil
	}
	userCount.Lock()
	defer userCount.Unlock()
	if time.Since(userCount.at) > useInterval {
		userCount.n, userCount.at = threadsOf(all, uint32(os.Getuid())), time.Now()
	}
	return []Level{{Kind: Threads, Of: "this user (RLIMIT_NPROC)", Used: used, Free: l.Cur - min(l.Cur, userCount.n), Size: l.Cur}}
}

func threadsOf(all procfs.FS, uid uint32) (n uint64) {
	procs, err := all.AllProcs()
	if err != nil {
		return 0
	}
	for _, p := range procs {
		info, err := os.Stat("/proc/" + strconv.Itoa(p.PID))
		if err != nil {
			continue
		}
		if st, ok := info.Sys().(*syscall.Stat_t); !ok || st.Uid != uid {
			continue
		}
		if stat, err := p.Stat(); err == nil {
			n += uint64(stat.NumThreads)
		}
	}
	return n
}

// Family is a process, and the descendants that main threads have started: what an
// init or a wrapper has beside itself.
func Family(pid int) []int { return family(pid, nil) }

func family(pid int, seen []int) []int {
	seen = append(seen, pid)
	id := strconv.Itoa(pid)
	children, _ := os.ReadFile(filepath.Join("/proc", id, "task", id, "children")) // empty where the kernel has no such file
	for child := range strings.FieldsSeq(string(children)) {
		if n, err := strconv.Atoi(child); err == nil {
			seen = family(n, seen)
		}
	}
	return seen
}
