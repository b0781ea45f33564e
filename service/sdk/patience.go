package sdk

import (
	"context"
	"fmt"
	"time"

	"retain/internal/poll"
	"retain/runtime/child"
)

// patience is how long a service may take until it listens and answers.
type patience struct {
	// usual is for one that hangs, or a machine that has time for it: a service takes less than
	// a second of a processor.
	usual time.Duration
	// most is for one that the machine has no time for: it has had less than enough of
	// a processor, and still gets more than a share of one between two looks.
	most, enough, look time.Duration
	share              float64
}

var startPatience = patience{usual: 30 * time.Second, most: 2 * time.Minute, enough: 10 * time.Second, look: 5 * time.Second, share: 0.02}

// wait returns a context that ends when the patience with a process group does.
func (p patience) wait(ctx context.Context, pgid int) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	go func() {
		waited, had := p.usual-p.look, time.Duration(0)
		if poll.Sleep(ctx, waited) != nil {
			return
		}
		for had = child.CPUTime(pgid); poll.Sleep(ctx, p.look) == nil; {
			waited += p.look
			now := child.CPUTime(pgid)
			starved := now < p.enough && float64(now-had) > p.share*float64(p.look)
			if !starved || waited >= p.most {
				cancel(fmt.Errorf("it did not within %s", waited))
				return
			}
			had = now
		}
	}()
	return ctx, func() { cancel(nil) }
}
