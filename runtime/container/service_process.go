package container

import (
	"context"
	"fmt"
	"time"

	"retain/internal/poll"
	"retain/service"
)

const (
	// listenBound is how long handlers that were started again may take until they listen.
	listenBound = time.Minute
	// portAgain is the time between two starts of a container whose port is not free yet, and
	// portBound how long that may take.
	portAgain = 100 * time.Millisecond
	portBound = 5 * time.Second
)

// Restart implements [service.Process]: SIGKILL, and a start. On the same address it is the
// same container, on another one another container of the image.
func (s *Service) Restart(ctx context.Context, anotherAddress bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return fmt.Errorf("start the container of %s again: it is closed", s.image)
	}
	if err := s.kill(ctx); err != nil {
		return err
	}
	start := s.startAgain
	if anotherAddress {
		start = s.startElsewhere
	}
	err := start(ctx)
	if err == nil {
		err = s.awaitListening(ctx)
	}
	s.failed = nil
	if err != nil {
		s.failed = fmt.Errorf("start the container of %s again: %s", s.image, firstLine(err))
	}
	return s.failed
}

// kill ends the container by SIGKILL, and returns when nothing of it runs. The error is that
// it had ended by itself. The caller holds the lock.
func (s *Service) kill(ctx context.Context) error {
	if err := s.ended(); err != nil || s.last == nil || s.last.Over() {
		return err
	}
	ctx, cancel := withinBound(ctx)
	defer cancel()
	if err := s.last.Kill(ctx); err != nil {
		return fmt.Errorf("kill the container of %s: %s", s.image, firstLine(err))
	}
	select {
	case <-s.last.Done():
	case <-ctx.Done():
		return fmt.Errorf("wait for the end of the container of %s: %w", s.image, context.Cause(ctx))
	}
	if !s.last.Exit().Killed { // a moment before
		return s.ended()
	}
	s.killed = true
	return nil
}

// startAgain starts the container on its port.
func (s *Service) startAgain(ctx context.Context) error {
	ctx, cancel := withinBound(ctx)
	defer cancel()
	trying, stop := context.WithTimeout(ctx, portBound)
	defer stop()
	var last error
	if err := poll.Until(trying, portAgain, func() error {
		last = s.run(ctx)
		return last
	}); err != nil {
		return last
	}
	return nil
}

// awaitListening waits until the handlers answer, or the container ends.
func (s *Service) awaitListening(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, listenBound, fmt.Errorf("not within %s", listenBound))
	defer cancel()
	return poll.Until(ctx, portAgain, func() error {
		if err := s.ended(); err != nil {
			return poll.Stop(err)
		}
		return service.Backend{URL: s.url("")}.Answers(ctx)
	})
}

// freezeBound is the longest that Docker may take to freeze or thaw a container.
const freezeBound = 10 * time.Second

// Freeze implements [service.Process] by docker pause.
func (s *Service) Freeze() error { return s.gate("freeze", (*incarnation).Pause) }

// Thaw implements [service.Process].
func (s *Service) Thaw() error { return s.gate("thaw", (*incarnation).Resume) }

// gate freezes or thaws the container. One that has ended by itself is named instead.
func (s *Service) gate(what string, do func(*incarnation, context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), freezeBound)
	defer cancel()
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.ended(); err != nil {
		return err
	}
	if err := do(s.last, ctx); err != nil {
		if ended := s.ended(); ended != nil {
			return ended
		}
		return fmt.Errorf("%s the container of %s: %s", what, s.image, firstLine(err))
	}
	return nil
}
