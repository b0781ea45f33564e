package checker

import (
	"slices"

	"retain/model"
)

// pair is two answered changes, the second of which follows upon the first in every
// order, and nothing else is known of what was between them.
type pair struct{ first, second record }

// pairs lists what can be made one. In a legal order nothing that changes the state
// stands between the two: whatever is there is ambiguous and need not happen. So one
// operation with the effect of both can take their place; it may begin when the
// first of them was called and end when the last returned.
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

// collapsed are the records with a pair made one. It keeps the second's id.
func (w *witness) collapsed(p pair) []record {
	one := p.second
	one.call, one.ret = min(p.first.call, p.second.call), max(p.first.ret, p.second.ret)
	switch second := p.second.op.(type) {
	case model.RegisterCompareAndSet:
		one.op, one.answer = model.RegisterWrite{Value: second.Value}, model.Done{}
		if first, ok := p.first.op.(model.RegisterCompareAndSet); ok {
			one.op = model.RegisterCompareAndSet{Expect: first.Expect, Value: second.Value}
			one.answer = p.first.answer
		}
	default:
		c := model.Change{Old: p.first.answer.(model.Change).Old, New: p.second.answer.(model.Change).New}
		one.op, one.answer = model.CounterAdd{Delta: c.New - c.Old}, c
	}
	out := keep(w.records, func(r record) bool { return r.id != p.first.id && r.id != p.second.id })
	out = append(out, one)
	sortByCall(out)
	return out
}

// collapse makes one pair one, if that still violates.
func (w *witness) collapse() bool {
	for _, p := range w.pairs() {
		if w.take(w.collapsed(p)) {
			w.made[p.second.id] = slices.Concat(w.originals(p.first.id), w.originals(p.second.id))
			return true
		}
	}
	return false
}

// originals are the operations that a record stands for.
func (w *witness) originals(id int32) []int32 {
	if made := w.made[id]; made != nil {
		return made
	}
	return []int32{id}
}
