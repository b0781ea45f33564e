package leftovers

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
)

// errHeld is returned by tryLock for a lock that another process, or another
// part of this one, holds.
var errHeld = errors.New("the lock is held by another session")

// lockPoll is the time between two tries for a lock that is held: flock can
// wait for it, but not be called off.
const lockPoll = 50 * time.Millisecond

// tryLock takes the lock on the file if nobody holds it. The lock belongs to the
// returned file and ends with it. Children do not inherit it: Go opens files
// close-on-exec.
func tryLock(path string, flag int) (*os.File, error) {
	f, err := os.OpenFile(path, flag, 0o644)
	if err != nil {
		return nil, err
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if err == nil {
		return f, nil
	}
	_ = f.Close()
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return nil, errHeld
	}
	return nil, fmt.Errorf("lock %s: %w", path, err)
}

// Lock takes the lock on the file, which it makes if need be, and waits while
// another session holds it, at most until ctx is done; waiting is called once,
// before the first wait, and may be nil. Call the returned function to let go.
func Lock(ctx context.Context, path string, waiting func()) (release func(), err error) {
	tick := time.NewTicker(lockPoll)
	defer tick.Stop()
	for {
		f, err := tryLock(path, os.O_RDWR|os.O_CREATE)
		if err == nil {
			return func() { _ = f.Close() }, nil
		}
		if !errors.Is(err, errHeld) {
			return nil, err
		}
		if waiting != nil {
			waiting()
			waiting = nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil, fmt.Errorf("lock %s: %w: %w", path, err, context.Cause(ctx))
		}
	}
}
