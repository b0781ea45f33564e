package harness

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"retain/generators"
	"retain/model"
	"retain/runtime"
	"retain/runtime/ingress"
	"retain/runtime/versions"
)

var _ = registerFault(model.Start, (*run).begin)

// starter is one start, from the spawn to readiness.
type starter struct {
	cancel     context.CancelFunc
	done       chan struct{}
	became     chan struct{}                      // closed when it is ready, or will not be
	excused    error                              // why it was refused, if that is known and excused; valid once became is closed
	milestones map[generators.Milestone]time.Time // when it came there; guarded by the run's lock
}

func (s *starter) reached(m generators.Milestone) bool { return s != nil && !s.milestones[m].IsZero() }

// reach notes a milestone, if it is news. The caller holds the run's lock.
func (s *starter) reach(m generators.Milestone) {
	if !s.reached(m) {
		s.milestones[m] = time.Now()
	}
}

// begin starts the server and returns when it is spawned; readiness is awaited
// in the background, and ends the starting state. A configuration and a version of the step
// hold from then on.
//
// A way back to an older version that a known refusal may end is waited for: one that is
// excused is followed by the way forward.
func (r *run) begin(ctx context.Context, f generators.Inject, pass func()) error {
	was := r.sys.Version
	r.sys.Config = r.sys.Config.With(f.Start)
	r.sys.Version = cmp.Or(f.Version, r.sys.Version)
	known := r.knownRefusals(f)
	r.takeLosses(f)
	s, err := r.spawn(ctx, f, pass, known)
	if err != nil || len(known) == 0 {
		return err
	}
	<-s.became
	if s.excused == nil {
		r.update(func() { r.mayRefuse = false })
		return nil
	}
	r.rec.note("step %d: %v", f.ID, s.excused)
	return r.goForward(ctx, was)
}

// spawn starts the server, which may refuse to serve in known ways.
func (r *run) spawn(ctx context.Context, f generators.Inject, pass func(), known []versions.Refusal) (*starter, error) {
	if err := r.faultBegan(f); err != nil {
		return nil, err
	}
	offset := int64(0)
	if len(known) > 0 {
		offset = r.logEnd()
		r.update(func() { r.mayRefuse = true })
	}
	r.update(func() { r.spawning = true })
	timeline := model.Recovery{Step: f.ID, Down: r.downAt}
	whole, cancel := context.WithCancel(ctx)
	inTime, late := r.recoveryContext(whole)
	bounded, giveUp := context.WithCancelCause(inTime)
	s := &starter{cancel: cancel, done: make(chan struct{}), became: make(chan struct{}), milestones: map[generators.Milestone]time.Time{}}
	if err := r.sys.start(bounded); err != nil {
		if cause := context.Cause(bounded); cause != nil { // err says no more than that it was cancelled
			err = fmt.Errorf("%w: %v", err, cause)
		}
		giveUp(err)
		late()
		cancel()
		return nil, err
	}
	if len(r.plan.Versions()) > 0 {
		r.changeServer(r.sys.Runtime.Identity())
	}
	if len(known) > 0 {
		go r.watchRefusal(bounded, known, offset, giveUp)
	}
	ep := r.sys.Runtime.Endpoints()
	timeline.Spawned = r.rec.since()
	r.update(func() {
		pass()
		r.start, r.state, r.spawning = s, starting, false
		r.ingress.Close()
		r.ingress = ingress.New(ep)
		s.reach(generators.Spawned)
	})
	go func() {
		defer close(s.done)
		defer cancel()
		defer late()
		err := r.becomeReady(bounded, s, f, &timeline)
		giveUp(nil)
		if errors.As(err, new(errExcused)) {
			s.excused = err
		}
		close(s.became)
		switch {
		case err == nil:
			r.serve(whole, s)
		case s.excused != nil: // the server goes forward again
		case errors.Is(err, errTooLong) && r.isStopping(): // a stop overtook the start
		case !overtaken(err):
			r.fail(r.notBack(err))
		}
	}()
	return s, nil
}

// serve makes a server that answers ready for the clients, if it is that of the last start.
// One of another version is looked at before.
func (r *run) serve(ctx context.Context, s *starter) {
	switch err := r.afterSwitch(ctx); {
	case err == nil:
	case ctx.Err() != nil: // a fault overtook it
		return
	default:
		r.fail(err)
		return
	}
	r.update(func() {
		if r.start == s && r.state == starting {
			r.becomesReady()
		}
	})
}

func (r *run) isStopping() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.state == stopping
}

func (r *run) becomeReady(ctx context.Context, s *starter, f generators.Inject, timeline *model.Recovery) error {
	mark := func(m generators.Milestone, at *int64) func() {
		return func() {
			*at = r.rec.since()
			if m == generators.FirstProbe {
				r.prober.mark(*at, true)
			}
			r.update(func() { s.reach(m) })
		}
	}
	var firstProbe int64
	identity, err := r.awaitReady(ctx, ingress.Milestones{
		Port: mark(generators.Port, &timeline.Port), Health: mark(generators.Health, &timeline.Health),
		FirstProbe: mark(generators.FirstProbe, &firstProbe),
	}, r.keys)
	if err == nil {
		timeline.Probe = r.rec.since()
		r.prober.mark(timeline.Probe, true)
	}
	if unsaid := (errUnsaid{}); errors.As(err, &unsaid) {
		err = r.askAgain(ctx, unsaid)
	}
	ended := endOf(f)
	ended.Detail = "ended before it was ready"
	if err = r.recognise(ctx, err, identity); err == nil {
		ended.Detail = "ready"
	}
	if refused := (errExcused{}); errors.As(err, &refused) {
		ended.Detail, ended.Excused = "refused", refused.refusal.String()
	}
	if len(r.plan.Versions()) > 0 {
		server := r.sys.Runtime.Identity() // by now its log says the build
		ended.Version, ended.Build = server.Version, server.Build
	}
	if e := r.rec.record(func(model.Instant) model.Event { return *timeline }); e != nil {
		return e
	}
	if e := r.faultEnded(ended); e != nil {
		return e
	}
	return err
}

// errMoved is why a wait for readiness begins again.
var errMoved = errors.New("the server has other addresses now")

// addressInterval is how often the addresses are read again during a start: a
// server whose port was taken meanwhile comes up on another one.
const addressInterval = 100 * time.Millisecond

// awaitReady waits until the runtime is ready at the addresses that it has by
// then: until probes of the keys went through. Meanwhile it asks whose server that is,
// from the moment on at which it is healthy; a wait without error has begun that.
func (r *run) awaitReady(ctx context.Context, m ingress.Milestones, keys func() []string) (identity <-chan error, err error) {
	for {
		ep := r.sys.Runtime.Endpoints()
		attempt, cancel := context.WithCancelCause(ctx)
		go watchAddresses(attempt, r.sys.Runtime, ep, cancel)
		go r.watchServer(attempt, ep, cancel)
		answer := make(chan error, 1)
		asking := m
		asking.Health = func() {
			if m.Health != nil {
				m.Health()
			}
			go r.identify(ctx, ep, answer)
		}
		err := ingress.AwaitReady(attempt, ep, r.sys.Prober(), keys(), asking)
		cancel(nil)
		if !errors.Is(err, errMoved) {
			return answer, err
		}
		r.update(func() {
			r.ingress.Close()
			r.ingress = ingress.New(r.sys.Runtime.Endpoints())
		})
	}
}

// watchAddresses ends a wait at addresses that the server has left.
func watchAddresses(ctx context.Context, server runtime.Runtime, ep runtime.Endpoints, moved context.CancelCauseFunc) {
	tick := time.NewTicker(addressInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if now := server.Endpoints(); now.Ingress != ep.Ingress || now.Admin != ep.Admin {
				moved(errMoved)
			}
		}
	}
}

// abortStart ends the wait for a start whose server was ended.
func (r *run) abortStart() {
	if s := r.start; s != nil {
		s.cancel()
		<-s.done
	}
}

// started waits until the start that is under way is over.
func (r *run) started(ctx context.Context) error {
	return r.await(ctx, func() bool { return r.state != starting })
}
