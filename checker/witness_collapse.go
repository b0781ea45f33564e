package checker

import (
	"slices"

	"retain/model"
)

// pair is two answered changes, the second of which directly follows the first in every
// order, and no other operation mentions the value between them.
type pair struct{ first, second record }

// pairs lists the pairs that can be merged. In a legal order, only ambiguous operations
// can change the state between the two, and these need not take effect. So one operation
// with the effect of both can replace them; its interval is from the first call to the
// last return.
func (w *witness) pairs() []pair {
	switch w.object.Kind {
	case model.Counter:
		if !w.resets() {
			return pairsOf(w.records, countedFrom, countedTo, mentionedInCount)
		}
	case model.Register:
		return w.replacing()
	}
	return nil
}

// pairsOf pairs the one record that leads to a value with the one that goes on from
// there, if no other mentions it.
func pairsOf[V comparable](records []record, from, to func(record) (V, bool), mentions func(record, func(V))) []pair {
	begins, ends, times := map[V][]int{}, map[V][]int{}, map[V]int{}
	for i, r := range records {
		if v, ok := from(r); ok {
			begins[v] = append(begins[v], i)
		}
		if v, ok := to(r); ok {
			ends[v] = append(ends[v], i)
		}
		mentions(r, func(v V) { times[v]++ })
	}
	var out []pair
	for i, r := range records {
		v, ok := to(r)
		if ok && len(ends[v]) == 1 && len(begins[v]) == 1 && times[v] == 2 && begins[v][0] != i {
			out = append(out, pair{r, records[begins[v][0]]})
		}
	}
	return out
}

func countedFrom(r record) (int64, bool) {
	c, ok := r.answer.(model.Change)
	return c.Old, ok && c.New > c.Old
}

func countedTo(r record) (int64, bool) {
	c, ok := r.answer.(model.Change)
	return c.New, ok && c.New > c.Old
}

func mentionedInCount(r record, mention func(int64)) {
	switch a := r.answer.(type) {
	case model.Change:
		mention(a.Old)
		if a.New != a.Old {
			mention(a.New)
		}
	case model.Integer:
		mention(int64(a))
	}
}

// replacing pairs the only write of a register's value with the compare-and-set that
// replaced it.
func (w *witness) replacing() []pair {
	swapped := func(r record) (string, bool) {
		cas, ok := r.op.(model.RegisterCompareAndSet)
		return cas.Expect, ok && r.answer != nil && !inert(r) && cas.Expect != ""
	}
	written := func(r record) (string, bool) {
		e, ok := r.writes()
		return e.value, ok && r.answer != nil
	}
	return pairsOf(w.records, swapped, written, func(r record, mention func(string)) {
		if e, ok := r.writes(); ok {
			mention(e.value)
		}
		if cas, ok := r.op.(model.RegisterCompareAndSet); ok && !inert(r) {
			mention(cas.Expect) // its answer, if it has one, is the same
			return
		}
		r.eachSeen(func(e entry) { mention(e.value) })
	})
}

// collapsed are the records with pairs made one each. A pair keeps the second's id;
// one that is the first of another goes into that.
func (w *witness) collapsed(pairs []pair) []record {
	now, into, making := map[int32]record{}, map[int32]int32{}, map[int32][]int32{}
	for _, p := range pairs {
		now[p.first.id], now[p.second.id] = p.first, p.second
	}
	for _, p := range pairs {
		to := p.second.id
		for next, gone := into[to]; gone; next, gone = into[to] {
			to = next
		}
		first, second := now[p.first.id], now[to]
		if making[first.id] == nil {
			making[first.id] = w.originals(first.id)
		}
		if making[to] == nil {
			making[to] = w.originals(to)
		}
		making[to] = slices.Concat(making[first.id], making[to])
		now[to], into[p.first.id] = combined(first, second), to
	}
	var out []record
	for _, r := range w.records {
		if _, gone := into[r.id]; gone {
			continue
		}
		if one, changed := now[r.id]; changed {
			r = one
		}
		out = append(out, r)
	}
	sortByCall(out)
	w.making = making
	return out
}

// combined is one operation with the effect of two, and the second's id.
func combined(first, second record) record {
	one := second
	one.call, one.ret = min(first.call, second.call), max(first.ret, second.ret)
	switch op := second.op.(type) {
	case model.RegisterCompareAndSet:
		one.op, one.answer = model.RegisterWrite{Value: op.Value}, model.Done{}
		if swap, ok := first.op.(model.RegisterCompareAndSet); ok {
			one.op = model.RegisterCompareAndSet{Expect: swap.Expect, Value: op.Value}
			one.answer = first.answer
		}
	default:
		c := model.Change{Old: first.answer.(model.Change).Old, New: second.answer.(model.Change).New}
		one.op, one.answer = model.CounterAdd{Delta: c.New - c.Old}, c
	}
	return one
}

// originals are the operations that a record was merged from.
func (w *witness) originals(id int32) []int32 {
	if made := w.made[id]; made != nil {
		return made
	}
	return []int32{id}
}
