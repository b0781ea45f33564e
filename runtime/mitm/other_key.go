package mitm

import (
	"context"
	"slices"
)

// mostObjects bounds the objects that [OtherKey] takes answers from: the latest of a
// service.
const mostObjects = 16

// meet notes the object of a call, and returns another one of its service whose state the
// call is answered with if it reads; "" for its own.
func (t *interceptor) meet(c *call) (other string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.bugs.on(OtherKey) {
		return ""
	}
	others := slices.DeleteFunc(t.objects[c.service], func(o string) bool { return o == c.object })
	others = others[max(0, len(others)-mostObjects):]
	t.objects[c.service] = append(others, c.object)
	if len(others) == 0 || !c.op.ReadOnly() || !t.bugs.takes(OtherKey) {
		return ""
	}
	return others[t.bugs.draws[OtherKey].IntN(len(others))]
}

// readOther answers a read with what another object answers, nil for not at all.
func (t *interceptor) readOther(ctx context.Context, l *link, q *request, c *call) (*answer, error) {
	other := t.meet(c)
	if other == "" {
		return nil, nil
	}
	a, err := l.ask(ctx, q.instead(c, other, c.op))
	if err != nil || !a.ok() {
		return a, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.strike(OtherKey, "%s/%s %s is answered %q by %s", c.service, c.object, c.op, a.body, other)
	t.keep(c, a)
	return a, nil
}
