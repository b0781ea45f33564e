package checker

import (
	"slices"

	"retain/model"
)

// A counter is a list of units that are appended, and all taken away by a reset: its
// value is their number. So units can be deleted from all answers, like the elements
// of a list. Between two values that answers show next to each other, either one
// answered addition put all units, or others did of which only the sum is known:
// there is a gap.

// span is the units between two values.
type span struct{ from, to int64 }

// spans are the units between the values that answers show, ascending, and for each
// whether one answered addition put them.
func (w *witness) spans() (all []span, covered []bool) {
	values := []int64{0}
	var additions []span
	for _, r := range w.records {
		switch a := r.answer.(type) {
		case model.Change:
			values = append(values, a.Old, a.New)
			additions = append(additions, span{a.Old, a.New})
		case model.Integer:
			values = append(values, int64(a))
		}
	}
	slices.Sort(values)
	values = slices.Compact(values)
	slices.SortFunc(additions, func(a, b span) int { return int(a.from - b.from) })
	reached := int64(0)
	for i := 1; i < len(values); i++ {
		s := span{values[i-1], values[i]}
		for len(additions) > 0 && additions[0].from <= s.from {
			reached = max(reached, additions[0].to)
			additions = additions[1:]
		}
		all, covered = append(all, s), append(covered, reached >= s.to)
	}
	return all, covered
}

// gaps are the spans that no answered addition put.
func (w *witness) gaps() []span {
	var out []span
	all, covered := w.spans()
	for i, s := range all {
		if !covered[i] {
			out = append(out, s)
		}
	}
	return out
}

// free are the additions of which nobody knows where they stand, and size is what
// each of them adds, 0 if they differ; it is 1 without any.
func (w *witness) free() (additions []record, size int64) {
	for _, r := range w.records {
		if !observes(r) && model.Addition(r.op) > 0 {
			additions = append(additions, r)
		}
	}
	for i, r := range additions {
		switch {
		case i == 0:
			size = model.Addition(r.op)
		case model.Addition(r.op) != size:
			return additions, 0
		}
	}
	if len(additions) == 0 {
		size = 1
	}
	return additions, size
}

// units lists the spans that can be deleted, by their upper ends, the highest first:
// deleting it leaves the others their numbers.
//
// Units that no answered addition added can be deleted if only ambiguous operations may
// have added them: these then take no effect. Where something resets the counter, the
// units are deleted from every epoch; all additions must then be of 1.
func (w *witness) units() []int64 {
	_, size := w.free()
	resets := w.resets()
	if resets && (len(w.failing()) > 0 || size != 1) {
		return nil
	}
	var out []int64
	all, covered := w.spans()
	claimed := w.claimed(all)
	for i, s := range all {
		if resets || covered[i] || !claimed[i] {
			out = append(out, s.to)
		}
	}
	slices.Reverse(out)
	return out
}

// claimed reports for each span of a counter that was not reset whether an answered
// addThenFail, whose position no answer shows, may have added it: its interval allows it
// before every operation above the span and after every operation below it.
func (w *witness) claimed(all []span) []bool {
	out := make([]bool, len(all))
	must := keep(w.records, func(r record) bool { return r.answer != nil && !observes(r) && model.Addition(r.op) > 0 })
	if len(must) == 0 {
		return out
	}
	below, above := make([]int64, len(all)+1), make([]int64, len(all)+1)
	for i := range above {
		above[i] = open
	}
	for _, r := range w.records {
		from, to := int64(0), int64(0)
		switch a := r.answer.(type) {
		case model.Change:
			from, to = a.Old, a.New
		case model.Integer:
			from, to = int64(a), int64(a)
		default:
			continue
		}
		at, _ := slices.BinarySearchFunc(all, to, func(s span, v int64) int { return int(s.from - v) })
		below[at] = max(below[at], r.call)
		at, _ = slices.BinarySearchFunc(all, from, func(s span, v int64) int { return int(s.from - v) })
		above[at] = min(above[at], r.ret)
	}
	for i := range all {
		below[i+1] = max(below[i+1], below[i])
		above[len(all)-1-i] = min(above[len(all)-1-i], above[len(all)-i])
	}
	for i := range all {
		out[i] = slices.ContainsFunc(must, func(m record) bool { return m.ret >= below[i] && m.call <= above[i+1] })
	}
	return out
}

// withoutUnits deletes spans, by their upper ends. An addition of 0 that results is
// dropped.
func (w *witness) withoutUnits(ends []int64) []record {
	gone := setOf(ends)
	all, _ := w.spans()
	left := map[int64]int64{0: 0}
	n := int64(0)
	for _, s := range all {
		if !gone[s.to] {
			n += s.to - s.from
		}
		left[s.to] = n
	}
	return renumber(w.records, func(v int64) int64 { return left[v] })
}

// renumber maps values to others, in the same order. An addition of 0 that results is
// dropped.
func renumber(records []record, to func(int64) int64) []record {
	var out []record
	for _, r := range records {
		switch a := r.answer.(type) {
		case model.Change:
			c := model.Change{Old: to(a.Old), New: to(a.New)}
			if a.Old != a.New && c.Old == c.New {
				continue
			}
			r.op, r.answer = model.CounterAdd{Delta: c.New - c.Old}, c
		case model.Integer:
			r.answer = model.Integer(to(int64(a)))
		}
		out = append(out, r)
	}
	return out
}

// shorter are the steps that leave fewer units of a span, but some. Units that an
// answered addition added can go like any others. Of a gap that only additions of 1
// can have filled, the ambiguous addition that was called last goes with each unit: the
// one that added it in a legal order can replace that one.
func (w *witness) shorter() []sound {
	free, size := w.free()
	resets := w.resets()
	if resets && (len(w.failing()) > 0 || size != 1) {
		return nil
	}
	free = optionals(free)
	var out []sound
	all, covered := w.spans()
	claimed := w.claimed(all)
	for i, s := range all {
		for n := s.to - s.from - 1; n > 0 && (covered[i] || size == 1 && !claimed[i]); n /= 2 {
			gone := 0
			if !covered[i] && !resets {
				gone = min(int(n), len(free))
			}
			out = append(out, sound{"shorter", func() []record { return w.shortened(s, n, free[len(free)-gone:]) }})
		}
	}
	return out
}

// shortened deletes so many units of a span, and some additions.
func (w *witness) shortened(s span, n int64, gone []record) []record {
	left := keep(w.records, func(r record) bool {
		return !slices.ContainsFunc(gone, func(g record) bool { return g.id == r.id })
	})
	return renumber(left, func(v int64) int64 {
		if v >= s.to {
			return v - n
		}
		return v
	})
}
