package session

import (
	"time"

	"retain/harness"
)

// prove judges a session whose runs all passed: it says what it excludes, or what
// it lacks.
func (s *Result) prove(replay bool) {
	if s.Verdict != harness.Pass || replay {
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
