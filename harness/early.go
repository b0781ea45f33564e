package harness

import (
	"fmt"
	"time"
)

// EarlyStop ends executions before their bounds have passed: those of a reduction, where the
// first failure was a stuck operation, and those that show a known one. The zero value never
// does.
type EarlyStop struct {
	// Like reports whether a call that is stuck ends an execution: in a reduction, if it is
	// stuck in the way of the first failure. nil for none.
	Like func(Culprit) bool
	// Operation is the bound of an operation of the program, 0 for the usual one: after that
	// the rest of the program is left out, and the reads after the heal distinguish stuck
	// from slow.
	Operation time.Duration
	// Retries is how often the same call must fail in the same way once more.
	Retries int
	// Unchanged is for how long the key must not move on where no call fails; 0 is for ever.
	Unchanged time.Duration
	// CountOnly lets the whole bound count all the same: [Outcome].EarlySigns has the
	// signs.
	CountOnly bool
}

// sign is by which sign an operation is stuck before its whole bound has passed, "" for
// none.
func (h EarlyStop) sign(t *keyProgress, now time.Time, held *Holding) string {
	if h.Like == nil || !h.Like(held.Culprit()) {
		return ""
	}
	f := &t.failing
	switch {
	case len(f.ways) > mostWays && f.again() >= h.Retries:
		return fmt.Sprintf("the same call failed with other words each time, %d times more", h.Retries)
	case len(f.ways) > 0 && f.again() >= h.Retries:
		return fmt.Sprintf("the same call failed in the same way %d times more", h.Retries)
	case len(f.ways) == 0 && h.Unchanged > 0 && now.Sub(t.since) >= h.Unchanged:
		return fmt.Sprintf("the key did not move on for %s", h.Unchanged.Round(time.Millisecond))
	}
	return ""
}

// program is the bound of an operation of the program.
func (b Bounds) program() time.Duration {
	if b.Early.Operation > 0 {
		return b.Early.Operation
	}
	return b.Completion
}
