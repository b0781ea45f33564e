package harness

import (
	"context"
	"errors"
	"fmt"
	"time"

	"retain/generators"
	"retain/model"
	"retain/runtime"
	"retain/runtime/ingress"
)

// faults carries the plan's faults out, in their order, each when it is due.
func (r *run) faults(ctx context.Context) error {
	for i, s := range r.plan.Steps {
		f, ok := s.(generators.Inject)
		if !ok {
			continue
		}
		if err := r.await(ctx, func() bool { return r.cut || r.due(i, f) }); err != nil {
			return err
		}
		if r.isCut() {
			return nil
		}
		if err := r.offset(ctx, f); err != nil {
			return err
		}
		// Operations after the line may begin when the fault has begun: inject
		// moves the line once the runtime's state says so.
		err := r.inject(ctx, f, func() { r.line = r.nextFault(i + 1) })
		r.openGate(f)
		if err != nil {
			return fmt.Errorf("step %d, %s: %w", f.ID, f.Fault, err)
		}
	}
	return nil
}

// offset lets the offset of a Starting trigger pass, unless the start ends first.
func (r *run) offset(ctx context.Context, f generators.Inject) error {
	t, ok := f.When.(generators.Starting)
	if !ok || t.OffsetMs == 0 {
		return nil
	}
	r.mu.Lock()
	from := time.Now()
	if r.start.reached(t.Milestone) {
		from = r.start.milestones[t.Milestone]
	}
	r.mu.Unlock()
	wait, cancel := context.WithDeadline(ctx, from.Add(time.Duration(t.OffsetMs)*time.Millisecond))
	defer cancel()
	_ = r.await(wait, func() bool { return r.state != starting }) // the time-out is the offset
	return context.Cause(ctx)
}

// inject does what the fault says, or nothing if it can't apply.
func (r *run) inject(ctx context.Context, f generators.Inject, pass func()) error {
	r.mu.Lock()
	state := r.state
	r.mu.Unlock()
	up := state == ready || state == starting
	switch {
	case f.Fault == generators.Stop && up:
		return r.end(ctx, f.ID, f.Fault, pass, func() { r.openBefore(f) })
	case f.Fault == generators.Kill && (up || state == paused):
		return r.end(ctx, f.ID, f.Fault, pass, nil)
	case f.Fault == generators.Start && state == down:
		if f.Version != "" && f.Version != r.sys.Runtime.Identity().Version {
			return fmt.Errorf("the step names version %s, and this runtime is %s: changing it is not possible yet", f.Version, r.sys.Runtime.Identity().Version)
		}
		return r.begin(ctx, f.ID, pass)
	case f.Fault == generators.Pause && state == ready:
		return r.freeze(ctx, f, paused, pass)
	case f.Fault == generators.Resume && state == paused:
		return r.freeze(ctx, f, ready, pass)
	}
	r.update(pass)
	r.rec.note("step %d, %s: nothing to do", f.ID, f.Fault)
	return nil
}

// openBefore opens the gate of a stop when it begins, unless it is to hold
// through the drain.
func (r *run) openBefore(f generators.Inject) {
	if !f.HoldThroughStop {
		r.openGate(f)
	}
}

// openGate opens the gate that the fault's trigger armed.
func (r *run) openGate(f generators.Inject) {
	if t, ok := f.When.(generators.AtGate); ok {
		if g := r.gates[f.ID]; g != nil {
			g.Open()
		}
		r.update(func() {
			if op := r.ops[t.Step]; op != nil {
				op.held, op.gated = false, false
			}
		})
	}
}

// end stops or kills the server. The fault is on record before it happens.
func (r *run) end(ctx context.Context, step int, kind generators.FaultKind, pass, draining func()) error {
	if err := r.faultBegan(step, string(kind)); err != nil {
		return err
	}
	r.update(func() {
		pass()
		r.state = stopping
	})
	exit, err := r.endServer(ctx, kind, draining)
	r.abortStart()
	r.update(func() {
		r.state = down
		r.downAt = r.rec.since()
		r.prober.mark(r.downAt, false)
		r.nobodyRefused()
		for _, op := range r.ops {
			op.held = false // nothing stands at a gate of a server that is gone
		}
	})
	if errors.Is(err, runtime.ErrState) {
		return endedByItself(r.sys.Runtime)
	}
	if err != nil {
		return err
	}
	ended := model.FaultEnded{Step: step, Kind: string(kind)}
	if kind == generators.Stop {
		ended.Detail = exit.String()
		if exit.Killed {
			ended.As = string(generators.Kill)
		}
	}
	return r.faultEnded(ended)
}

// nobodyRefused forgets who was refused: the runtime's state is another one. The
// caller holds the lock.
func (r *run) nobodyRefused() {
	for _, c := range r.clients {
		c.refused = false
	}
}

func (r *run) endServer(ctx context.Context, kind generators.FaultKind, draining func()) (runtime.Exit, error) {
	if kind == generators.Kill {
		return runtime.Exit{}, r.sys.Runtime.Kill(ctx)
	}
	done := make(chan struct{})
	var exit runtime.Exit
	var err error
	go func() {
		defer close(done)
		exit, err = r.sys.Runtime.Stop(ctx)
	}()
	if draining != nil {
		draining()
	}
	<-done
	return exit, err
}

// freeze pauses or resumes the server, where the runtime can.
func (r *run) freeze(ctx context.Context, f generators.Inject, to serverState, pass func()) error {
	p, can := r.sys.Runtime.(runtime.Pauser)
	if !can {
		r.update(pass)
		r.rec.note("step %d, %s: this runtime can't", f.ID, f.Fault)
		return nil
	}
	if err := r.faultBegan(f.ID, string(f.Fault)); err != nil {
		return err
	}
	do := p.Pause
	if to == ready {
		do = p.Resume
	}
	err := do(ctx)
	if errors.Is(err, runtime.ErrState) {
		return endedByItself(r.sys.Runtime)
	}
	if err != nil {
		return err
	}
	r.update(func() {
		pass()
		r.state = to
		r.nobodyRefused()
	})
	return r.faultEnded(model.FaultEnded{Step: f.ID, Kind: string(f.Fault)})
}

func (r *run) faultBegan(step int, kind string) error {
	return r.rec.record(func(at model.Instant) model.Event {
		return model.FaultBegan{Instant: at, Step: step, Kind: kind}
	})
}

func (r *run) faultEnded(e model.FaultEnded) error {
	return r.rec.record(func(at model.Instant) model.Event {
		e.Instant = at
		return e
	})
}

// starter is one start, from the spawn to readiness.
type starter struct {
	cancel     context.CancelFunc
	done       chan struct{}
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
// in the background, and ends the starting state.
func (r *run) begin(ctx context.Context, step int, pass func()) error {
	if err := r.faultBegan(step, string(generators.Start)); err != nil {
		return err
	}
	timeline := model.Recovery{Step: step, Down: r.downAt}
	bounded, cancel := r.recoveryContext(ctx)
	s := &starter{cancel: cancel, done: make(chan struct{}), milestones: map[generators.Milestone]time.Time{}}
	if err := r.sys.Runtime.Start(bounded); err != nil {
		cancel()
		return fmt.Errorf("start the runtime: %w", err)
	}
	ep := r.sys.Runtime.Endpoints()
	timeline.Spawned = r.rec.since()
	r.update(func() {
		pass()
		r.start, r.state = s, starting
		r.ingress.Close()
		r.ingress = ingress.New(ep)
		s.reach(generators.Spawned)
	})
	go func() {
		defer close(s.done)
		defer cancel()
		err := r.becomeReady(bounded, s, &timeline)
		if errors.Is(err, errTooLong) && r.isStopping() {
			return // it was told to end before it was ready, and takes its time
		}
		if err != nil && !errors.Is(err, context.Canceled) {
			r.fail(r.notBack(err))
		}
	}()
	return nil
}

func (r *run) isStopping() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.state == stopping
}

func (r *run) becomeReady(ctx context.Context, s *starter, timeline *model.Recovery) error {
	mark := func(m generators.Milestone, at *int64) func() {
		return func() {
			*at = r.rec.since()
			if m == generators.Canary {
				r.prober.mark(*at, true)
			}
			r.update(func() { s.reach(m) })
		}
	}
	var firstCanary int64
	err := r.awaitReady(ctx, ingress.Milestones{
		Port: mark(generators.Port, &timeline.Port), Health: mark(generators.Health, &timeline.Health),
		FirstCanary: mark(generators.Canary, &firstCanary),
	})
	if err == nil {
		timeline.Canary = r.rec.since()
		r.prober.mark(timeline.Canary, true)
	}
	detail := "ended before it was ready"
	if err = r.recognise(ctx, err); err == nil {
		detail = "ready"
	}
	if e := r.rec.record(func(model.Instant) model.Event { return *timeline }); e != nil {
		return e
	}
	if e := r.faultEnded(model.FaultEnded{Step: timeline.Step, Kind: string(generators.Start), Detail: detail}); e != nil {
		return e
	}
	if err != nil {
		return err
	}
	r.update(func() {
		if r.start == s && r.state == starting {
			r.state = ready
		}
	})
	return nil
}

// errMoved is why a wait for readiness begins again.
var errMoved = errors.New("the server has other addresses now")

// addressInterval is how often the addresses are read again during a start: a
// server whose port was taken meanwhile comes up on another one.
const addressInterval = 100 * time.Millisecond

// awaitReady waits until the runtime is ready at the addresses that it has by
// then.
func (r *run) awaitReady(ctx context.Context, m ingress.Milestones) error {
	for {
		ep := r.sys.Runtime.Endpoints()
		attempt, cancel := context.WithCancelCause(ctx)
		go watchAddresses(attempt, r.sys.Runtime, ep, cancel)
		go r.watchServer(attempt, ep, cancel)
		err := ingress.AwaitReady(attempt, ep, r.sys.Nonce, r.keys(), m)
		cancel(nil)
		if !errors.Is(err, errMoved) {
			return err
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
