package checker

import (
	"slices"

	"retain/model"
)

// withoutIDs are the records without some.
func (w *witness) withoutIDs(ids []int32) []record {
	gone := setOf(ids)
	return keep(w.records, func(r record) bool { return !gone[r.id] })
}

func setOf[T comparable](all []T) map[T]bool {
	out := make(map[T]bool, len(all))
	for _, v := range all {
		out[v] = true
	}
	return out
}

func keep(records []record, want func(record) bool) []record {
	out := make([]record, 0, len(records))
	for _, r := range records {
		if want(r) {
			out = append(out, r)
		}
	}
	return out
}

// idle lists what changed nothing, whatever the state was; if nothing changes the
// state but clears, then these too, unless their answers say otherwise.
func (w *witness) idle() []int32 {
	nothing := func(r record) bool { return inert(r) || r.op == model.Operation(model.CounterAddThenFail{}) }
	changed := slices.ContainsFunc(w.records, func(r record) bool { return !nothing(r) && !clears(r.op) })
	var out []int32
	for _, r := range w.records {
		if nothing(r) || !changed && clears(r.op) && !observes(r) {
			out = append(out, r.id)
		}
	}
	return out
}

// unseen lists the writes whose values are in no answer, and that no compare-and-set
// may have replaced. Take a legal order with such a write in it. Up to the next
// change nothing that stands behind it can have answered something that tells of
// the state, since that would be its value; so the order stays legal without it
// (and without the ambiguous compare-and-sets there, which did nothing). A
// compare-and-set that nobody saw is such a write, too, and so is a register's
// clear, if nobody saw the register empty.
func (w *witness) unseen() []int32 {
	seen := map[entry]bool{}
	for _, r := range w.records {
		r.eachSeen(func(e entry) { seen[e] = true })
		if cas, ok := r.op.(model.RegisterCompareAndSet); ok && !inert(r) {
			seen[entry{value: cas.Expect}] = true
		}
	}
	var out []int32
	for _, r := range w.records {
		e, writes := r.writes()
		if _, clears := r.op.(model.RegisterClear); clears {
			e, writes = entry{}, true
		}
		if writes && !seen[e] {
			out = append(out, r.id)
		}
	}
	return out
}

// observes reports whether the answer tells of the state.
func observes(r record) bool {
	switch r.answer.(type) {
	case nil, model.Done, model.Failure:
		return false
	}
	return true
}

// excess lists ambiguous clears and additions that are more than the answers have
// room for, those that were called last.
//
// Of two clears between which nothing tells of the state, the first is for nothing,
// and so is one behind all that does: as many as there are answers that tell of it
// suffice, and since one is like the other, those that were called first.
//
// The additions of a counter that was not reset stand in the gaps between the
// values that it is known to have had, or behind them all. If they are all of one
// size, as many as the gaps take suffice; if there are no gaps, none is needed. Where
// something resets it, each that is for something is one of the units of an answer.
func (w *witness) excess() []int32 {
	var clearing []record
	observations, seen := 0, int64(0)
	for i, r := range w.records {
		if observes(r) {
			observations++
		}
		if value, known := valueOf(&w.records[i]); known {
			seen += value
		}
		if r.optional() && clears(r.op) {
			clearing = append(clearing, r)
		}
	}
	out := idsOf(clearing[min(observations, len(clearing)):]) // by call, as all records
	if w.object.Kind != model.Counter {
		return out
	}
	free, size := w.free()
	room := int64(0)
	for _, g := range w.gaps() {
		room += g.to - g.from
	}
	switch {
	case w.resets():
		room = seen
	case room == 0:
		return append(out, idsOf(free)...)
	}
	if size == 0 {
		return out
	}
	free = optionals(free)
	return append(out, idsOf(free[min(int(room/size), len(free)):])...)
}

func idsOf(records []record) []int32 {
	var out []int32
	for _, r := range records {
		out = append(out, r.id)
	}
	return out
}

func optionals(records []record) []record { return keep(records, record.optional) }

// resets reports whether anything may have reset the counter.
func (w *witness) resets() bool { return hasClear(w.records) }

// answeredClears are the clears that were answered, by call.
func answeredClears(records []record) []record {
	return keep(records, func(r record) bool { return r.answer != nil && clears(r.op) })
}

// after is the history from an answered clear on. What had returned before it stands
// before it in every order, what was called after it stands behind it, and it left
// nothing: so what stands behind it has a legal order by itself. What overlaps it
// may stand on either side, and becomes ambiguous; what is ambiguous stays so.
func after(records []record, clear record) []record {
	var out []record
	for _, r := range records {
		switch {
		case r.id == clear.id:
		case r.answer == nil || r.call > clear.ret:
			out = append(out, r)
		case r.ret >= clear.call && !r.op.ReadOnly():
			r.answer, r.ret = nil, open
			out = append(out, r)
		}
	}
	return out
}

// failing lists the additions that failed for good: their answers say no more than
// that they happened.
func (w *witness) failing() []int32 {
	var out []int32
	for _, r := range w.records {
		if _, ok := r.op.(model.CounterAddThenFail); ok && r.answer != nil {
			out = append(out, r.id)
		}
	}
	return out
}

// forgetting makes some operations ambiguous: an order of the history is one of what
// is left.
func (w *witness) forgetting(ids []int32) []record {
	forgotten := setOf(ids)
	out := slices.Clone(w.records)
	for i := range out {
		if forgotten[out[i].id] {
			out[i].answer, out[i].ret = nil, open
		}
	}
	return out
}
