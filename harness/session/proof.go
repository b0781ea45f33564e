package session

import (
	"time"

	"retain/harness"
	"retain/internal/printable"
)

// prove judges a session whose runs all passed: it says what it excludes, or what
// it lacks.
func (s *Result) prove(replay bool) {
	if s.Verdict != harness.Pass {
		return
	}
	if s.Undone != nil {
		s.Verdict, s.Missing, s.Because = harness.Vacuous, []string{s.SaysUndone()}, "retain did not start the process of the handlers"
		return
	}
	if replay {
		return
	}
	if s.Missing = s.Tally.Missing(); s.Missing != nil {
		s.Because = s.Tally.Because()
	}
	if lost := LostToKnown(s.Counts); lost != "" {
		s.Missing = append(s.Missing, lost)
		s.Because = "known findings took the others"
	}
	if s.Missing != nil {
		s.Verdict = harness.Vacuous
		return
	}
	s.Excludes = s.Tally.Excludes()
}

// SaysUndone says which faults were not done, "" for none.
func (s *Result) SaysUndone() string {
	if s.Undone == nil {
		return ""
	}
	return printable.List(s.Undone, "and") + ": not done to these handlers"
}

// available puts a run's spans on the session's clock.
func (s *session) available(sys *server, o *harness.Outcome) {
	s.mu.Lock()
	defer s.mu.Unlock()
	shift := o.Began().Sub(s.began)
	for _, a := range o.History.Availability {
		s.result.Availability = append(s.result.Availability,
			harness.Span{Runtime: sys.number, From: time.Duration(a.From) + shift, To: time.Duration(a.To) + shift, Up: a.Up})
	}
}
