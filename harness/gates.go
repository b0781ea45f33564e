package harness

import (
	"context"
	"errors"
	"fmt"
	"time"

	"retain/generators"
	"retain/model"
	"retain/runtime"
	"retain/service"
)

// armGates arms the gates that the plan's triggers name. A gate catches the first
// entry of its operation, whenever that is.
func (r *run) armGates(ctx context.Context) {
	for _, s := range r.plan.Steps {
		f, ok := s.(generators.Inject)
		if !ok {
			continue
		}
		t, ok := f.When.(generators.AtGate)
		if !ok || r.ops[t.Step] == nil {
			continue
		}
		at := service.Before
		if t.After {
			at = service.After
		}
		gate := r.sys.Control.Arm(r.tag(t.Step), at)
		r.gates[f.ID] = gate
		r.update(func() { r.ops[t.Step].gated = true })
		go func() {
			select {
			case <-gate.Held():
				r.update(func() {
					op := r.ops[t.Step]
					op.held, op.gated = !op.done || op.sent, false
				})
			case <-ctx.Done():
			}
		}()
	}
}

// observe puts the endpoint proxy's evidence about this run on record.
func (r *run) observe() (cancel func()) {
	return r.sys.Control.Observe(func(e service.Evidence) {
		r.mu.Lock()
		id, ours := r.ids[e.Tag]
		if e.Reading == service.Finished {
			r.finished = time.Now()
		}
		r.mu.Unlock()
		if !ours {
			return
		}
		_ = r.rec.record(func(at model.Instant) model.Event { // a failure stays in the recorder
			return model.Seen{Instant: at, ID: id, Invocation: e.Invocation, Entry: e.Attempt, Reading: string(e.Reading), Held: e.Held}
		})
	})
}

// openInvocations counts the operations that were seen to enter a handler and
// neither to leave it nor to be answered, and were not killed: their invocations may still be
// running.
// The evidence of an answered one may come after its run.
func openInvocations(h *model.History) int {
	type entry struct {
		number   int
		finished bool
	}
	last := map[int]entry{}
	for _, e := range h.Evidence {
		l := last[e.ID]
		if e.Entry > l.number {
			l = entry{number: e.Entry}
		}
		// Late evidence of an earlier entry says nothing about the last one.
		l.finished = l.finished || e.Entry == l.number && e.Reading == string(service.Finished)
		last[e.ID] = l
	}
	killed := map[int]bool{}
	h.EachManaged(func(m model.Manage, by, of *model.Invoked) {
		killed[of.ID] = killed[of.ID] || m.Verb == model.KillInvocation && by.Outcome == model.OK
	})
	open := 0
	for id, l := range last {
		if !l.finished && !killed[id] && h.Operations[id-1].In(model.Resolved).Answer == nil {
			open++
		}
	}
	return open
}

// watchExit fails the run if the server ends by itself while it should be up.
// It follows the server from incarnation to incarnation until the returned function is called.
func (r *run) watchExit(ctx context.Context) (stop func()) {
	e, can := r.sys.Runtime.(runtime.Exiter)
	if !can {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		for r.await(ctx, r.shouldBeUp) == nil {
			incarnation := r.incarnation()
			select {
			case <-e.Exited():
			case <-ctx.Done():
				return
			}
			r.mu.Lock()
			unasked := r.shouldBeUp() && r.ingress == incarnation
			r.mu.Unlock()
			if unasked {
				r.fail(r.endedByItself())
				return
			}
		}
	}()
	return cancel
}

// ErrKilled is the end of a server by a SIGKILL that was not ours.
var ErrKilled = errors.New("somebody else killed the server with SIGKILL, as the system does when its memory runs out: see its log (dmesg)")

// ErrOutOfMemory is the end of a container's server that Docker knows the cause of.
var ErrOutOfMemory = fmt.Errorf("%w: Docker says OOMKilled", ErrKilled)

// ServerEnded is the violation of a server that ended by itself.
func ServerEnded(detail string) *Liveness {
	return (&Liveness{Guarantee: model.Guarantee{Code: model.RuntimeRuns}, Timeless: true, Ended: true}).detailed(detail)
}

// endedByItself is the end of the run's server by itself. One that was never ready and may
// be given up refuses to start.
func (r *run) endedByItself() error {
	err := endedByItself(r.sys.Runtime)
	r.mu.Lock()
	never := !r.sys.answered
	r.mu.Unlock()
	if l := (*Liveness)(nil); errors.As(err, &l) && never && r.sys.GiveUp != (GiveUp{}) {
		return r.sys.refusedByEnd()
	}
	return err
}

// endedByItself is a violation, unless it was killed: no server sends itself SIGKILL,
// and we did not.
func endedByItself(server runtime.Runtime) error {
	how := ""
	if e, can := server.(runtime.Exiter); can {
		switch exit, over := e.LastExit(); {
		case over && exit.OutOfMemory:
			return ErrOutOfMemory
		case over && exit.Killed:
			return ErrKilled
		case over && exit.Graceful():
			how = ", with exit code 0, as after a SIGTERM, which was not ours"
		case over && exit.Code > 0:
			how = fmt.Sprintf(", with exit code %d", exit.Code)
		case over:
			how = ", by a signal that was not ours"
		}
	}
	return ServerEnded(fmt.Sprintf("the server ended by itself%s: its log may say why", how))
}

// shouldBeUp reports whether the server has no reason to end. The caller holds
// the lock.
func (r *run) shouldBeUp() bool {
	return (r.state == ready || r.state == starting) && !r.mayRefuse
}
