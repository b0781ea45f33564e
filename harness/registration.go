package harness

import (
	"context"
	"errors"
	"fmt"
	"time"

	"retain/runtime"
)

// errEndedEarly is why a server that can't start is not waited for.
var errEndedEarly = errors.New("the server ended before it was up: mend what its last words name")

// deploy makes the deployment known to a server that comes up for the first
// time, at the addresses that it has by then: a port may turn out to be taken. It
// ends with the server.
func (s *System) deploy(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	if e, can := s.Runtime.(runtime.Exiter); can {
		go func() {
			select {
			case <-e.Exited():
				cancel(errEndedEarly)
			case <-ctx.Done():
			}
		}()
	}
	began := time.Now()
	go s.watchHandlers(ctx, func() time.Duration { return time.Since(began) }, func(time.Time) bool { return false }, cancel)
	looks := make(chan struct{})
	go func() {
		defer close(looks)
		s.watchLog(ctx, cancel)
	}()
	defer func() {
		cancel(nil)
		<-looks
	}()
	for {
		ep := s.Runtime.Endpoints()
		attempt, moved := context.WithCancelCause(ctx)
		go watchAddresses(attempt, s.Runtime, ep, moved)
		deployed, err := s.Deploy(attempt, ep)
		cause := context.Cause(attempt)
		moved(nil)
		switch {
		case err == nil:
			s.Contract, s.Probe, s.SDK = deployed.Contract, deployed.Probe, deployed.SDK
			return nil
		case errors.Is(cause, errEndedEarly):
			return fmt.Errorf("start the runtime: %w", s.refusedByEnd())
		case RefusalIn(cause) != nil:
			return fmt.Errorf("start the runtime: %w", cause)
		case !errors.Is(cause, errMoved):
			return fmt.Errorf("register the deployment: %w", err)
		}
	}
}
