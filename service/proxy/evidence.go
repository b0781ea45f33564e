package proxy

import (
	"slices"
	"sync"
	"sync/atomic"

	"retain/service"
)

// observers are called with each evidence. Telling them takes no lock.
type observers struct {
	mu   sync.Mutex // of those who change the list
	list atomic.Pointer[[]*func(service.Evidence)]
}

func (o *observers) add(f func(service.Evidence)) (cancel func()) {
	mine := &f
	o.change(func(list []*func(service.Evidence)) []*func(service.Evidence) { return append(list, mine) })
	return func() {
		o.change(func(list []*func(service.Evidence)) []*func(service.Evidence) {
			return slices.DeleteFunc(list, func(x *func(service.Evidence)) bool { return x == mine })
		})
	}
}

func (o *observers) change(f func([]*func(service.Evidence)) []*func(service.Evidence)) {
	o.mu.Lock()
	defer o.mu.Unlock()
	var list []*func(service.Evidence)
	if old := o.list.Load(); old != nil {
		list = slices.Clone(*old)
	}
	list = f(list)
	o.list.Store(&list)
}

func (o *observers) tell(e service.Evidence) {
	if list := o.list.Load(); list != nil {
		for _, f := range *list {
			(*f)(e)
		}
	}
}

// remembered is how many invocations the entry counts go back, at least. One
// that is entered again after more than that many others counts from 1 again.
const remembered = 1 << 16

// entries counts the entries of each invocation, in bounded memory: two
// generations, the older of which is dropped when the younger is full.
type entries struct {
	mu         sync.Mutex
	young, old map[string]int
}

// next counts one more entry of the invocation, from 1.
func (c *entries) next(invocation string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.young) >= remembered || c.young == nil {
		c.young, c.old = map[string]int{}, c.young
	}
	n, ok := c.young[invocation]
	if !ok {
		n = c.old[invocation]
	}
	c.young[invocation] = n + 1
	return n + 1
}
