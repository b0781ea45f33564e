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

// idle lists the operations that change nothing in any state. If only clears change the
// state, it lists these too, unless their answers show that they removed something.
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
// may have replaced. Take a legal order with such a write in it. From it up to the next
// change, no answer can show the state, since that would be its value; so the order
// stays legal without it
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

// observes reports whether the answer depends on the state.
func observes(r record) bool {
	switch r.answer.(type) {
	case nil, model.Done, model.Failure:
		return false
	}
	return true
}

// excess lists ambiguous clears and additions that are more than the answers have
// room for, those that were called last.
func (w *witness) excess() []int32 {
	observations := len(keep(w.records, observes))
	out := idsOf(w.clearsBeyond(observations))
	if w.object.Kind == model.Counter {
		out = append(out, w.additionsBeyond()...)
	}
	return out
}

// clearsBeyond lists the ambiguous clears but so many, if these suffice: one ambiguous
// clear can replace any that was called later.
//
// Of two clears without an answer between them that shows the state, the first is not
// needed, nor is one after all such answers: as many clears as there are such answers
// suffice.
func (w *witness) clearsBeyond(suffice int) []record {
	clearing := keep(optionals(w.records), func(r record) bool { return clears(r.op) })
	return clearing[min(suffice, len(clearing)):] // by call, as all records
}

// idleResets lists the ambiguous resets of a counter for which there are too few
// additions, but leaves one: without any, an answer that a reset explains looks wrong.
//
// A reset of a counter at 0 is not needed: each other one ends an epoch with an
// addition in it. The epoch of the highest value takes as many additions as that value
// needs. After the last reset there is an epoch with an addition, too, unless all its
// answers are 0, and the highest value came before it.
func (w *witness) idleResets() []int32 {
	additions, largest, highest, called := 0, int64(1), int64(0), int64(0)
	for _, r := range w.records {
		if n := model.Addition(r.op); n > 0 {
			additions, largest = additions+1, max(largest, n)
		}
		switch value, known := reached(r); {
		case !known || value < highest:
		case value > highest:
			highest, called = value, r.call
		default:
			called = max(called, r.call)
		}
	}
	room := additions - int((highest+largest-1)/largest)
	if slices.ContainsFunc(w.records, func(r record) bool {
		value, known := reached(r)
		return known && value == 0 && r.ret >= called
	}) {
		room++
	}
	return idsOf(w.clearsBeyond(max(1, room)))
}

// reached is the highest value that a counter's answer shows.
func reached(r record) (value int64, known bool) {
	switch a := r.answer.(type) {
	case model.Change:
		return max(a.Old, a.New), true
	case model.Integer:
		return int64(a), true
	}
	return 0, false
}

// additionsBeyond lists the ambiguous additions that are too many.
//
// The additions of a counter that was not reset stand in the gaps between the
// values that it is known to have had, or behind them all. If they are all of one
// size, as many as the gaps take suffice; if there are no gaps, none is needed. Where
// something resets it, each that is for something is one of the units of an answer.
func (w *witness) additionsBeyond() []int32 {
	free, size := w.free()
	room := int64(0)
	if w.resets() {
		for i := range w.records {
			value, _ := valueOf(&w.records[i])
			room += value
		}
	} else {
		for _, g := range w.gaps() {
			room += g.to - g.from
		}
		if room == 0 {
			return idsOf(free)
		}
	}
	if size == 0 {
		return nil
	}
	free = optionals(free)
	return idsOf(free[min(int(room/size), len(free)):])
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

// after is the history from an answered clear on. Operations that returned before the
// clear precede it in every order, those called after it follow it, and it leaves the
// object empty: so those that follow it have a legal order by themselves. An operation
// that overlaps it may stand on either side, and becomes ambiguous.
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

// failing lists the answered addThenFails: their answers show no value, only that they
// took effect.
func (w *witness) failing() []int32 {
	var out []int32
	for _, r := range w.records {
		if _, ok := r.op.(model.CounterAddThenFail); ok && r.answer != nil {
			out = append(out, r.id)
		}
	}
	return out
}

// forgetting makes some operations ambiguous: a legal order of the history stays one.
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
