package session

import (
	"context"
	"errors"
	"fmt"
	"time"

	"retain/harness"
	"retain/internal/poll"
	"retain/runtime"
	"retain/runtime/ingress"
	"retain/service"
)

// planTime is what a plan is thought to take when a session's length is a number
// of plans.
const planTime = 3 * time.Second

// errTooShort is what to do where answers are not kept for long enough. It is no fault of the
// server: its log has nothing to say about it.
var errTooShort = errors.New("make its idempotency retention longer, or the session shorter")

// expected is how long the session will take.
func (o Options) expected() time.Duration {
	if o.Plans == 0 {
		return o.Time
	}
	return time.Duration(o.Plans) * planTime / time.Duration(max(1, o.Workers))
}

// accept makes sure that a system which was just started is ours and keeps the
// answers under idempotency keys for longer than the session: what is sent again
// later would run again, by its configuration.
func (s *session) accept(ctx context.Context, sys *server) error {
	ctx, cancel := context.WithTimeoutCause(ctx, harness.StartBound, fmt.Errorf("not told within %s", harness.StartBound))
	defer cancel()
	ep := sys.Runtime.Endpoints()
	kept, whose, err := retention(ctx, ep, sys.Contract)
	if wrong := ingress.CheckServer(ctx, ep, sys.Runtime.Identity()); errors.Is(wrong, ingress.ErrWrongServer) {
		return wrong
	}
	if err != nil {
		return fmt.Errorf("ask how long answers are kept under their idempotency keys: %w", err)
	}
	if need := s.expected(); kept <= need {
		return fmt.Errorf("%s keeps the answers under idempotency keys for %s, and the session may take %s: %w",
			whose, kept, need, errTooShort)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.opened++
	sys.number, sys.Probed = s.opened, true
	if s.kept == 0 || kept < s.kept {
		s.kept = kept
	}
	return nil
}

// retention asks until there is an answer: the admin API of a server may come up
// after its ingress.
func retention(ctx context.Context, ep runtime.Endpoints, contract service.Contract) (kept time.Duration, whose string, err error) {
	ended := poll.Until(ctx, ingress.PollInterval, func() error {
		kept, whose, err = ingress.Retention(ctx, ep, contract)
		return err
	})
	if ended != nil {
		return 0, "", fmt.Errorf("%w (last answer: %w)", ended, err)
	}
	return kept, whose, nil
}

// outlasted reports with an error that the session takes longer than answers are
// kept: then nothing can be said of its re-sends.
func (s *session) outlasted() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if took := time.Since(s.began); s.kept > 0 && took >= s.kept {
		return fmt.Errorf("the session took %s, and answers are kept under their idempotency keys for %s: what was sent again may have run again", took.Round(time.Second), s.kept)
	}
	return nil
}
