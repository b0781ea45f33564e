package process

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"retain/runtime/child"
	"retain/runtime/resources"
)

// membersInterval is how often the processes of a server's group are looked for: all
// processes of the machine are read for it.
const membersInterval = time.Second

// Directory implements [runtime.Hosted].
func (r *Runtime) Directory() string { return r.dir }

// Parent is the directory that servers' own are made in.
func Parent() string {
	if dir, err := filepath.Abs(os.TempDir()); err == nil {
		return dir
	}
	return os.TempDir()
}

// Processes implements [runtime.Hosted]. A process of the group that is no descendant
// of its leader may be missing in its first second.
func (r *Runtime) Processes() []int {
	i := r.incarnation()
	if i == nil || i.Over() {
		return nil
	}
	leader, others := i.group()
	found := resources.Family(leader)
	for _, pid := range others {
		if !slices.Contains(found, pid) {
			found = append(found, pid)
		}
	}
	return found
}

// group is the leader of the group, and the members of the group when they were last
// looked for, which is not in the first second of a start. The search takes no lock: a
// fault would wait for it.
func (i *incarnation) group() (leader int, others []int) {
	i.mu.Lock()
	leader, others = i.cmd.Process.Pid, i.members
	due := time.Since(i.looked) > membersInterval
	if due {
		i.looked = time.Now()
	}
	i.mu.Unlock()
	if !due {
		return leader, others
	}
	others = slices.Collect(maps.Keys(child.Members(leader)))
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.cmd.Process.Pid == leader {
		i.members = others
	}
	return leader, others
}

// LastLimits are the limits of the last process whose end was seen in the current or
// last incarnation, as they were at its end: a server that ends within a few milliseconds is
// not looked at before.
func (r *Runtime) LastLimits() []resources.Level {
	i := r.incarnation()
	if i == nil {
		return nil
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.limits
}
