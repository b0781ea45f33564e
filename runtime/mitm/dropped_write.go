package mitm

import (
	"context"
	"sync"
)

// drop is a call that is acknowledged and not executed. The lock is held while its answer
// is found: a call that is sent again gets the same one.
type drop struct {
	sync.Mutex
	answer *answer // nil before the first acknowledgement
}

// dropOf is what was decided when a call came for the first time, nil for a call that is
// executed.
func (t *interceptor) dropOf(c *call, first bool) *drop {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !first {
		return t.drops[c.keyed()]
	}
	if readInstead(c.op) == nil || !t.bugs.takes(DroppedWrite) {
		return nil
	}
	d := &drop{}
	if c.key != "" {
		t.drops[c.keyed()] = d
	}
	return d
}

// drop acknowledges a call that is to be lost, without executing it. The server only reads
// what the call would have read. The answer is nil for a call that is executed.
func (t *interceptor) drop(ctx context.Context, l *link, q *request, c *call, first bool) (*answer, error) {
	lost := t.dropOf(c, first)
	if lost == nil {
		return nil, nil
	}
	lost.Lock()
	defer lost.Unlock()
	if lost.answer != nil {
		return lost.answer, nil
	}
	read, err := l.ask(ctx, q.instead(c, c.object, readInstead(c.op)))
	if err != nil || !read.ok() {
		return read, err
	}
	saw, err := readInstead(c.op).Decode(read.body)
	if err != nil {
		return nil, nil // it answers no reader, so the call goes there as it is
	}
	body, writes := bodyAfter(c.op, saw)
	if !writes {
		return nil, nil
	}
	lost.answer = read.saying(body)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.strike(DroppedWrite, "%s/%s %s is lost, answered %q", c.service, c.object, c.op, body)
	t.keep(c, lost.answer)
	return lost.answer, nil
}
