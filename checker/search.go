package checker

import (
	"time"

	"github.com/anishathalye/porcupine"

	"retain/model"
)

// search is a budget for one search over orders.
type search struct {
	// until is when it must have ended.
	until time.Time
	// memory is what it may hold, in bytes.
	memory int64
}

// bytesPerStep is what porcupine keeps of each step that it could take, beside
// the set of linearized operations: a cache entry with its place in the cache's
// map, and the new state.
const bytesPerStep = 320

// run searches all orders of the records, after the pre-pass. The cost is
// exponential in the operations that are open at once; the result is
// [Undecided] when the budget is spent.
//
// Porcupine has no limit of its own on memory. It keeps one cache entry for each
// step that it could take, and nothing else that grows; so the steps are counted
// here, and when their estimated size reaches the budget every further step is
// refused. The search then unwinds at once and its answer is not used.
func (s search) run(kind model.Kind, records []record) Verdict {
	r := prepass(records)
	if r.conflict != nil {
		return Violation
	}
	left := time.Until(s.until)
	if left <= 0 {
		return Undecided
	}
	steps := s.memory / int64(bytesPerStep+len(r.records)/8)
	m := specification(kind, r)
	take, spent := m.Step, false
	m.Step = func(state, input, output any) (bool, any) {
		if spent {
			return false, state
		}
		ok, next := take(state, input, output)
		if ok {
			steps--
			spent = steps <= 0
		}
		return ok, next
	}
	verdict := Undecided
	switch porcupine.CheckOperationsTimeout(m, operationsOf(r.records, nil), left) {
	case porcupine.Ok:
		verdict = Pass
	case porcupine.Illegal:
		if !spent {
			verdict = Violation
		}
	}
	return verdict
}

// specification is the sequential specification of a kind of object for
// porcupine. An operation without an answer may give any.
func specification(kind model.Kind, r reduced) porcupine.Model {
	return porcupine.Model{
		Init: func() any { return kind.Initial() },
		Step: func(state, input, _ any) (bool, any) {
			o := input.(record)
			return r.take(state.(model.State), &o)
		},
		Equal: func(a, b any) bool { return a.(model.State).Equal(b.(model.State)) },
		Hash:  func(s any) uint64 { return s.(model.State).Hash() },
	}
}

// take is a step of the sequential specification: whether the operation can
// happen in the state with the answer that it has, and the state after it.
func (r reduced) take(before model.State, o *record) (bool, model.State) {
	if op, ok := o.op.(model.ListAppend); ok && r.misplaced(before.(model.ListState), op.Value) {
		return false, before
	}
	if list, ok := o.answer.(model.Texts); ok && len(list) != before.(model.ListState).Len() {
		return false, before
	}
	next, answer := o.op.Apply(before)
	if o.answer != nil && !o.answer.Equal(answer) {
		return false, before
	}
	return true, next
}

// misplaced reports whether appending the value to the list puts it behind
// another element than the answers say.
func (r reduced) misplaced(list model.ListState, value string) bool {
	want, known := r.after[value]
	return known && want != list.Last()
}

// operationsOf turns records into porcupine's operations. client numbers the
// clients, for pictures; nil for no matter.
func operationsOf(records []record, client func(record) int) []porcupine.Operation {
	out := make([]porcupine.Operation, len(records))
	for i, r := range records {
		out[i] = porcupine.Operation{Input: r, Call: r.call, Return: r.ret}
		if client != nil {
			out[i].ClientId = client(r)
		}
	}
	return out
}
