package proxy

import "sync/atomic"

// Stats count what a proxy did since it started.
type Stats struct {
	// Streams of invocations, one per attempt.
	Streams uint64
	// Unread streams passed through without evidence or gates.
	Unread uint64
	// Holds of attempts at gates, and those that ended by the longest hold.
	Holds, Expired uint64
	// Cuts of streams.
	Cuts uint64
	// Unacknowledged holds after an effect: the runtime did not say in time
	// that the state commands are stored (in request/response mode it cannot).
	Unacknowledged uint64
	// Partial streams began without the object's state, and Asked counts the
	// commands with which handlers asked for some of it (from protocol version 4 on).
	Partial, Asked uint64
	// Suspended streams ended with a suspension.
	Suspended uint64
	// Closed streams are those on which the runtime sent no more before the handler
	// ended them: it sent its request whole (request/response mode), or wants the
	// invocation suspended.
	Closed uint64
}

type counters struct {
	streams, unread, holds, expired, cuts, unacknowledged atomic.Uint64
	partial, asked, suspended, closed                     atomic.Uint64
}

// Stats reads the counts.
func (p *Proxy) Stats() Stats {
	return Stats{
		Streams:        p.stats.streams.Load(),
		Unread:         p.stats.unread.Load(),
		Holds:          p.stats.holds.Load(),
		Expired:        p.stats.expired.Load(),
		Cuts:           p.stats.cuts.Load(),
		Unacknowledged: p.stats.unacknowledged.Load(),
		Partial:        p.stats.partial.Load(),
		Asked:          p.stats.asked.Load(),
		Suspended:      p.stats.suspended.Load(),
		Closed:         p.stats.closed.Load(),
	}
}
