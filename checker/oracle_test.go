package checker

import "retain/model"

// oracle tries all orders of one object's operations in a view. It shares no
// code with the checker: no pre-pass, no records, no partition.
type oracle struct {
	ops    []model.Invoked
	placed []bool
	steps  int
}

func newOracle(h *model.History, object model.Object, view model.View) *oracle {
	o := &oracle{}
	for _, op := range h.Operations {
		op = op.In(view)
		if op.Object == object && op.Outcome != model.Failed {
			o.ops = append(o.ops, op)
		}
	}
	o.placed = make([]bool, len(o.ops))
	return o
}

// legal reports whether the operations have a legal order.
func (o *oracle) legal(state model.State) bool {
	o.steps++
	done := true
	for i, op := range o.ops {
		if op.Outcome == model.OK && !op.Deferred.Pending && op.Return.Ns < op.Deferred.Due-1_000_000 {
			return false // it was over before its time
		}
		done = done && (o.placed[i] || !must(op))
	}
	if done {
		return true
	}
	for i, op := range o.ops {
		if o.placed[i] || !o.may(op) {
			continue
		}
		next, answer := op.Op.Apply(state)
		if op.Outcome == model.OK && !op.Answer.Equal(answer) {
			continue
		}
		o.placed[i] = true
		ok := o.legal(next)
		o.placed[i] = false
		if ok {
			return true
		}
	}
	return false
}

// may reports whether the operation may come next: nothing that is missing
// returned before it was called.
func (o *oracle) may(op model.Invoked) bool {
	for j, other := range o.ops {
		if !o.placed[j] && must(other) && before(other, op) {
			return false
		}
	}
	return true
}

// must reports whether the operation has had its effect.
func must(op model.Invoked) bool {
	return op.Outcome == model.OK && (!op.Deferred.Pending || op.Deferred.Ran != model.Forever)
}

// before reports whether the effect of a is over before that of b can come.
func before(a, b model.Invoked) bool {
	over := a.Return
	if a.Deferred.Pending {
		over = a.Deferred.Ran
	}
	return over.Seq < b.Call.Seq || b.Deferred.Pending && over.Ns < b.Deferred.Due-1_000_000
}

// bruteForce is the oracle's verdict on one object.
func bruteForce(h *model.History, object model.Object, view model.View) bool {
	return newOracle(h, object, view).legal(object.Kind.Initial())
}
