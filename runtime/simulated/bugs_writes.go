package simulated

import (
	"slices"

	"retain/model"
)

// lateWrite is a change that waits for its time.
type lateWrite struct {
	of     *invocation
	change func(model.State) model.State
	after  int // operations until it surfaces
}

// miswrite is the change that a write makes, where a bug has a hand in it; the
// caller holds the lock. The write's answer is what it would have been.
func (s *store) miswrite(o *object, inv *invocation, change func(model.State) model.State) func(model.State) model.State {
	nothing := func(at model.State) model.State { return at }
	if s.bugs.strikes(SwallowedWrite, &o.site) {
		s.note("%s: %s/%s %s is not applied", SwallowedWrite, o.name, o.key, inv.op)
		return nothing
	}
	if s.bugs.strikes(LateWrite, &o.site) {
		n := 1 + int(3*s.random.of("late", o.number, inv.number))
		s.note("%s: %s/%s %s surfaces after %d more", LateWrite, o.name, o.key, inv.op, n)
		o.late = append(o.late, lateWrite{of: inv, change: change, after: n + 1}) // this one counts too
		return nothing
	}
	if value, ok := model.Appended(inv.op); ok && o.state.(model.ListState).Len() > 0 {
		if s.bugs.strikes(ReorderedList, &o.site) {
			s.note("%s: %s/%s %s goes before the last", ReorderedList, o.name, o.key, inv.op)
			return func(at model.State) model.State { return beforeLast(at.(model.ListState), value) }
		}
	}
	return change
}

func beforeLast(list model.ListState, value string) model.State {
	elements := list.Elements()
	elements = slices.Insert(elements, max(0, len(elements)-1), value)
	var next model.State = model.ListState{}
	for _, v := range elements {
		next, _ = model.ListAppend{Value: v}.Apply(next)
	}
	return next
}

// surface counts one more operation on the object and applies what is due; the
// caller holds the lock.
func (s *store) surface(o *object) {
	waiting := o.late[:0]
	for _, w := range o.late {
		if w.after--; w.after > 0 {
			waiting = append(waiting, w)
			continue
		}
		s.change(w.of, w.change)
	}
	o.late = waiting
}

// applyTwice reports whether an invocation that was in flight at a kill runs
// once more than it should; the caller holds the lock.
func (s *store) applyTwice(inv *invocation) bool {
	crashed := inv.crashed
	inv.crashed = false
	if !crashed || !s.bugs.on[DoubleApply] {
		return false
	}
	state := inv.object.state
	if !inv.applied {
		if !model.Commands(inv.op, state) {
			return false
		}
		state, _ = inv.op.Apply(state)
	}
	return s.runsTwice(inv, state)
}

// runAgain reports whether a finished invocation that is sent again runs again;
// the caller holds the lock.
func (s *store) runAgain(inv *invocation) bool {
	if inv.finished.IsZero() || !inv.applied || !s.bugs.on[DoubleApply] {
		return false
	}
	return s.runsTwice(inv, inv.object.state)
}

// runsTwice decides whether the operation, which has had its effect, runs again
// on this state. Where that changed nothing there is nothing to decide.
func (s *store) runsTwice(inv *invocation, state model.State) bool {
	o := inv.object
	next, _ := inv.op.Apply(state)
	if next.Equal(state) || !s.bugs.strikes(DoubleApply, &o.site) {
		return false
	}
	s.note("%s: %s/%s %s runs again", DoubleApply, o.name, o.key, inv.op)
	return true
}
