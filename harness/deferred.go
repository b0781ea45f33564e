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

// deferred is how the effect of an operation is deferred that has this answer.
func (r *run) deferred(t *pending, result ingress.Result) model.Deferred {
	d := model.DeferralOf(t.call.Op)
	if _, done := result.Answer.(model.Done); !done {
		return model.Deferred{}
	}
	out := model.Deferred{Pending: d.Pending}
	if d.Sent {
		out.Invocation = result.Invocation
		// A shared read has no turn: it may come before what was accepted earlier.
		out.Pending = d.Pending || r.rec.isShared(model.ReadOf(t.call.Op))
	}
	if d.DelayMs > 0 {
		out.Due = r.rec.operation(t.id).Call.Ns + d.DelayMs*int64(time.Millisecond)
	}
	if !result.Due.IsZero() {
		out.Due = max(out.Due, r.rec.since()+int64(time.Until(result.Due)))
	}
	return out
}

// awaitSent waits, for an operation that was sent, until it stands at the gate that is armed
// for it: a fault is to meet it there. It waits for no other one, nor while the server is
// down.
func (r *run) awaitSent(ctx context.Context, o model.Operation, step int) error {
	d := model.DeferralOf(o)
	if !d.Sent || d.Distant() {
		return nil
	}
	bounded, cancel := context.WithTimeout(ctx, time.Duration(d.DelayMs)*time.Millisecond+r.bounds.Completion)
	defer cancel()
	err := r.await(bounded, func() bool { return !r.ops[step].gated || r.state != ready || r.service.Stalled() || r.cut })
	if ctx.Err() != nil {
		return err
	}
	return nil
}

// pendingOf are the accepted operations whose effect may come yet, in the order of their
// calls. What comes after every run is left out.
func (r *run) pendingOf() (out []model.Invoked) {
	r.rec.mu.Lock()
	defer r.rec.mu.Unlock()
	for _, o := range r.rec.history.Operations {
		if o.Deferred.Pending && o.Deferred.Ran == model.Forever && !model.DeferralOf(o.Op).Distant() {
			out = append(out, o)
		}
	}
	return out
}

// awaitPending waits until what was sent and accepted has been executed, on a healed runtime.
func (r *run) awaitPending(ctx context.Context) error {
	began := time.Now()
	return sideBySide(r.pendingOf(), func(o model.Invoked) error { return r.awaitRan(ctx, o, began) })
}

// forgotten is for how long a runtime must not know what it has accepted, for that to count as
// executed.
const forgotten = time.Second

// awaitRan waits until what an operation sent has been executed, or the runtime does not know
// it some time after the wait began: then its effect is due as well. What a handler sends may be
// on its way for a third of an operation's bound.
func (r *run) awaitRan(ctx context.Context, o model.Invoked, since time.Time) error {
	d := model.DeferralOf(o.Op)
	t := &pending{id: o.ID, call: ingress.Call{ObjectKey: r.objectKey(o.Object), Op: d.Invokes, IdempotencyKey: d.Key}}
	if d.Key == "" {
		t.call.IdempotencyKey = o.Key
	}
	if err := poll.Sleep(ctx, time.Duration(o.Deferred.Due-r.rec.since())); err != nil {
		return err
	}
	bound := r.bounds.Completion / 3
	unknown := bound
	if d.Sent {
		unknown = min(bound, forgotten)
	}
	_, err := r.insistOn(ctx, t, func(ctx context.Context) (ingress.Result, error) {
		attempt, cancel := context.WithTimeout(ctx, bound)
		defer cancel()
		result := r.incarnation().Attach(attempt, t.call, o.Deferred.Invocation)
		switch {
		case !result.Unknown:
		case time.Since(since) < unknown+time.Duration(d.DelayMs)*time.Millisecond:
			result.Answer = nil
		default:
			r.rec.note("operation %d: the runtime does not know what it sent", o.ID)
			result.Answer = model.Done{}
		}
		return result, context.Cause(ctx)
	})
	if err != nil {
		return err
	}
	return r.rec.record(func(at model.Instant) model.Event { return model.Ran{Instant: at, ID: o.ID} })
}

// cancelDistant cancels what is to be executed after every run, so that the runtime has none
// of it open. It was read before that it had no effect.
func (r *run) cancelDistant(ctx context.Context) error {
	objects := map[model.Object]bool{}
	r.rec.mu.Lock()
	for _, o := range r.rec.history.Operations {
		if model.DeferralOf(o.Op).Distant() && o.Outcome != model.Failed {
			objects[o.Object] = true
		}
	}
	r.rec.mu.Unlock()
	for o := range objects {
		if err := r.cancelScheduled(ctx, o); err != nil {
			return fmt.Errorf("cancel what is scheduled on %s: %w", o, err)
		}
	}
	return nil
}

// cancelScheduled cancels what is scheduled on an object. Nothing else of it is touched: an
// invocation that runs may be over before it is cancelled.
func (r *run) cancelScheduled(ctx context.Context, o model.Object) error {
	ep := r.sys.Runtime.Endpoints()
	rows, err := introspect.Query(ctx, ep, fmt.Sprintf(
		"SELECT * FROM sys_invocation WHERE target_service_name = '%s' AND target_service_key = '%s'", o.Kind.Service(), r.objectKey(o)))
	if err != nil {
		return err
	}
	for _, row := range rows {
		if row.Text("status") != introspect.Scheduled {
			continue
		}
		id := row.Text("id")
		if err := ingress.Admin(ctx, ep, http.MethodPatch, "/invocations/"+id+"/cancel", "", nil); err != nil {
			return err
		}
		r.rec.note("invocation %s of %s, which is scheduled after every run, is cancelled", id, o)
	}
	return nil
}
