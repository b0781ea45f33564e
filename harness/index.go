package harness

import (
	"time"

	"retain/model"
	"retain/service"
)

// index finds in a history that grows what would else be searched in all of it.
type index struct {
	keys        map[string]int // operations by idempotency key
	invocations map[string]int // operations by the server's id of them
	invoked     map[int]bool   // operations whose invocation is known
	progress    map[int]progress
	moves       map[model.Object][2]move
}

// progress is how far an operation was seen to get.
type progress struct{ entered, finished bool }

// move is when the key of an object moved on, and by which operation.
type move struct {
	id int
	ns int64
}

// indexOf is the index of a history as far as it goes.
func indexOf(h *model.History) index {
	x := index{
		keys: map[string]int{}, invocations: map[string]int{}, invoked: map[int]bool{},
		progress: map[int]progress{}, moves: map[model.Object][2]move{},
	}
	for _, o := range h.Operations {
		x.called(o.ID, o.Key)
	}
	for _, e := range h.Evidence {
		x.seen(h, e)
	}
	return x
}

// add takes in an event that the history has.
func (x *index) add(h *model.History, e model.Event) {
	switch e := e.(type) {
	case model.Called:
		x.called(e.ID, e.Key)
	case model.Seen:
		x.seen(h, h.Evidence[len(h.Evidence)-1])
	}
}

func (x *index) called(id int, key string) {
	if key != "" {
		x.keys[key] = id
	}
}

// seen takes in evidence. The key of an object moves on when the handler of a call that
// needs it is first entered, and when it first finishes.
func (x *index) seen(h *model.History, e model.Observation) {
	if e.Invocation != "" {
		if _, known := x.invocations[e.Invocation]; !known {
			x.invocations[e.Invocation] = e.ID
		}
		x.invoked[e.ID] = true
	}
	over, p := e.Reading == string(service.Finished), x.progress[e.ID]
	if p.entered && (!over || p.finished) {
		return
	}
	x.progress[e.ID] = progress{entered: true, finished: over}
	op := &h.Operations[e.ID-1]
	if h.IsShared(op.Op) {
		return
	}
	m := x.moves[op.Object]
	if m[0].id != e.ID {
		m[1] = m[0]
	}
	m[0] = move{id: e.ID, ns: e.At.Ns}
	x.moves[op.Object] = m
}

// movedBut is when the key of an object last moved on by another operation than this one;
// false for never.
func (x *index) movedBut(o model.Object, id int) (time.Duration, bool) {
	for _, m := range x.moves[o] {
		if m.id != 0 && m.id != id {
			return time.Duration(m.ns), true
		}
	}
	return 0, false
}
