// Package poll waits for a condition that nothing announces.
package poll

import (
	"context"
	"time"

	"github.com/cenkalti/backoff/v5"
)

// Until makes attempts at a fixed rate, the first at once, until one returns nil or an
// error from [Stop]. If ctx ends first, it returns the context's cause; at least one
// attempt was made then.
func Until(ctx context.Context, every time.Duration, attempt func() error) error {
	_, err := backoff.Retry(ctx, func() (struct{}, error) { return struct{}{}, attempt() },
		backoff.WithBackOff(&rate{every: every, next: time.Now().Add(every)}), backoff.WithMaxElapsedTime(0))
	return err
}

// Stop returns an error that ends the wait: [Until] returns err.
func Stop(err error) error { return backoff.Permanent(err) }

// Sleep waits for some time. If ctx ends first, it returns the context's cause.
func Sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// rate is a [backoff.BackOff] that does not add the time which an attempt takes to the
// time between two attempts. Attempts that are due during another one are made up for
// by a single one.
type rate struct {
	every time.Duration
	next  time.Time
}

// Reset implements [backoff.BackOff].
func (r *rate) Reset() {}

// NextBackOff implements [backoff.BackOff].
func (r *rate) NextBackOff() time.Duration {
	wait := max(0, time.Until(r.next))
	missed := max(0, time.Since(r.next)/r.every)
	r.next = r.next.Add((missed + 1) * r.every)
	return wait
}
