package harness

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"retain/model"
	"retain/runtime/ingress"
	"retain/runtime/introspect"
)

// starvation is after how many bounds an operation has waited its turn for too long, if
// calls that came later had theirs. One behind a long queue waits for as long as it moves.
const starvation = 10

// judgeStuck waits until an operation is stuck and then says what is wrong; nil if the
// context ended first. Stuck is an operation if, for its bound, the key of its object
// did not move on and probes of its partition were answered. One that waits its turn
// on a busy key is not.
func (r *run) judgeStuck(ctx context.Context, t *pending) error {
	began := time.Now()
	object := r.rec.operation(t.id).Object
	progress, starved, sign := r.follow(ctx, t, object)
	if ctx.Err() != nil {
		return nil
	}
	answered, last := r.probes(ctx, t.call.ObjectKey)
	switch {
	case ctx.Err() != nil:
		return nil
	case errors.Is(last, ingress.ErrWrongServer):
		return fmt.Errorf("operation %d has no answer: %w", t.id, last)
	case errors.Is(last, ingress.ErrMixedUp):
		return r.spoiled(ctx, last)
	}
	l := &Liveness{Guarantee: model.Guarantee{Code: model.OperationFinishes}, Operation: t.id, Waited: t.id, Early: sign, Held: r.holding(object, t, progress, time.Now())}
	if starved && progress.last.Mine != "" { // else it is not in the queue at all
		l.Guarantee.Code = model.OperationGetsTurn // the key moves on, and never to the operation
	} else if h := l.Held.Holder; h != nil && h.Operation > 0 {
		l.Operation = h.Operation
	}
	clauses := r.stuckDetail(l, r.rec.operation(t.id), time.Since(began), answered)
	if _, refused, all := refusals(r.rec.operation(t.id).Attempts); all && refused > 0 {
		l.Guarantee.Code, l.Operation, l.Held = model.CallAccepted, t.id, nil
	}
	if answered < enoughProbes {
		l.Guarantee.Code, l.Held = model.RuntimeComesBack, r.probeHolder(ctx, t.call.ObjectKey)
		clauses[len(clauses)-1] += fmt.Sprintf(", none for the last %s: %v", r.bounds.Recovery, last)
	}
	return l.detailed(clauses...)
}

// probeHolder is who holds the key of the probes of a partition that are not answered,
// nil if nobody does or the tables can't be asked.
func (r *run) probeHolder(ctx context.Context, key string) *Holding {
	name, probed := r.sys.Prober().Target(key)
	q, err := introspect.ReadQueue(ctx, r.sys.Runtime.Endpoints(), name, probed, func(string) bool { return true })
	if err != nil || q.Of(q.Holder) == nil {
		return nil
	}
	h := &Holding{State: Held, Object: ingress.ProbeService}
	for _, row := range q.Calls {
		c := callerOf(row)
		if c.Invocation == q.Holder {
			h.Holder = &c
		} else {
			h.Waiting = append(h.Waiting, c)
		}
	}
	return h
}

// stuckDetail describes the operation that was waited for, how long, and the holder, in
// clauses.
func (r *run) stuckDetail(l *Liveness, waited model.Invoked, took time.Duration, answered int) []string {
	took = took.Round(time.Millisecond)
	last, refused, all := refusals(waited.Attempts)
	probes := fmt.Sprintf("and %d probes of its partition were answered meanwhile", answered)
	if all {
		return []string{
			fmt.Sprintf("operation %d, %s %s, was refused in each of %d attempts for %s, %s", waited.ID, waited.Object, waited.Op, refused, took, probes),
			"the last time: " + last,
		}
	}
	had := []string{fmt.Sprintf("had no answer for %s in %d attempts, %s", took, len(waited.Attempts), probes)}
	if last != "" {
		had = append(had, "the last attempt got "+last)
	}
	held := l.Held.says()
	if l.Guarantee.Code == model.OperationGetsTurn {
		had[0] = fmt.Sprintf("operation %d, %s %s, waited its turn while %d other calls ended, %d of which came later, and %s",
			waited.ID, waited.Object, waited.Op, l.Held.Ended, l.Held.Overtook, had[0])
		return append(had, held...)
	}
	if l.Operation == waited.ID {
		had[0] = fmt.Sprintf("operation %d, %s %s, %s", waited.ID, waited.Object, waited.Op, had[0])
		return append(had, held...)
	}
	holder := r.rec.operation(l.Operation)
	held[0] = fmt.Sprintf("operation %d, %s %s, does not finish: %s", holder.ID, holder.Object, holder.Op, held[0])
	had[0] = fmt.Sprintf("operation %d, %s, which waits for it, %s", waited.ID, waited.Op, had[0])
	return append(held, had...)
}

// looksPerBound is how often the tables are asked in the bound of an operation, and
// longestPause the longest time between two looks; in a reduction, shortPause.
const (
	looksPerBound = 20
	longestPause  = time.Second
	shortPause    = 200 * time.Millisecond
)

// follow watches the key of an operation's object until the operation is stuck or was
// passed over for too long, which is starved, or the context ends. sign is by which sign
// a reduction took it for stuck, "" if its whole bound had passed.
func (r *run) follow(ctx context.Context, t *pending, o model.Object) (seen *keyProgress, starved bool, sign string) {
	every := min(longestPause, r.bounds.Completion/looksPerBound)
	if r.bounds.Early.Like != nil {
		every = min(every, shortPause)
	}
	pause := time.NewTicker(every)
	defer pause.Stop()
	began := time.Now()
	seen = &keyProgress{since: began}
	exclusive := r.exclusive(o)
	for {
		select {
		case <-ctx.Done():
			return seen, false, ""
		case <-pause.C:
		}
		q, err := r.lookAt(ctx, t, o)
		if ctx.Err() != nil {
			return seen, false, ""
		}
		now := time.Now()
		seen.see(now, q, exclusive, err)
		for _, at := range []time.Time{r.moved(t, o), r.lastDisturbed()} {
			if at.After(seen.since) {
				seen.since = at
			}
		}
		if r.bounds.Early.Like != nil {
			sign = r.bounds.Early.sign(seen, now, r.holding(o, t, seen, now))
		}
		if sign != "" && r.bounds.Early.CountOnly {
			r.signs.Add(1)
			sign = ""
		}
		switch {
		case sign != "", now.Sub(seen.since) >= r.bounds.Completion:
			return seen, false, sign
		case now.Sub(began) >= starvation*r.bounds.Completion:
			if _, overtook := seen.ended(); overtook > 0 {
				return seen, true, ""
			}
		}
	}
}

// lookAt asks for the calls that an operation may wait for. One of a shared handler
// waits for none but itself, and one that asks for an answer for the call of that key.
func (r *run) lookAt(ctx context.Context, t *pending, o model.Object) (introspect.Queue, error) {
	bounded, cancel := context.WithTimeout(ctx, min(introspect.QueryBound, r.bounds.Completion))
	defer cancel()
	q, err := r.askQueue(bounded, o)
	if err != nil {
		return q, err
	}
	r.rec.mu.Lock()
	defer r.rec.mu.Unlock()
	waited := model.WaitedFor(t.call.Op)
	for _, c := range q.Calls {
		if op := r.operationOf(o, c); op != nil && (op.ID == t.id || model.KeyOf(waited) != "" && model.KeyOf(op.Op) == model.KeyOf(waited)) {
			q.Mine = c.Text("id")
			break
		}
	}
	if !r.rec.history.IsShared(waited) {
		return q, nil
	}
	return introspect.Queue{Holder: q.Mine, Mine: q.Mine, Calls: slices.DeleteFunc(q.Calls, func(c introspect.Row) bool { return c.Text("id") != q.Mine })}, nil
}

// moved is when the key of an operation's object last moved on by the endpoint proxy's
// evidence, zero for never: when the handler of another call was first entered, or first
// finished. The tables may not have been asked then.
func (r *run) moved(t *pending, o model.Object) (at time.Time) {
	r.rec.mu.Lock()
	defer r.rec.mu.Unlock()
	if r.rec.history.IsShared(model.WaitedFor(t.call.Op)) {
		return at
	}
	if ns, moved := r.rec.index.movedBut(o, t.id); moved {
		at = r.rec.began.Add(ns)
	}
	return at
}
