package harness

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"retain/generators"
	"retain/model"
	"retain/runtime/ingress"
)

// retryPause is the pause between two attempts of one operation.
const retryPause = 10 * time.Millisecond

// client runs the operations of one client, one at a time.
func (r *run) client(ctx context.Context, number int) error {
	process := newProcess(strconv.Itoa(number))
	c := r.clients[number]
	for i, s := range r.plan.Steps {
		o, ok := s.(generators.Operate)
		if !ok || o.Client != number {
			continue
		}
		r.update(func() { c.at, c.waiting, c.refused = i, true, false })
		err := r.await(ctx, func() bool { return r.cut || r.mayBegin(i) })
		if err != nil {
			return err
		}
		if r.isCut() {
			break
		}
		r.update(func() { c.waiting = false })
		outcome, err := r.operate(ctx, o, process.name())
		if err == nil {
			err = r.awaitSent(ctx, o.Op, o.ID)
		}
		r.update(func() {
			op := r.ops[o.ID]
			op.done, op.held = true, op.held && op.sent
			op.paused = op.paused && (op.sent || op.publishes || outcome != model.OK) // else its handler has ended
		})
		if err != nil {
			return err
		}
		if outcome == model.Ambiguous {
			process.next()
		}
	}
	r.update(func() { c.at = len(r.plan.Steps) })
	return nil
}

// mayBegin reports whether the operation at index i may begin. The caller holds
// the lock.
func (r *run) mayBegin(i int) bool {
	return i < r.barrier && r.gateBefore(i) == nil && r.reaches(r.plan.Steps[i]) && !r.holdsStep(r.plan.Steps[i].StepID())
}

// reaches reports whether the server's condition is one in which the step's operation is
// called: an early question also while it starts, another question never before it is
// ready. The caller holds the lock.
func (r *run) reaches(s generators.Step) bool {
	asks := model.Asking{}
	if o, is := s.(generators.Operate); is {
		asks = model.AskingOf(o.Op)
	}
	switch {
	case r.state == ready:
		return true
	case asks.Early:
		return r.state == starting
	}
	return r.plan.Config.PushOn && asks.For == nil
}

// process is a Jepsen process: after an ambiguous outcome its client goes on as
// a new one, 2 as 2.1.
type process struct {
	base string
	n    int
}

func newProcess(base string) *process { return &process{base: base} }

func (p *process) next() { p.n++ }

func (p *process) name() string {
	if p.n == 0 {
		return p.base
	}
	return p.base + "." + strconv.Itoa(p.n)
}

// operate runs one operation of the program to its outcome.
func (r *run) operate(ctx context.Context, o generators.Operate, process string) (model.Outcome, error) {
	called := model.Called{Process: process, Step: o.ID, Phase: model.Program, Object: o.Object, Op: o.Op.String()}
	m, manages := o.Op.(model.Manage)
	if key, own := r.keyOf(o.Op, strconv.Itoa(o.ID)); !manages && (own || !r.plan.Config.Unkeyed) {
		called.Key = key
	}
	t, err := r.open(called, o.Op, r.tag(o.ID))
	if err != nil {
		return "", err
	}
	t.call.Written = func() { r.update(func() { r.ops[o.ID].wrote = true }) }
	t.refused = func(is bool) { r.update(func() { r.clients[o.Client].refused = is }) }
	if manages {
		return r.manage(ctx, t, m)
	}
	outcome, _, err := r.attempts(ctx, t)
	return outcome, err
}

// keyOf is the idempotency key of an operation with a name, and whether it is its own: that of
// the call whose answer it asks for, if it does that.
func (r *run) keyOf(o model.Operation, name string) (key string, own bool) {
	if of := model.AskingOf(o).For; of != nil {
		o = of
	}
	if own := model.KeyOf(o); own != "" {
		return r.idempotencyKey(own), true
	}
	return r.idempotencyKey(name), false
}

// idempotencyKey is a key of this run.
func (r *run) idempotencyKey(name string) string { return r.id + "-" + name }

// tag names an operation step to the endpoint proxy.
func (r *run) tag(step int) string { return r.named(strconv.Itoa(step)) }

// named is the tag of an operation with a name.
func (r *run) named(name string) string { return r.id + "/" + name }

// tagOf is the tag of the operation with an idempotency key.
func (r *run) tagOf(key string) string { return r.named(strings.TrimPrefix(key, r.idempotencyKey(""))) }

// pending is an operation without an outcome yet.
type pending struct {
	id      int
	call    ingress.Call
	n       int // attempts so far
	mayRun  bool
	refused func(bool)
	// final is true once it may not be sent again; last is how its last attempt ended.
	final bool
	last  model.Reason
	// load is true for an operation of the load, object is then its object.
	load   bool
	object model.Object
	ended  func(answered bool) // the attempt is over, and its answer on record
}

// open puts an operation on record. Nothing of it has left yet.
func (r *run) open(c model.Called, op model.Operation, tag string) (*pending, error) {
	id, err := r.rec.call(c)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	r.ids[tag] = id
	if own := r.tagOf(c.Key); !op.ReadOnly() && c.Key != "" && r.ids[own] == 0 {
		r.ids[own] = id // one that is sent again has the tag of its key
	}
	r.mu.Unlock()
	return &pending{id: id, call: ingress.Call{ObjectKey: r.objectKey(c.Object), Op: op, IdempotencyKey: c.Key, Tag: tag}}, nil
}

// attempts tries an operation of the program or of the load until it has an outcome, and
// an answer if that is ok. What was certainly not sent is tried again without end: the
// runtime comes back at the latest when the run heals. What may have run is tried again
// only under its key, and only in plans whose clients do that; one of the load also if it
// waits its turn.
func (r *run) attempts(ctx context.Context, t *pending) (model.Outcome, model.Answer, error) {
	began, deadline := time.Now(), time.Time{}
	asks, bound := model.AskingOf(t.call.Op), r.bounds.program()
	endless := r.mayWaitForEver(t)
	if endless {
		bound = min(bound, longestWait)
	}
	for {
		incarnation, sent := r.incarnation(), time.Now()
		result, err := r.try(ctx, t, bound)
		if err != nil {
			return "", nil, err
		}
		if t.final {
			outcome, err := r.unanswered(t, t.last)
			return outcome, nil, err
		}
		turn := false
		if result.Reason == model.TimedOut && !endless && !r.endless(incarnation) && !r.disturbedSince(sent) {
			turn = r.hadTurn(t, sent) && time.Since(began) < starvation*r.bounds.program()
			if !turn {
				if !t.load || r.firstWithout(t.object) {
					r.remember(ctx, t)
				}
				r.cutShort(t)
			}
		}
		switch {
		case result.Answer != nil:
			err := r.answered(t, result)
			if t.load {
				t.ended(true)
			}
			return model.OK, result.Answer, err
		case turn, result.Reason == model.NotSent && r.endless(incarnation):
			deadline = time.Time{}
		case deadline.IsZero():
			deadline = time.Now().Add(r.bounds.program())
		}
		harmless := r.plan.Config.Retry && t.call.IdempotencyKey != "" || asks.Early
		again := turn || result.Reason == model.NotSent || harmless && result.Reason != model.Rejected
		if asks.For != nil && !asks.Early {
			again = false // a server that starts need not know its invocations yet
		}
		if !again || !deadline.IsZero() && time.Now().After(deadline) {
			outcome, err := r.unanswered(t, result.Reason)
			return outcome, nil, err
		}
		if err := r.pauseUntil(ctx, t, incarnation, result.Reason); err != nil {
			return "", nil, err
		}
	}
}

// longestWait bounds an operation that waits for what nobody may end before the plan's end.
const longestWait = 500 * time.Millisecond

// mayWaitForEver reports whether an operation of the program waits for what others have to end, and
// none that did was acknowledged, or for what the plan may have paused.
func (r *run) mayWaitForEver(t *pending) bool {
	if t.load || !model.AskingOf(t.call.Op).Waits {
		return false
	}
	return r.pauses || r.nobodyEnds(r.rec.operation(t.id))
}

// nobodyEnds reports whether an operation waits for what others have to end, and none that did was
// acknowledged.
func (r *run) nobodyEnds(o model.Invoked) bool {
	waiting := o.Object.Kind.Spec().Waiting
	return model.AskingOf(o.Op).Waits && waiting != nil && !slices.Contains(waiting.Ended(r.rec.on(o.Object)), o.Op)
}

// incarnation identifies the server's current incarnation.
func (r *run) incarnation() *ingress.Client {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.ingress
}

// endless reports whether a refused attempt says nothing: the runtime is not up,
// or was started again meanwhile.
func (r *run) endless(incarnation *ingress.Client) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.state != ready || r.ingress != incarnation
}

// cutShort leaves out the rest of the program: a runtime that is up did not
// answer an operation within its bound.
func (r *run) cutShort(t *pending) {
	r.rec.note("operation %d had no answer for %s on a runtime that is up: the rest of the program is left out", t.id, r.bounds.program())
	r.update(func() { r.cut = true })
}

func (r *run) isCut() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.cut
}

// pauseUntil waits before the next attempt: for a new incarnation of the runtime if it
// is down and refused us, for its going on if it is paused, else for a moment. A
// new incarnation may be over before we look, so the incarnation counts, not the state alone.
// An operation of the load waits until the server is ready, or switched: see [run.afterSwitch].
func (r *run) pauseUntil(ctx context.Context, t *pending, incarnation *ingress.Client, why model.Reason) error {
	if t.load {
		if err := r.await(ctx, func() bool { return r.state == ready || r.switching }); err != nil {
			return err
		}
	}
	if t.refused != nil && why == model.NotSent {
		r.mu.Lock()
		was := r.state
		away := (was == down || was.Stalled()) && r.ingress == incarnation
		r.mu.Unlock()
		if away {
			t.refused(true)
			return r.await(ctx, func() bool { return r.state != was || r.ingress != incarnation })
		}
	}
	pause := retryPause
	if model.AskingOf(t.call.Op).Early { // the time before a server is ready may be short
		pause = min(pause, time.Millisecond<<min(t.n, 10))
	}
	moment := time.NewTimer(pause)
	defer moment.Stop()
	select {
	case <-moment.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// try makes one attempt, on record before its request can leave.
func (r *run) try(ctx context.Context, t *pending, bound time.Duration) (ingress.Result, error) {
	sends, err := r.rec.attempt(t.id, t.n+1)
	if err != nil || !sends {
		t.final = true
		return ingress.Result{}, err
	}
	t.n++
	attempt, cancel := context.WithTimeout(ctx, bound)
	defer cancel()
	call := t.call
	if t.load {
		call.Written, t.ended = r.flightOf(t)
	}
	result := r.incarnation().Try(attempt, call)
	if result.Answer != nil {
		r.prober.mark(r.rec.since(), true)
	}
	if result.Wrote && result.Reason != model.Rejected {
		t.mayRun = true
	}
	t.last = result.Reason
	err = r.rec.record(func(at model.Instant) model.Event {
		return model.Attempted{Instant: at, ID: t.id, N: t.n, Wrote: result.Wrote, Status: result.Status, Reason: result.Reason, Detail: result.Detail}
	})
	if t.load && result.Answer == nil {
		t.ended(false)
	}
	if err == nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return result, err
}

// answered closes an operation with its answer.
func (r *run) answered(t *pending, result ingress.Result) error {
	deferred := r.deferred(t, result)
	return r.rec.record(func(at model.Instant) model.Event {
		return model.Returned{Instant: at, ID: t.id, Outcome: model.OK, Answer: result.Answer.String(), Deferred: deferred}
	})
}

// unanswered closes an operation that has no answer: it failed only if no attempt
// of it may have reached a handler.
func (r *run) unanswered(t *pending, why model.Reason) (model.Outcome, error) {
	outcome := model.Ambiguous
	if !t.mayRun {
		outcome = model.Failed
	}
	err := r.rec.record(func(at model.Instant) model.Event {
		return model.Returned{Instant: at, ID: t.id, Outcome: outcome, Reason: why}
	})
	if err != nil {
		return "", fmt.Errorf("close operation %d: %w", t.id, err)
	}
	return outcome, nil
}
