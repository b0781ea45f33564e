//go:build !linux

package child

import (
	"errors"
	"syscall"
	"time"
)

// Gone reports whether there is no process of the group.
func Gone(pgid int) bool { return errors.Is(syscall.Kill(-pgid, 0), syscall.ESRCH) }

// Stopped is not available on this platform.
func Stopped(int) bool { return true }

// Members is not available on this platform.
func Members(int) map[int]string { return nil }

// CPUTime is not available on this platform.
func CPUTime(int) time.Duration { return 0 }
