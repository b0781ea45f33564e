package reaper

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Swept counts what a sweep did.
type Swept struct {
	// Sessions that had died and are gone now, with all that was theirs.
	Sessions int
	// Live sessions beside this one: not touched.
	Live int
	// Deferred sessions had died, but not all that was theirs could be removed,
	// for example because their Docker daemon does not answer. A later sweep
	// tries again.
	Deferred int
	// What was removed.
	Processes, Containers, Volumes, Dirs int
}

// Removed reports whether the sweep found anything to remove.
func (s Swept) Removed() bool { return s.Processes+s.Containers+s.Volumes+s.Dirs > 0 }

// String prints, for example, "leftovers removed: 1 process, 0 containers,
// 0 volumes, 2 directories (sessions: 1 dead, 1 alive, 0 deferred)".
func (s Swept) String() string {
	return fmt.Sprintf("leftovers removed: %s, %s, %s, %s (sessions: %d dead, %d alive, %d deferred)",
		count(s.Processes, "process", "processes"), count(s.Containers, "container", "containers"),
		count(s.Volumes, "volume", "volumes"), count(s.Dirs, "directory", "directories"),
		s.Sessions, s.Live, s.Deferred)
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// unfinished is how old a session under construction must be to count as
// abandoned: making one takes milliseconds.
const unfinished = time.Minute

// Sweep removes what dead sessions left behind and leaves live ones alone. Call
// it at the start of a session. What could not be removed is in the error and
// is tried again by the next sweep; the counts hold in any case.
func Sweep(ctx context.Context) (Swept, error) {
	cache, err := CacheDir()
	if err != nil {
		return Swept{}, err
	}
	own := ""
	if me, err := Session(); err == nil {
		own = me.ID()
	}
	return sweep(ctx, filepath.Join(cache, "sessions"), own)
}

func sweep(ctx context.Context, sessions, own string) (Swept, error) {
	var done Swept
	entries, err := os.ReadDir(sessions)
	if errors.Is(err, fs.ErrNotExist) {
		return done, nil
	}
	if err != nil {
		return done, fmt.Errorf("look for leftovers: %w", err)
	}
	var errs []error
	for _, entry := range entries {
		name, dir := entry.Name(), filepath.Join(sessions, entry.Name())
		switch {
		case name == own || !entry.IsDir():
		case strings.HasPrefix(name, newPrefix):
			removeUnfinished(dir, entry)
		case strings.HasPrefix(name, gonePrefix):
			_ = os.RemoveAll(dir)
		default:
			errs = append(errs, sweepSession(ctx, sessions, name, &done))
		}
	}
	return done, errors.Join(errs...)
}

// removeUnfinished removes a session whose owner died while it was made.
func removeUnfinished(dir string, entry fs.DirEntry) {
	if info, err := entry.Info(); err != nil || time.Since(info.ModTime()) < unfinished {
		return
	}
	lock, err := tryLock(filepath.Join(dir, lockFile), 0)
	if errors.Is(err, errHeld) {
		return
	}
	if err == nil {
		defer lock.Close()
	}
	_ = os.RemoveAll(dir)
}

// sweepSession removes the session if its lock can be taken. The lock is held
// meanwhile, so that of two sweeps one does the work.
func sweepSession(ctx context.Context, sessions, id string, done *Swept) error {
	dir := filepath.Join(sessions, id)
	lock, err := tryLock(filepath.Join(dir, lockFile), 0)
	if errors.Is(err, errHeld) {
		done.Live++
		return nil
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil // another sweep removed it this moment
	}
	if err != nil {
		return fmt.Errorf("look at session %s: %w", id, err)
	}
	defer lock.Close()
	if err := removeOwned(ctx, dir, id, done); err != nil {
		done.Deferred++
		return fmt.Errorf("remove the leftovers of session %s: %w", id, err)
	}
	done.Sessions++
	gone := filepath.Join(sessions, gonePrefix+id)
	if err := os.Rename(dir, gone); err != nil {
		return fmt.Errorf("forget session %s: %w", id, err)
	}
	return os.RemoveAll(gone)
}

// removeOwned removes processes before the directories they write to.
func removeOwned(ctx context.Context, dir, id string, done *Swept) error {
	all, err := readOwned(dir)
	if err != nil {
		return fmt.Errorf("read what it owned: %w", err)
	}
	killed, err := killProcesses(ctx, id, all)
	done.Processes += killed
	errs := []error{err}
	for _, what := range all {
		switch what.Kind {
		case kindDir:
			removed, err := removeDir(what.Path, id)
			if removed {
				done.Dirs++
			}
			errs = append(errs, err)
		case kindDocker:
			containers, volumes, err := removeDocker(ctx, what.Host, id)
			done.Containers += containers
			done.Volumes += volumes
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// removeDir removes a recorded directory if its marker says that it is the
// session's, or if it is empty: its owner died before it wrote the marker.
func removeDir(path, id string) (bool, error) {
	marker, err := os.ReadFile(filepath.Join(path, markerFile))
	if errors.Is(err, fs.ErrNotExist) {
		return os.Remove(path) == nil, nil
	}
	if err != nil {
		return false, err
	}
	if string(marker) != id {
		return false, nil
	}
	return true, os.RemoveAll(path)
}
