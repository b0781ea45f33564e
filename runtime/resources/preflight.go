//go:build unix

package resources

import (
	"fmt"
	"net"
	"path/filepath"
	"syscall"
)

// Room returns an error of one line if there is no room for so many more servers: what
// there is, what they need, and what to do.
func Room(places []Place, n Need, servers int) error {
	var levels []Level
	for _, p := range places {
		if p.Ours {
			p.Path = existing(p.Path) // it will be made
		}
		levels = append(levels, p.levels(use{})...)
	}
	levels = append(levels, processLevels(nil, new(groups), true)...)
	for _, l := range levels {
		if lack := lackOf(l, n, servers); lack != nil {
			return lack
		}
	}
	return ports()
}

// Enough returns a [Lack] if a place's file system has less than a need.
func Enough(p Place, n Need) error {
	for _, l := range p.levels(use{}) {
		if need := n[l.Kind]; l.Kind == ReadOnly || l.Kind == Gone || need > l.Free {
			return &Lack{Level: l, Need: need}
		}
	}
	return nil
}

// Lack is a resource of which there is less than is needed.
type Lack struct {
	Level   Level
	Need    uint64
	Servers int
}

// Error is one line.
func (l *Lack) Error() string {
	who := fmt.Sprintf("%d servers need", l.Servers)
	if l.Servers <= 1 || l.Level.limits() {
		who = "a server needs"
	}
	if l.Level.Ours {
		who = "a session needs"
	}
	if l.Servers == 0 {
		who = "an installation needs"
	}
	do := remedy(l.Level.Kind, l.Level.Set)
	if l.Need == 0 {
		return fmt.Sprintf("%s: %s", l.Level, do)
	}
	return fmt.Sprintf("%s, and %s %s: %s", l.Level, who, l.Level.Kind.amount(l.Need), do)
}

// lackOf compares a level with a need. It is nil if there is enough.
func lackOf(l Level, n Need, servers int) error {
	if l.Kind == ReadOnly || l.Kind == Gone {
		return &Lack{Level: l, Servers: servers}
	}
	need := n.of(l.Kind, servers)
	if l.Ours {
		need = l.need(n)
	}
	if l.limits() && l.Size >= need || !l.limits() && l.Free >= need {
		return nil
	}
	l.Refused = 0 // before
	return &Lack{Level: l, Need: need, Servers: servers}
}

// Raise raises this process's soft limit of open files to the hard one, which the
// servers inherit: Go does so for itself alone.
func Raise() {
	var l syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l) != nil {
		return
	}
	l.Cur = l.Max
	_ = syscall.Setrlimit(syscall.RLIMIT_NOFILE, &l)
}

// ports reports whether there is a port of loopback to listen on.
func ports() error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("listen on a port of 127.0.0.1: %w: %s", err, remedies[Ports])
	}
	return l.Close()
}

// DataPlace is where a server's directory is made, beside others.
func DataPlace(dir string) Place { return Place{Role: "the data directory", Path: dir, Set: "TMPDIR"} }

// ArtifactsPlace is where histories and findings are kept.
func ArtifactsPlace(dir string) Place {
	if path, err := filepath.Abs(dir); err == nil {
		dir = path
	}
	return Place{Role: "the artifacts' directory", Path: dir, Ours: true}
}
