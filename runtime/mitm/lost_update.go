package mitm

import (
	"context"
	"encoding/json"
	"slices"

	"retain/model"
)

// update is an unanswered call of a handler that writes what it read.
type update struct {
	call   *call
	done   chan struct{} // closed when it is answered or broken
	answer *answer       // nil if broken; valid once done is closed
}

// overlap takes note of a call. other is an earlier one of the same handler of
// the same object that is unanswered, if the bug is to let the two run on the
// same state; else u stands for this call, nil if no other can overlap with it.
func (t *interceptor) overlap(c *call) (u, other *update) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.bugs.on(LostUpdate) || readInstead(c.op) == nil {
		return nil, nil
	}
	for _, before := range t.updates[c.scope()] {
		if bothWrite(before.call.op, c.op) {
			if t.bugs.takes(LostUpdate) {
				return nil, before
			}
			break
		}
	}
	u = &update{call: c, done: make(chan struct{})}
	t.updates[c.scope()] = append(t.updates[c.scope()], u)
	return u, nil
}

// finish notes the end of a call, nil if it was not noted.
func (t *interceptor) finish(u *update, a *answer) {
	if u == nil {
		return
	}
	u.answer = a
	close(u.done)
	t.mu.Lock()
	defer t.mu.Unlock()
	s := u.call.scope()
	t.updates[s] = slices.DeleteFunc(t.updates[s], func(other *update) bool { return other == u })
	if len(t.updates[s]) == 0 {
		delete(t.updates, s)
	}
}

// overwritten runs a call beside another one: it sees the state that the other
// saw, and what it writes is lost. Its handler is entered as a reader. The
// answer is nil if nothing is lost after all, and the call as it was.
func (t *interceptor) overwritten(ctx context.Context, l *link, q *request, c *call, other *update) (*answer, error) {
	select {
	case <-other.done:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	body, lost := runBeside(c.op, other)
	if !lost {
		return nil, nil
	}
	read, err := l.ask(ctx, q.as(c, readInstead(c.op)))
	if err != nil || !read.ok() {
		return read, err
	}
	a := read.saying(body)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.strike(LostUpdate, "%s/%s %s is overwritten by %s, answered %q", c.service, c.object, c.op, other.call.op, body)
	t.keep(c, a)
	return a, nil
}

// readInstead is the exclusive reader beside a handler that writes what it read,
// nil for other handlers.
func readInstead(op model.Operation) model.Operation {
	switch op := op.(type) {
	case model.CounterAdd:
		if !op.ReadOnly() {
			return model.CounterAdd{}
		}
	case model.ListAppend:
		return model.ListGet{}
	case model.RegisterCompareAndSet:
		return model.RegisterRead{Exclusive: true}
	}
	return nil
}

// bothWrite reports whether two calls of one handler may both write when they
// run on the same state.
func bothWrite(a, b model.Operation) bool {
	x, isSet := a.(model.RegisterCompareAndSet)
	return !isSet || x.Expect == b.(model.RegisterCompareAndSet).Expect
}

// runBeside is the body that op answers on the state that the other call saw,
// which is done, if both wrote.
func runBeside(op model.Operation, other *update) (body []byte, lost bool) {
	if other.answer == nil || !other.answer.ok() {
		return nil, false
	}
	saw, err := other.call.op.Decode(other.answer.body)
	if err != nil {
		return nil, false
	}
	return bodyAfter(op, saw)
}

// bodyAfter is the body that op answers on the state that another call of its handler, or
// the reader that stands for it, saw, if op writes on that state.
func bodyAfter(op model.Operation, saw model.Answer) (body []byte, writes bool) {
	switch op := op.(type) {
	case model.CounterAdd:
		old := saw.(model.Change).Old
		return encode(struct {
			Old int64 `json:"oldValue"`
			New int64 `json:"newValue"`
		}{old, old + op.Delta}), true
	case model.RegisterCompareAndSet:
		return encode(string(saw.(model.Text))), string(saw.(model.Text)) == op.Expect
	case model.ListAppend:
		return nil, true
	}
	return nil, false
}

func encode(v any) []byte {
	body, err := json.Marshal(v)
	if err != nil {
		panic(err) // only strings and numbers come here
	}
	return body
}
