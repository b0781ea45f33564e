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
	all := slices.DeleteFunc(t.objects[c.service], func(o string) bool { return o == c.object })
	t.objects[c.service] = append(all, c.object)
	if len(all) == 0 || !c.op.ReadOnly() || !t.bugs.takes(OtherKey) {
		return ""
	}
	other = all[t.bugs.draws[OtherKey].IntN(len(all))]
	t.objects[c.service] = slices.Delete(t.objects[c.service], 0, max(0, len(all)+1-mostObjects))
	return other
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
