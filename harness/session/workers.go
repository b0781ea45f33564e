package session

import (
	"context"
	"sync"

	"retain/harness"
)

// sideBySide has every worker do something, and waits for all of them. A worker that is
// through waits for the others.
func (s *session) sideBySide(ctx context.Context, do func(context.Context)) {
	var workers sync.WaitGroup
	for _, w := range s.watches {
		workers.Go(func() {
			ctx := harness.WithStopwatch(ctx, w)
			defer harness.EnterPart(ctx, harness.PartOther)()
			do(ctx)
		})
	}
	workers.Wait()
}

// workerTime is how the workers' time has divided so far.
func (s *session) workerTime() (t harness.WorkerTime) {
	for _, w := range s.watches {
		t.Add(harness.WorkerTime{Spent: w.Spent()})
	}
	t.Workers = len(s.watches)
	return t
}
