package harness

import (
	"context"
	"fmt"
	"time"

	"retain/runtime"
	"retain/service"
)

// System is a runtime with the deployment that it calls. It is reused from plan
// to plan; each plan has object keys of its own.
type System struct {
	Runtime runtime.Runtime
	// Control holds operations at gates and reports evidence.
	Control service.Control
	// Nonce is what this deployment's canary answers, and no other's.
	Nonce string
	// Shared lists the handlers that the deployment serves as shared, as
	// "Counter/get". Deploy fills it in.
	Shared []string
	// Deploy makes the deployment known to the runtime, whose ingress and admin
	// are up, and returns the shared handlers. It is called after the first
	// start, again if the server's addresses change meanwhile.
	Deploy func(ctx context.Context, ep runtime.Endpoints) (shared []string, err error)
	// Close ends the deployment, after the runtime was closed.
	Close func()

	up      bool // the runtime was started and not ended by us since
	plans   int  // plans that ran on it
	number  int  // in the session, from 1
	probed  bool // a prober notes when it answers
	served  []served
	unfit   bool // its last plan failed: nothing more is learnt from it
	retired string
	// confession is what the server said of itself so far, and last the run that
	// was judged last.
	confession confession
	last       *Run
}

// Open starts one system with these settings. It is the harness's only way to
// a runtime: what stands behind it is the backend's affair.
type Open func(ctx context.Context, s runtime.Settings) (*System, error)

// startBound bounds the first start of a system, the deployment included.
const startBound = 2 * time.Minute

// boot brings a fresh system up for the first time.
func (s *System) boot(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, startBound, fmt.Errorf("not up within %s", startBound))
	defer cancel()
	if err := s.Runtime.Start(ctx); err != nil {
		return fmt.Errorf("start the runtime: %w", err)
	}
	s.up = true
	if s.Deploy == nil {
		return nil
	}
	return s.deploy(ctx)
}

// shutdown ends the system and everything that it started.
func (s *System) shutdown(ctx context.Context) error {
	err := s.Runtime.Close(ctx)
	if s.Close != nil {
		s.Close()
	}
	if err != nil {
		return fmt.Errorf("close the runtime: %w", err)
	}
	return nil
}
