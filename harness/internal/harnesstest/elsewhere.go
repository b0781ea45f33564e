package harnesstest

import "retain/runtime"

// Elsewhere is a runtime whose addresses are another server's from a start on.
type Elsewhere struct {
	*Wired
	Other *Wired
	// From is the number of that start, from 1.
	From int32
}

// Endpoints are the other server's from that start on.
func (e *Elsewhere) Endpoints() runtime.Endpoints {
	if e.Starts.Load() >= e.From {
		return e.Other.Endpoints()
	}
	return e.Wired.Endpoints()
}
