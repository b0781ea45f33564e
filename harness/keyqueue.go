package harness

import (
	"context"
	"slices"
	"strings"
	"time"

	"retain/model"
	"retain/runtime/introspect"
	"retain/runtime/versions"
)

// askQueue asks for the calls on an object of the run.
func (r *run) askQueue(ctx context.Context, o model.Object) (introspect.Queue, error) {
	return introspect.ReadQueue(ctx, r.sys.Runtime.Endpoints(), o.Kind.Service(), r.objectKey(o), r.exclusive(o))
}

// exclusive says which handlers of an object need its key.
func (r *run) exclusive(o model.Object) func(handler string) bool {
	return func(handler string) bool { return !slices.Contains(r.rec.history.Shared, o.Kind.Service()+"/"+handler) }
}

// holding is the state of an object's key, of what was seen so far. t is the operation
// that does not finish.
func (r *run) holding(o model.Object, t *pending, progress *keyProgress, now time.Time) *Holding {
	h := &Holding{State: Held, Object: o.String(), Kind: o.Kind, Problem: progress.problem, UnchangedMs: now.Sub(progress.since).Milliseconds()}
	h.Ended, h.Overtook = progress.ended()
	r.rec.mu.Lock()
	defer r.rec.mu.Unlock()
	shared := r.rec.history.IsShared(model.WaitedFor(t.call.Op))
	q := progress.last
	switch {
	case !progress.asked:
		h.State = Unknown
		return h
	case shared:
		h.State = NoKey
	case q.Holder == "":
		h.State = Nobody
	}
	exclusive := r.exclusive(o)
	for _, row := range q.Calls {
		c := r.caller(o, row)
		c.GaveUp = c.GaveUp && c.Operation != t.id // that one was sent again, and is waited for
		switch is := row.Text("id"); {
		case is == q.Holder:
			if c.Status == introspect.Running && progress.failing.pause != "" {
				c.Status = progress.failing.pause
			}
			if ways := progress.failing.hows(); len(ways) > 1 {
				c.FailureModes = ways
				for _, way := range ways {
					c.Failures = append(c.Failures, way.String())
				}
			}
			h.Holder = &c
		case !shared && exclusive(row.Text("target_handler_name")):
			h.Waiting = append(h.Waiting, c)
		}
	}
	if !shared && q.Holder != "" && h.Holder == nil { // it is not among the invocations any more
		h.Holder = &Caller{Op: unknownCall, Invocation: q.Holder, Status: "unknown to the server"}
	}
	slices.SortStableFunc(h.Waiting, func(a, b Caller) int { return strings.Compare(a.Since, b.Since) })
	return h
}

// remember asks why the calls on the object of an operation that was not answered failed
// last, before the server is started again and has forgotten it. A server that can't be
// asked tells nothing.
func (r *run) remember(ctx context.Context, t *pending) {
	bounded, cancel := context.WithTimeout(ctx, min(introspect.QueryBound, r.bounds.Completion))
	defer cancel()
	q, err := r.askQueue(bounded, r.rec.operation(t.id).Object)
	if err != nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, row := range q.Calls {
		if c := callerOf(row); c.LastFailure != "" {
			r.failures[c.Invocation] = c
		}
	}
}

// caller is a row of sys_invocation as a call. The caller holds the recorder's lock.
func (r *run) caller(o model.Object, row introspect.Row) Caller {
	c := callerOf(row)
	if op := r.operationOf(o, row); op != nil {
		c.Operation, c.Op, c.Handler, c.Process, c.Phase = op.ID, op.Op.String(), op.Op.Handler(), op.Process, op.Phase
		c.GaveUp = op.Return != model.Forever
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if before, failed := r.failures[c.Invocation]; failed && c.LastFailure == "" {
		c.FailedBefore, c.LastFailure, c.LastFailureCode = true, before.LastFailure, before.LastFailureCode
	}
	return c
}

// callerOf is a row of sys_invocation as the server has it.
func callerOf(row introspect.Row) Caller {
	c := Caller{
		Op: row.Text("target_handler_name"), Handler: row.Text("target_handler_name"), Invocation: row.Text("id"), Status: row.Text("status"),
		Retries: row.Number("retry_count"), LastFailure: row.Text("last_failure"), LastFailureCode: row.Text("last_failure_error_code"),
		Since: row.Text("running_at"),
	}
	if c.Since == "" {
		c.Since = row.Text("created_at")
	}
	return c
}

// operationOf is the operation of an invocation: by the endpoint proxy's evidence, by
// the idempotency key, or because no other operation without a key can be it; nil for
// none. A key of no operation is another run's, or the server's own if its version gives
// calls without a key one. The caller holds the recorder's lock.
func (r *run) operationOf(o model.Object, row introspect.Row) *model.Invoked {
	h, x := &r.rec.history, &r.rec.index
	if id := x.invocations[row.Text("id")]; id > 0 {
		return &h.Operations[id-1]
	}
	if key := row.Text("idempotency_key"); key != "" {
		id := x.keys[key]
		if id > 0 && h.Operations[id-1].Object == o {
			return &h.Operations[id-1]
		}
		if id > 0 || !r.givesKeys() {
			return nil
		}
	}
	var found *model.Invoked
	for i := range h.Operations {
		op := &h.Operations[i]
		if op.Object == o && op.Key == "" && !x.invoked[op.ID] && op.Op.Handler() == row.Text("target_handler_name") &&
			op.Outcome != model.OK && op.Outcome != model.Failed {
			if found != nil {
				return nil
			}
			found = op
		}
	}
	return found
}

// givesKeys reports whether the server gives each call without an idempotency key one.
func (r *run) givesKeys() bool {
	c := r.incarnation()
	return c != nil && versions.Has(c.Version(), versions.AutomaticIdempotency)
}
