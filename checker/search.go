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
	// effort bounds it as well, nil for no bound.
	effort *effort
	// steps is how many steps porcupine may take, 0 for as many as the memory allows.
	steps int64
	// ended is where the bound goes that ended a search, nil for nowhere.
	ended *Bound
}

// reached notes which bound ended a search.
func (s search) reached(b Bound) {
	if s.ended != nil {
		*s.ended = b
	}
}

// few is the budget with so many steps at most.
func (s search) few(steps int) search {
	s.steps = int64(steps)
	return s
}

// spent reports whether the time is up or the effort spent.
func (s search) spent() bool { return s.effort.spent() || !time.Now().Before(s.until) }

// deadline is the budget for what takes long in one piece.
func (s search) deadline() *deadline { return &deadline{until: s.until, effort: s.effort} }

// half is the budget with half of its time and effort.
func (s search) half() search {
	s.until, s.effort = time.Now().Add(time.Until(s.until)/2), s.effort.half()
	return s
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
	r := prepass(records, s.deadline())
	if r.conflict != nil {
		return Violation
	}
	if r.spent || s.spent() {
		s.reached(ByTime)
		return Undecided
	}
	r.after = neighbours(records)
	steps := s.memory / int64(bytesPerStep+len(r.records)/8)
	return s.count(specification(kind, r), operationsOf(r.records, nil), steps)
}

// race searches all orders of the records as they are, without the pre-pass, on the
// states of [jit]'s machine. It is quick where porcupine is at its best: where
// the order of the calls is nearly a legal one.
func (s search) race(kind model.Kind, records []record) Verdict {
	m := machineOf(kind, records, nil)
	operations := make([]porcupine.Operation, len(records))
	for i := range records {
		operations[i] = porcupine.Operation{Input: i, Call: records[i].call, Return: records[i].ret}
	}
	return s.count(porcupine.Model{
		Init: func() any { return m.start() },
		Step: func(state, input, _ any) (bool, any) {
			next, ok := m.apply(state.(int64), input.(int))
			return ok, next
		},
		Equal: func(a, b any) bool { return a == b },
		Hash:  func(state any) uint64 { return uint64(state.(int64)) * 0x9e3779b97f4a7c15 },
	}, operations, s.memory/int64(bytesPerStep+len(records)/8))
}

// count runs porcupine and counts its steps.
func (s search) count(m porcupine.Model, operations []porcupine.Operation, steps int64) Verdict {
	if s.steps > 0 {
		steps = min(steps, s.steps)
	}
	take, spent := m.Step, false
	units, perStep := s.effort.rest(), int64(perStep+len(operations)/operationsPerUnit)
	before := units
	m.Step = func(state, input, output any) (bool, any) {
		if spent {
			return false, state
		}
		ok, next := take(state, input, output)
		units -= perTry
		if ok {
			steps--
			units -= perStep
		}
		spent = steps <= 0 || units <= 0
		return ok, next
	}
	verdict := Undecided
	s.reached(ByTime)
	switch porcupine.CheckOperationsTimeout(m, operations, time.Until(s.until)) {
	case porcupine.Unknown:
		return Undecided // it may still be at its last step
	case porcupine.Ok:
		verdict = Pass
	case porcupine.Illegal:
		if !spent {
			verdict = Violation
		} else {
			s.reached(ByMemory)
		}
	}
	s.effort.spend(int(before - units))
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
	if value, ok := model.Appended(o.op); ok && r.misplaced(before.(model.ListState), value) {
		return false, before
	}
	if list, ok := o.answer.(model.Texts); ok {
		if held, is := before.(model.ListState); is && len(list) != held.Len() {
			return false, before
		}
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
