package harness

import (
	"context"
	"errors"
	"fmt"
	"time"

	"retain/runtime"
	"retain/runtime/ingress"
)

// recogniseBound bounds the question who answers.
const recogniseBound = 5 * time.Second

// recognise asks whether the server at our addresses is the one that we started:
// another one, on a port that was ours, is ready in no time and has kept nothing,
// or is never ready. The error of the wait stays unless it is another's, or a canary was
// answered with what none gives.
func (r *run) recognise(ctx context.Context, waited error) error {
	switch {
	case errors.Is(waited, ingress.ErrWrongServer), errors.Is(waited, context.Canceled):
		return waited
	case errors.Is(waited, ingress.ErrMixedUp):
		return r.spoiled(ctx, waited)
	}
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), recogniseBound)
	defer cancel()
	if waited == nil {
		stop := context.AfterFunc(ctx, cancel) // the next fault does not wait for it
		defer stop()
	}
	err := ingress.CheckServer(bounded, r.sys.Runtime.Endpoints(), r.identity)
	if errors.Is(err, ingress.ErrWrongServer) {
		return err
	}
	return waited
}

// spoiled decides whose fault an answer is that no canary gives. It is a violation if
// the server that we started gave it, which answers the canary when it is asked again.
func (r *run) spoiled(ctx context.Context, answer error) error {
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), recogniseBound)
	defer cancel()
	ep := r.sys.Runtime.Endpoints()
	client := ingress.New(ep)
	defer client.Close()
	err := client.Ask(bounded, r.id, r.sys.Nonce)
	if err == nil {
		err = ingress.CheckServer(bounded, ep, r.identity)
	}
	switch {
	case err == nil:
		return &Liveness{
			Guarantee: "a call is answered with its own answer", Timeless: true,
			Detail: fmt.Sprintf("%v, and with its nonce when it was asked again", answer),
		}
	case errors.Is(err, ingress.ErrWrongServer):
		return err
	}
	return fmt.Errorf("%w, and it is not known by whom: %w", answer, err)
}

// recogniseInterval is how often a server that is not ready is asked who it is.
// One that is ready sooner is asked then.
const recogniseInterval = 2 * time.Second

// watchServer ends a wait for a server that is not the one that we started.
func (r *run) watchServer(ctx context.Context, ep runtime.Endpoints, wrong context.CancelCauseFunc) {
	tick := time.NewTicker(recogniseInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		bounded, cancel := context.WithTimeout(ctx, recogniseBound)
		err := ingress.CheckServer(bounded, ep, r.identity)
		cancel()
		if errors.Is(err, ingress.ErrWrongServer) {
			wrong(err)
		}
	}
}

// planTime is what a plan is thought to take when a session's length is a number
// of plans.
const planTime = 3 * time.Second

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
func (s *session) accept(ctx context.Context, sys *System) error {
	ctx, cancel := context.WithTimeoutCause(ctx, startBound, fmt.Errorf("not told within %s", startBound))
	defer cancel()
	ep := sys.Runtime.Endpoints()
	kept, whose, err := retention(ctx, ep)
	if wrong := ingress.CheckServer(ctx, ep, sys.Runtime.Identity()); errors.Is(wrong, ingress.ErrWrongServer) {
		return wrong
	}
	if err != nil {
		return fmt.Errorf("ask how long answers are kept under their idempotency keys: %w", err)
	}
	if need := s.expected(); kept <= need {
		return fmt.Errorf("%s keeps the answers under idempotency keys for %s, and the session may take %s: make its idempotency retention longer, or the session shorter",
			whose, kept, need)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.opened++
	sys.number, sys.probed = s.opened, true
	if s.kept == 0 || kept < s.kept {
		s.kept = kept
	}
	return nil
}

// retention asks until there is an answer: the admin API of a server may come up
// after its ingress.
func retention(ctx context.Context, ep runtime.Endpoints) (kept time.Duration, whose string, err error) {
	tick := time.NewTicker(ingress.PollInterval)
	defer tick.Stop()
	for {
		if kept, whose, err = ingress.Retention(ctx, ep); err == nil {
			return kept, whose, nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return 0, "", fmt.Errorf("%w (last answer: %w)", context.Cause(ctx), err)
		}
	}
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
