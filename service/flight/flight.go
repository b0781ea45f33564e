// Package flight does faults to attempts of invocations on their way between a runtime and
// its handlers: what the endpoint proxy and the simulated runtime have in common.
package flight

import (
	"slices"
	"sync"
	"time"

	"retain/service"
)

// Attempt is one attempt in flight.
type Attempt interface {
	// Seen is how far it is: the reading is "" if its handler was not entered.
	Seen() service.Evidence
	// Cut breaks it. It must not block.
	Cut()
	// Delay is shut while nothing of it may pass.
	Delay() *Valve
}

// Flights are the attempts in flight, and the strikes that wait for others. The zero value
// has none. It is safe for concurrent use.
type Flights struct {
	mu      sync.Mutex
	all     []Attempt // in the order of their entries
	strikes []*strike
}

// strike is a strike that has attempts left to strike.
type strike struct {
	service.Strike
	left int
}

// Enter takes an attempt in. One for which a strike waits is struck.
func (f *Flights) Enter(a Attempt) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.all = append(f.all, a)
	for _, s := range f.strikes {
		s.hit(a)
	}
	f.strikes = slices.DeleteFunc(f.strikes, func(s *strike) bool { return s.left <= 0 })
}

// Leave forgets an attempt that is over.
func (f *Flights) Leave(a Attempt) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.all = slices.DeleteFunc(f.all, func(other Attempt) bool { return other == a })
}

// hit strikes an attempt, if the strike means it and it is not over but for its leave.
func (s *strike) hit(a Attempt) {
	seen := a.Seen()
	if s.left <= 0 || seen.Tag == "" || seen.Reading == service.Finished || !s.Matches(seen.Tag) {
		return
	}
	s.left--
	if s.Struck != nil {
		s.Struck(seen)
	}
	if s.Strike.Delay == 0 {
		a.Cut()
		return
	}
	time.AfterFunc(s.Strike.Delay, a.Delay().Shut())
}

// CutAll breaks every attempt in flight.
func (f *Flights) CutAll() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, a := range f.all {
		a.Cut()
	}
}

// Strike is [service.Control.Strike].
func (f *Flights) Strike(wanted service.Strike) (cancel func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := &strike{Strike: wanted, left: wanted.Attempts}
	for _, a := range f.all {
		s.hit(a)
	}
	if s.left > 0 {
		f.strikes = append(f.strikes, s)
	}
	return func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.strikes = slices.DeleteFunc(f.strikes, func(other *strike) bool { return other == s })
	}
}
