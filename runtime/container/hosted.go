package container

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/moby/moby/client"

	"retain/runtime/resources"
)

// Directory implements [runtime.Hosted]: the volume, if the daemon's disk is this
// machine's and this process may look at it.
func (r *Runtime) Directory() string { return r.mountpoint }

// mounted is where this machine has a volume, "" if it has not: its name is no other's.
func (d *daemon) mounted(ctx context.Context, volume string) string {
	about, err := d.VolumeInspect(ctx, volume, client.VolumeInspectOptions{})
	if err != nil {
		return ""
	}
	if _, err := os.Stat(about.Volume.Mountpoint); err != nil {
		return ""
	}
	return about.Volume.Mountpoint
}

// Processes implements [runtime.Hosted]; none if the daemon's processes are not this
// machine's.
func (r *Runtime) Processes() []int {
	r.mu.Lock()
	i := r.last
	r.mu.Unlock()
	if i == nil || i.Over() || !isContainer(i.pid, i.id) {
		return nil
	}
	return resources.Family(i.pid)
}

// isContainer reports whether a process is in the cgroup of a container.
func isContainer(pid int, id string) bool {
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "cgroup"))
	return err == nil && pid > 0 && strings.Contains(string(text), id)
}
