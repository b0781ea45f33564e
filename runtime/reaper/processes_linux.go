package reaper

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/prometheus/procfs"
)

// startOf is when the process was started: the boot's id and the clock ticks since
// the boot. With the process's id it is unique. A zombie is as good as gone: an
// error.
func startOf(pid int) (string, error) {
	all, err := procfs.NewFS(procfs.DefaultMountPoint)
	if err != nil {
		return "", err
	}
	p, err := all.Proc(pid)
	if err != nil {
		return "", err
	}
	stat, err := p.Stat()
	if err != nil {
		return "", err
	}
	if stat.State == "Z" || stat.State == "X" {
		return "", fmt.Errorf("process %d has ended", pid)
	}
	boot, err := all.SysctlStrings("kernel.random.boot_id")
	if err != nil {
		return "", err
	}
	return strings.Join(boot, " ") + "/" + strconv.FormatUint(stat.Starttime, 10), nil
}

// marked are the processes, zombies not among them, that carry the session's id
// in their environment. Those of other users can't be read and aren't ours.
func marked(id string) []int {
	all, err := procfs.AllProcs()
	if err != nil {
		return nil
	}
	var found []int
	for _, p := range all {
		environment, err := p.Environ()
		if err == nil && p.PID != os.Getpid() && slices.Contains(environment, EnvSession+"="+id) {
			found = append(found, p.PID)
		}
	}
	return found
}
