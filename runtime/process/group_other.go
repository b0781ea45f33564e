//go:build !linux

package process

import (
	"errors"
	"syscall"
)

// groupGone reports whether there is no process of the group.
func groupGone(pgid int) bool { return errors.Is(syscall.Kill(-pgid, 0), syscall.ESRCH) }

// serversOf can't be told here: all of the group gets the signal.
func serversOf(int) []int { return nil }

// groupStopped can't be told here.
func groupStopped(int) bool { return true }
