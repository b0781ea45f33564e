package harness

import (
	"context"
	"fmt"
	"time"
)

// drainBound is what a graceful stop may take, with some room.
const drainBound = 2 * time.Minute

// watchdog fails the run if nothing is recorded for longer than any of its waits can
// take: a defect of this harness becomes an error instead of a hang.
func (r *run) watchdog(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	silence := 2*(r.bounds.Recovery+r.bounds.Completion) + drainBound
	go func() {
		tick := time.NewTicker(silence)
		defer tick.Stop()
		for last := int64(-1); ; {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			r.rec.mu.Lock()
			now := r.rec.seq
			r.rec.mu.Unlock()
			if now == last {
				r.fail(fmt.Errorf("nothing happened for %s: a defect of retain; please report it with the plan and the history", silence))
				return
			}
			last = now
		}
	}()
	return cancel
}
