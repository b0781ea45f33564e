package harness

import (
	"context"
	"time"

	"retain/internal/poll"
)

// HandlersGone is the error of handlers that are gone. It says nothing about the runtime: what
// nobody handles can't finish.
type HandlersGone struct{ Why error }

// Error implements error.
func (g *HandlersGone) Error() string {
	return "the handlers under test do not answer any more: " + g.Why.Error()
}

// Unwrap returns why.
func (g *HandlersGone) Unwrap() error { return g.Why }

// handlerLooks are looks whether handlers are there.
type handlerLooks struct {
	// silence is for how long none has finished anything before one is looked for.
	silence time.Duration
	// between is the time between two looks. Two in a row have to fail: a fault may have ended,
	// or somebody may have started them again.
	between time.Duration
	// bound is for one look. Handlers that are slower may only have no time.
	bound time.Duration
}

var defaultLooks = handlerLooks{silence: 3 * time.Second, between: 2 * time.Second, bound: 5 * time.Second}

// watchHandlers calls gone once the handlers of others are gone: their process has ended by
// itself, or nobody listens. silent reports for how long none has finished anything, kept
// whether a fault has kept them from their work since a time. It ends with ctx.
func (s *System) watchHandlers(ctx context.Context, silent func() time.Duration, kept func(time.Time) bool, gone context.CancelCauseFunc) {
	if s.Alive == nil {
		return
	}
	looks := defaultLooks
	if s.looks != (handlerLooks{}) {
		looks = s.looks
	}
	for failed := 0; ; {
		if poll.Sleep(ctx, looks.between) != nil {
			return
		}
		if silent() < looks.silence {
			failed = 0
			continue
		}
		why := s.lookAtHandlers(ctx, looks.bound, kept)
		switch failed++; {
		case why == nil:
			failed = 0
		case failed == 2:
			gone(&HandlersGone{why})
			return
		}
	}
}

// lookAtHandlers says why handlers are gone, nil if they are there, or if nobody can say.
func (s *System) lookAtHandlers(ctx context.Context, bound time.Duration, kept func(time.Time) bool) error {
	began := time.Now()
	ctx, cancel := context.WithTimeout(ctx, bound)
	defer cancel()
	err := s.Alive(ctx)
	if ctx.Err() != nil || kept(began) {
		return nil
	}
	return err
}

// watchHandlers fails the run if the handlers of others are gone, until the returned function
// is called.
func (r *run) watchHandlers(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	began := time.Now()
	silent := func() time.Duration {
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.finished.After(began) {
			return time.Since(r.finished)
		}
		return time.Since(began)
	}
	go r.sys.watchHandlers(ctx, silent, r.disturbedSince, r.fail)
	return cancel
}
