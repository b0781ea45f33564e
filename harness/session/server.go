package session

import (
	"context"
	"errors"
	"fmt"
	"os"

	"retain/harness"
)

// server is a system in a session.
type server struct {
	*harness.System
	number int          // in the session, from 1
	last   *harness.Run // the run that was judged last
	served []served     // the plans that passed
	unfit  bool         // its last plan failed: its ledger would show nothing new
}

// served is a plan that passed on a server. Its history waits on disk until the ledger
// reads what the plan left.
type served struct {
	number  int
	outcome harness.Outcome // without its history
}

// close ends the server for good.
func (s *server) close(ctx context.Context) error {
	defer harness.EnterPart(ctx, harness.PartClosing)()
	return s.Shutdown(ctx)
}

// judged takes in the last run on the server, by its id. One that violated is not used again;
// a plan that passed is kept for the ledger.
func (s *server) judged(r harness.Run, id string) {
	s.last = &r
	s.unfit = r.Verdict == harness.Violation || r.Verdict == harness.Harness
	switch r.Verdict {
	case harness.Violation:
		s.Retired = "it violated in run " + id
	case harness.Known:
		s.Retired = "it showed a known finding in run " + id
	case harness.Pass:
		kept := *r.Outcome
		kept.History = nil
		s.served = append(s.served, served{number: r.Number, outcome: kept})
	}
}

// forget removes the histories that no finding has taken.
func (s *server) forget() error {
	var errs []error
	for _, v := range s.served {
		if err := os.Remove(v.outcome.Path); err != nil && !errors.Is(err, os.ErrNotExist) {
			errs = append(errs, fmt.Errorf("remove a history that passed: %w", err))
		}
	}
	s.served = nil
	return errors.Join(errs...)
}

// objects is how many objects the plans left behind.
func objects(all []served) int {
	n := 0
	for _, v := range all {
		n += len(harness.Objects(v.outcome.Plan))
	}
	return n
}
