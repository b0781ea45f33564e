package harness

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"retain/generators"
	"retain/model"
	"retain/service"
)

// serviceBefore brings a service back that a fault keeps away, before the server is started
// or stopped: without its handlers no server gets ready, and a stop would wait for them as
// long as it may.
func (r *run) serviceBefore(ctx context.Context, k model.FaultKind) error {
	if !k.Starts() && !k.Spec().Drains {
		return nil
	}
	r.mu.Lock()
	undo := r.service.Undo()
	r.mu.Unlock()
	if undo == "" {
		return nil
	}
	return r.inject(ctx, generators.Inject{Fault: undo}, func() {})
}

// disturb does a fault to the service that lasts until the returned function ends it, nil for
// one that is over at once.
func (r *run) disturb(f generators.Inject, pass func(), do func() (end func() error, err error)) error {
	if err := r.faultBegan(f); err != nil {
		return err
	}
	r.update(func() { r.disturbing = true })
	end, err := do()
	r.update(func() {
		r.disturbing, r.disturbed = false, time.Now()
		if err == nil {
			pass()
			r.service, r.endService = f.Fault.Spec().To, end
		}
	})
	if err != nil {
		return err
	}
	return r.faultEnded(endOf(f))
}

// restore ends the fault that keeps the service away.
func (r *run) restore(_ context.Context, f generators.Inject, pass func()) error {
	if err := r.faultBegan(f); err != nil {
		return err
	}
	r.mu.Lock()
	end := r.endService
	r.endService = nil
	r.mu.Unlock()
	if err := end(); err != nil {
		return err
	}
	r.update(func() {
		pass()
		r.service, r.disturbed = ready, time.Now()
	})
	return r.faultEnded(endOf(f))
}

// without notes a fault that can't be done here.
func (r *run) without(f generators.Inject, pass func(), why string) error {
	r.update(func() {
		pass()
		r.undone = append(r.undone, f.Fault)
	})
	r.rec.note("step %d, %s: %s", f.ID, f.Fault, why)
	return nil
}

// process does a fault to the process of the service, where the suite started one.
func (r *run) process(f generators.Inject, pass func(), do func(service.Process) (end func() error, err error)) error {
	if r.sys.Service == nil {
		return r.without(f, pass, "retain did not start the service's process")
	}
	return r.disturb(f, pass, func() (func() error, error) { return do(r.sys.Service) })
}

// lastDisturbed is when the service was last kept from its work: now while it is, the zero
// time for never.
func (r *run) lastDisturbed() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.service != ready || r.disturbing {
		return time.Now()
	}
	return r.disturbed
}

// disturbedSince reports whether the service was kept from its work at a time or later: an
// attempt that was sent then, and had no answer within its bound, says nothing.
func (r *run) disturbedSince(sent time.Time) bool { return r.lastDisturbed().After(sent) }

// leaveService ends all that the run still does to the service: other runs need it.
func (r *run) leaveService() {
	r.endStrikes()
	r.mu.Lock()
	end := r.endService
	r.service, r.endService = ready, nil
	r.mu.Unlock()
	if end == nil {
		return
	}
	if err := end(); err != nil {
		r.fail(fmt.Errorf("bring the service back: %w", err))
	}
}

// attemptStrike is a fault that is done to attempts, until it has struck as many as it is to.
type attemptStrike struct {
	run    *run
	ended  model.FaultEnded
	cancel func()

	mu   sync.Mutex
	left int
}

// strike does a fault to attempts: to that of the operation which the trigger names, to those
// of the load, or to the next one of the program. A delay of 0 cuts them.
func (r *run) strike(f generators.Inject, pass func(), delay time.Duration) error {
	if err := r.faultBegan(f); err != nil {
		return err
	}
	matches, attempts := r.attemptsOf(f)
	s := &attemptStrike{run: r, ended: endOf(f), left: attempts, cancel: func() {}}
	cancel := r.sys.Control.Strike(service.Strike{Matches: matches, Attempts: attempts, Delay: delay, Struck: s.hit})
	s.mu.Lock()
	s.cancel = cancel
	waits := s.left > 0
	s.mu.Unlock()
	r.update(func() {
		pass()
		r.disturbed = time.Now()
		if waits {
			r.strikes = append(r.strikes, s)
		}
	})
	return nil
}

// attemptsOf says which operations a fault of attempts is for, by their tags, and how many of
// their attempts it strikes.
func (r *run) attemptsOf(f generators.Inject) (matches func(tag string) bool, attempts int) {
	step := 0
	switch t := f.When.(type) {
	case generators.WhileOpen:
		step = t.Step
	case generators.AtGate:
		step = t.Step
	case generators.InFlight:
		const share = 4 // of those that are in flight
		return func(tag string) bool { return strings.HasPrefix(tag, r.named(loadPrefix)) }, 1 + t.Operations/share
	}
	if r.ops[step] != nil {
		return func(tag string) bool { return tag == r.tag(step) }, 1
	}
	return func(tag string) bool {
		_, err := strconv.Atoi(strings.TrimPrefix(tag, r.named("")))
		return err == nil
	}, 1
}

// hit takes in an attempt that was struck.
func (s *attemptStrike) hit(e service.Evidence) {
	s.run.mu.Lock()
	id := s.run.ids[e.Tag]
	s.run.disturbed = time.Now()
	s.run.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended.Struck = append(s.ended.Struck, model.Struck{ID: id, Entry: e.Attempt, Reading: string(e.Reading)})
	if s.left--; s.left == 0 {
		s.end()
	}
}

// struckInWords prints "attempt 1 of operation 7 after its effect", with semicolons between;
// "" for none.
func struckInWords(all []model.Struck) string {
	var out []string
	for _, a := range all {
		where := "before its effect"
		if service.Reading(a.Reading) == service.Effect {
			where = "after its effect"
		}
		out = append(out, fmt.Sprintf("attempt %d of operation %d %s", a.Entry, a.ID, where))
	}
	return strings.Join(out, "; ")
}

// end closes the fault in the history. The caller holds the lock.
func (s *attemptStrike) end() {
	s.ended.Detail = "met no attempt"
	if says := struckInWords(s.ended.Struck); says != "" {
		s.ended.Detail = says
	}
	_ = s.run.faultEnded(s.ended) // a failure stays in the recorder
}

// endStrikes takes back what did not strike.
func (r *run) endStrikes() {
	r.mu.Lock()
	strikes := r.strikes
	r.strikes = nil
	r.mu.Unlock()
	for _, s := range strikes {
		s.mu.Lock()
		cancel := s.cancel
		s.mu.Unlock()
		cancel()
		s.mu.Lock()
		if s.left > 0 {
			s.left = 0
			s.end()
		}
		s.mu.Unlock()
	}
}
