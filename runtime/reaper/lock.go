package reaper

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/gofrs/flock"
)

// errHeld is returned by tryLock for a lock that another process, or another
// part of this one, holds.
var errHeld = errors.New("the lock is held by another session")

// lockPoll is the time between two tries for a lock that is held: flock(2) can
// wait for it, but not be called off.
const lockPoll = 50 * time.Millisecond

// lockOn is a lock on the file, not taken yet. It is flock(2)'s, which ends with the
// process; fcntl(2)'s would also end when any part of the process closes the file.
// Children do not inherit it: Go opens files close-on-exec.
func lockOn(path string, flag int) *flock.Flock {
	return flock.New(path, flock.SetFlag(flag|os.O_RDWR), flock.SetPermissions(0o644))
}

// tryLock takes the lock on the file unless it is held. The file must exist, or the
// error is [fs.ErrNotExist], unless flag has [os.O_CREATE].
func tryLock(path string, flag int) (*flock.Flock, error) {
	lock := lockOn(path, flag)
	taken, err := lock.TryLock()
	switch {
	case err != nil:
		return nil, fmt.Errorf("lock %s: %w", path, err)
	case !taken:
		return nil, errHeld
	}
	if err := stillAt(lock); err != nil {
		_ = lock.Close()
		return nil, err
	}
	return lock, nil
}

// stillAt returns an error, [fs.ErrNotExist] if there is none, unless the locked
// file is the one at the lock's path: between the opening of the file and its lock
// another session may have renamed its directory or removed it.
func stillAt(lock *flock.Flock) error {
	locked, err := lock.Stat()
	if err != nil {
		return fmt.Errorf("lock %s: %w", lock.Path(), err)
	}
	there, err := os.Stat(lock.Path())
	if err == nil && !os.SameFile(locked, there) {
		err = fs.ErrNotExist
	}
	if err != nil {
		return fmt.Errorf("lock %s: it was replaced: %w", lock.Path(), err)
	}
	return nil
}

// Lock takes the lock on the file, which it makes if need be, and waits while
// another session holds it, at most until ctx is done; waiting is called once,
// before the first wait, and may be nil. Call the returned function to let go.
func Lock(ctx context.Context, path string, waiting func()) (release func(), err error) {
	lock := lockOn(path, os.O_CREATE)
	release = func() { _ = lock.Close() }
	taken, err := lock.TryLock()
	if err == nil && !taken {
		if waiting != nil {
			waiting()
		}
		taken, err = lock.TryLockContext(ctx, lockPoll)
	}
	switch {
	case taken:
		return release, nil
	case ctx.Err() != nil && errors.Is(err, ctx.Err()):
		return nil, fmt.Errorf("lock %s: %w: %w", path, errHeld, context.Cause(ctx))
	}
	return nil, fmt.Errorf("lock %s: %w", path, err)
}
