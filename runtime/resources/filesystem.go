//go:build unix

package resources

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// readOnlyFlag is ST_RDONLY of Linux and MNT_RDONLY of the BSDs.
const readOnlyFlag = 1

// Place is a directory that a session writes to.
type Place struct {
	// Role is what it is for: "the data directory". Set is the variable that names
	// it, "" for none.
	Role, Path, Set string
	// Ours is true if this process writes there, not the server.
	Ours bool
}

// levels are those of the place's file system: space, inodes where it has a fixed
// number of them, and whether it is read-only or gone. used is what the server has
// there. A file system that can't be looked at has none.
func (p Place) levels(used use) []Level {
	var st unix.Statfs_t
	err := unix.Statfs(p.Path, &st)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENOTCONN) || errors.Is(err, unix.ESTALE) {
		return []Level{{Kind: Gone, Of: p.Role + " (" + p.Path + ")", Set: p.Set, Ours: p.Ours}}
	}
	if err != nil {
		return nil
	}
	of := p.fileSystem()
	block := uint64(st.Bsize)
	out := []Level{{Kind: Space, Of: of, Free: st.Bavail * block, Size: st.Blocks * block, Used: used.Bytes, Set: p.Set, Ours: p.Ours}}
	if st.Files > 0 { // btrfs and others make them as they need them
		out = append(out, Level{Kind: Inodes, Of: of, Free: st.Ffree, Size: st.Files, Used: used.Files, Set: p.Set, Ours: p.Ours})
	}
	if st.Flags&readOnlyFlag != 0 {
		out = append(out, p.readOnly())
	}
	return out
}

// readOnly is the level of a file system that takes no writes.
func (p Place) readOnly() Level {
	return Level{Kind: ReadOnly, Of: p.fileSystem(), Set: p.Set, Ours: p.Ours}
}

func (p Place) fileSystem() string { return p.Role + "'s file system (" + p.Path + ")" }

// use is what a directory takes of its file system.
type use struct{ Bytes, Files uint64 }

// useOf adds up the blocks and the inodes below a directory. What vanishes meanwhile
// is left out.
func useOf(dir string) use {
	var u use
	_ = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil {
			return nil
		}
		info, err := d.Info()
		if err != nil {
			return nil
		}
		u.Files++
		if st, ok := info.Sys().(*syscall.Stat_t); ok {
			u.Bytes += uint64(st.Blocks) * 512
		}
		return nil
	})
	return u
}

// existing is the place, or the directory above it that is there already.
func existing(path string) string {
	for {
		if _, err := os.Stat(path); err == nil || filepath.Dir(path) == path {
			return path
		}
		path = filepath.Dir(path)
	}
}
