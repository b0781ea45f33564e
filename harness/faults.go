package harness

import (
	"context"
	"errors"
	"fmt"
	"time"

	"retain/generators"
	"retain/model"
	"retain/runtime"
)

// faults carries the plan's faults out, in their order, each when it is due.
func (r *run) faults(ctx context.Context) error {
	for i, s := range r.plan.Steps {
		f, ok := s.(generators.Inject)
		if !ok {
			continue
		}
		if err := r.awaitFault(ctx, i); err != nil {
			return err
		}
		if r.isCut() {
			return nil
		}
		if err := r.offset(ctx, f); err != nil {
			return err
		}
		// Operations after the barrier may begin when the fault has begun: inject
		// moves the barrier when the runtime's state has changed.
		err := r.inject(ctx, f, func() { r.barrier = r.nextFault(i + 1) })
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
	act := faultActions[f.Fault]
	if act == nil {
		return fmt.Errorf("nothing carries out a %s: add harness/fault_%s.go", f.Fault, f.Fault)
	}
	if r.applies(f.Fault) {
		if err := r.serviceBefore(ctx, f.Fault); err != nil {
			return err
		}
		return act(r, ctx, f, pass)
	}
	r.update(pass)
	r.rec.note("step %d, %s: nothing to do", f.ID, f.Fault)
	return nil
}

// applies reports whether a fault does anything to the server, or to the service, as it is.
func (r *run) applies(k model.FaultKind) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if k.OfService() {
		return (r.state == ready || k.Undoes()) && k.Applies(r.service)
	}
	return k.Applies(r.state)
}

// faultAction does a kind of fault to the server of a run, which is in a condition in
// which it applies. The fault is on record before it happens and when it is over. The
// action calls pass under the lock, at the moment from which on operations that stand
// after the fault may begin. Each kind's action stands in a file of its own,
// fault_NAME.go, and registers there.
type faultAction func(r *run, ctx context.Context, f generators.Inject, pass func()) error

var faultActions = map[model.FaultKind]faultAction{}

func registerFault(k model.FaultKind, do faultAction) model.FaultKind {
	faultActions[k] = do
	return k
}

// CarriesOut reports whether plans can have this kind of fault carried out.
func CarriesOut(k model.FaultKind) bool { return faultActions[k] != nil }

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

// end ends the server by a fault, which says how it went.
func (r *run) end(f generators.Inject, pass func(), by func(*model.FaultEnded) error) error {
	if err := r.faultBegan(f); err != nil {
		return err
	}
	r.update(func() {
		pass()
		r.state = stopping
	})
	ended := endOf(f)
	err := by(&ended)
	r.abortStart()
	r.isDown()
	if errors.Is(err, runtime.ErrState) {
		return endedByItself(r.sys.Runtime)
	}
	if err != nil {
		return err
	}
	return r.faultEnded(ended)
}

// isDown takes in that the server is gone.
func (r *run) isDown() {
	r.update(func() {
		r.state = down
		r.downAt = r.rec.since()
		r.prober.mark(r.downAt, false)
		r.nobodyRefused()
		for _, op := range r.ops {
			op.held = false // nothing stands at a gate of a server that is gone
		}
	})
}

// endOf closes a fault that is what it began as.
func endOf(f generators.Inject) model.FaultEnded {
	return model.FaultEnded{Step: f.ID, Kind: f.Fault, Target: f.Target}
}

// nobodyRefused forgets who was refused: the runtime's state is another one. The
// caller holds the lock.
func (r *run) nobodyRefused() {
	for _, c := range r.clients {
		c.refused = false
	}
}

func (r *run) faultBegan(f generators.Inject) error {
	began := model.FaultBegan{Step: f.ID, Kind: f.Fault, Target: f.Target}
	if f.Fault.Starts() {
		began.Start, began.Version = r.sys.Config.JSON(), r.sys.Version
	}
	return r.rec.record(func(at model.Instant) model.Event {
		began.Instant = at
		return began
	})
}

func (r *run) faultEnded(e model.FaultEnded) error {
	return r.rec.record(func(at model.Instant) model.Event {
		e.Instant = at
		return e
	})
}
