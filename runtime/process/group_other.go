//go:build !linux

package process

import "retain/runtime/resources"

// serversOf is not available on this platform: all of the group gets the signal.
func serversOf(int) []int { return nil }

// lastLimits is not available on this platform.
func lastLimits(int) []resources.Level { return nil }
