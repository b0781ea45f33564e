//go:build !linux

package process

import (
	"errors"
	"syscall"

	"retain/runtime/resources"
)

// GroupGone reports whether there is no process of the group.
func GroupGone(pgid int) bool { return errors.Is(syscall.Kill(-pgid, 0), syscall.ESRCH) }

// serversOf is not available on this platform: all of the group gets the signal.
func serversOf(int) []int { return nil }

// lastLimits is not available on this platform.
func lastLimits(int) []resources.Level { return nil }

// groupStopped is not available on this platform.
func groupStopped(int) bool { return true }

// members is not available on this platform.
func members(int) map[int]string { return nil }
