package harness

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"retain/internal/poll"
	"retain/model"
	"retain/runtime/ingress"
	"retain/runtime/introspect"
)

// untilManaged bounds how long an operation on an invocation waits until there is one, and until
// it has ended where that is needed. mostLooks is how often it looks for one of an operation whose
// client has gone on, or can't before the next fault: that has an invocation at once, or none.
const (
	untilManaged = 2 * time.Second
	mostLooks    = 3
)

// pausedInvocation is one that may be paused: that of a step, to be resumed at the heal or, if
// the plan has resumed it, at once.
type pausedInvocation struct {
	step    int
	resumes bool
}

// manage runs an operation on the invocation of an earlier one. It fails if that has none: its
// step is gone, was never sent, or may have been sent twice.
func (r *run) manage(ctx context.Context, t *pending, m model.Manage) (model.Outcome, error) {
	of, id, err := r.invocationOf(ctx, m)
	if err != nil {
		return "", err
	}
	if id == "" || m.Verb.Forgets() && !r.rec.finalize(of.Key) {
		r.rec.note("operation %d: step %d has no invocation to %s, or may have been sent twice", t.id, m.Step, m.Verb)
		return r.unanswered(t, model.NotSent)
	}
	r.update(func() { r.beginManaged(id, of.Outcome == model.OK, m) })
	t.call.Invocation = id
	outcome, _, err := r.attempts(ctx, t)
	if m.Verb.Forgets() && outcome == model.Failed {
		r.rec.definalize(of.Key)
	}
	r.update(func() { r.endManaged(id, m, outcome) })
	return outcome, err
}

// beginManaged notes what may become of the invocation of an operation, which may have been
// answered; the caller holds the lock.
func (r *run) beginManaged(id string, answered bool, m model.Manage) {
	switch op := r.ops[m.Step]; {
	case m.Verb == model.PauseInvocation:
		r.paused[id] = &pausedInvocation{step: m.Step}
		op.paused = !answered || op.sent || op.publishes
	case m.Verb.Ends():
		op.ended = true
	}
}

// endManaged takes in how that went. What was resumed may be paused later still: a pause may take
// effect after its acknowledgement.
func (r *run) endManaged(id string, m model.Manage, outcome model.Outcome) {
	switch p := r.paused[id]; {
	case p == nil:
	case m.Verb == model.PauseInvocation && outcome == model.Failed:
		r.ops[m.Step].paused = false
		delete(r.paused, id)
	case m.Verb == model.ResumeInvocation && outcome == model.OK:
		p.resumes = true
	}
}

// invocationOf waits for the invocation of an earlier operation, and until that is over where
// the verb needs it or its client waits for more than its end. Its id is "" if there is none in
// time, or there can be none before the next fault, which may wait for this operation.
func (r *run) invocationOf(ctx context.Context, m model.Manage) (of model.Invoked, id string, err error) {
	bounded, cancel := context.WithTimeout(ctx, untilManaged)
	defer cancel()
	number, arrived := 0, false
	err = r.await(bounded, func() bool {
		op := r.ops[m.Step]
		if op == nil || r.cut {
			return true
		}
		number = r.ids[r.tag(m.Step)]
		arrived = number > 0 && op.wrote && (op.done || !m.Verb.NeedsEnd() && !op.publishes)
		return arrived || !op.ended && r.stuck(r.clients[op.client])
	})
	if err != nil || !arrived {
		return of, "", context.Cause(ctx)
	}
	for looks := 1; ; looks++ {
		of = r.rec.operation(number)
		if id = r.invocationID(bounded, of); id != "" || looks >= mostLooks && r.goesOnWithout(m.Step) || poll.Sleep(bounded, 10*ingress.PollInterval) != nil {
			return of, id, context.Cause(ctx)
		}
	}
}

// goesOnWithout reports whether the operation of a step is over, or its client can't go on before
// the next fault.
func (r *run) goesOnWithout(step int) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	op := r.ops[step]
	return r.state == ready && op.done || r.stuck(r.clients[op.client])
}

// invocationID is the server's id of an operation's invocation: as its send was answered, as
// the endpoint proxy saw it, or as the server's tables have it; "" if nobody knows it.
func (r *run) invocationID(ctx context.Context, of model.Invoked) string {
	if of.Deferred.Invocation != "" {
		return of.Deferred.Invocation
	}
	if id := r.rec.invocationSeen(of.ID); id != "" || of.Key == "" {
		return id
	}
	rows, err := introspect.Query(ctx, r.sys.Runtime.Endpoints(), fmt.Sprintf(
		"SELECT * FROM sys_invocation WHERE target_service_name = '%s' AND target_service_key = '%s' AND idempotency_key = '%s'",
		of.Object.Kind.Service(), r.objectKey(of.Object), of.Key))
	if err != nil || len(rows) == 0 {
		return "" // a server that starts may not know it yet
	}
	return rows[0].Text("id")
}

// invocationSeen is the first invocation of an operation that entered a handler, "" for none.
func (r *recorder) invocationSeen(id int) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range r.history.Evidence {
		if e.ID == id && e.Invocation != "" {
			return e.Invocation
		}
	}
	return ""
}

// resumePaused resumes what may be paused, from the heal on or since the plan resumed it, until it
// is over or the returned function is called.
func (r *run) resumePaused(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	over := make(chan struct{})
	go func() {
		defer close(over)
		for r.await(ctx, func() bool { return len(r.toResume()) > 0 }) == nil {
			r.resumeOnce(ctx)
			if poll.Sleep(ctx, 5*ingress.PollInterval) != nil {
				return
			}
		}
	}()
	return func() { cancel(); <-over }
}

// toResume are the invocations to resume now; the caller holds the lock.
func (r *run) toResume() (ids []string) {
	if r.state != ready {
		return nil
	}
	for id, p := range r.paused {
		if r.healed || p.resumes {
			ids = append(ids, id)
		}
	}
	return ids
}

// resumeOnce looks at what is to be resumed. What fails is tried again. A server that starts
// need not know its invocations yet.
func (r *run) resumeOnce(ctx context.Context) {
	r.mu.Lock()
	ids, incarnation := r.toResume(), r.ingress
	r.mu.Unlock()
	ep := r.sys.Runtime.Endpoints()
	for _, id := range ids {
		rows, err := introspect.Query(ctx, ep, fmt.Sprintf("SELECT * FROM sys_invocation WHERE id = '%s'", id))
		switch {
		case err != nil:
		case len(rows) == 0, rows[0].Text("status") == introspect.Completed:
			r.update(func() {
				if p := r.paused[id]; p != nil && r.state == ready && r.ingress == incarnation {
					r.ops[p.step].paused = false
					delete(r.paused, id)
				}
			})
		case rows[0].Text("status") == introspect.Paused:
			if ingress.Admin(ctx, ep, http.MethodPatch, "/invocations/"+id+"/resume", "", nil) == nil {
				r.rec.note("invocation %s, which was paused, is resumed", id)
			}
		}
	}
}
