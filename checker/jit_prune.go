package checker

import (
	"math"
	"slices"
	"strings"

	"retain/model"
)

// setKind is what is known of a map's set. [jit] uses it to leave out operations that can
// be linearized later without harm.
//
// Take any legal order, and in it an operation that does not return now. As long
// as exchanging it with its successor changes no answer, exchange them: the order
// stays legal, because the operation that moves back has not returned. So jit need
// only try an operation at its return, or just before a pending one that it can't
// be exchanged with.
//
//   - A set whose value one operation wrote and somebody saw can't be exchanged
//     with those who saw it. It can be with all others: no other set of its entry
//     and no clearAll comes between it and the operation that saw it. So it is
//     linearized at its return, or just before one that saw it, together with the
//     other sets that this one saw.
//   - A set that nobody saw can be exchanged with all others, and an operation that
//     overwrites it makes it free: at any time before its return, another set of its
//     entry or an ambiguous clearAll may come directly after it (cover).
//   - An ambiguous addition serves a pending operation that answered a value which
//     the counter has not reached. Before a reset it would serve none.
//   - An ambiguous reset serves a pending operation that answered a smaller value
//     than the counter has, or a pending addition without a value, which would
//     come too early without it. (If ambiguous additions are not all of 1, it may
//     also serve a larger value: at 2, add(3) and a reset lead to 3.)
type setKind uint8

const (
	// anySet: its value was written more than once, nothing is known of it.
	anySet setKind = iota
	seenSet
	hiddenSet
)

// setKinds returns by record the kind of a map's set, and the sets that it saw.
func setKinds(records []record) ([]setKind, [][]int32) {
	writers := writersOf(records)
	seen := observe(records, writers, nil)
	out := make([]setKind, len(records))
	for i, r := range records {
		e, ok := r.writes()
		switch {
		case !ok || writers[e] != i:
		case seen.by[i] >= 0:
			out[i] = seenSet
		default:
			out[i] = hiddenSet
		}
	}
	return out, needsOf(records, writers)
}

// needsOf are by record the sets that it saw, of values written once.
func needsOf(records []record, writers map[entry]int) [][]int32 {
	needs := make([][]int32, len(records))
	for i, r := range records {
		r.eachSeen(func(e entry) {
			if w, known := writers[e]; known && w != several {
				needs[i] = append(needs[i], int32(w))
			}
		})
	}
	return needs
}

// mergeHidden gives all sets that nobody saw the same value, one that nobody wrote: the
// states after them are then equal.
func (w *jit) mergeHidden() {
	longest := 0
	for _, r := range w.records {
		if e, ok := r.writes(); ok {
			longest = max(longest, len(e.value))
		}
		r.eachSeen(func(e entry) { longest = max(longest, len(e.value)) })
	}
	value := strings.Repeat("-", longest+1)
	for i, kind := range w.sets {
		if kind == hiddenSet {
			w.records[i].op = model.MapSet{Key: w.records[i].op.(model.MapSet).Key, Value: value}
		}
	}
}

// canWait reports whether a pending operation that does not return now need not be
// linearized by itself.
func (w *jit) canWait(o pendingOperation) bool {
	return w.sets != nil && w.sets[o.record] != anySet
}

// cover linearizes the pending sets that nobody saw and that an operation overwrites.
// An answered clearAll overwrites none: its answer shows the values that it removed.
func (w *jit) cover(linearized uint64, by int) uint64 {
	if w.sets == nil {
		return linearized
	}
	set, sets := w.records[by].op.(model.MapSet)
	all := !sets && w.records[by].answer == nil
	for _, o := range w.pending {
		if w.sets[o.record] != hiddenSet {
			continue
		}
		if all || sets && w.records[o.record].op.(model.MapSet).Key == set.Key {
			linearized |= o.bit
		}
	}
	return linearized
}

// useless reports whether an ambiguous operation on a counter serves no pending one.
func (w *jit) useless(c config, sample int) bool {
	delta, reset := model.Addition(w.records[sample].op), isReset(&w.records[sample])
	if delta == 0 && !reset {
		return false
	}
	for _, o := range w.pending {
		if c.linearized&o.bit != 0 {
			continue
		}
		value, known := valueOf(&w.records[o.record])
		switch {
		case reset && (!known || value < c.state || !w.units):
			return false
		case !reset && known && value >= c.state+delta:
			return false
		}
	}
	return true
}

// wanted reports whether a register's value serves anything now: a pending operation needs
// it, or an ambiguous compare-and-set that is left expects it. Otherwise the write of it,
// itself ambiguous, need not take effect.
func (w *jit) wanted(c config, value int64) bool {
	if w.register == nil {
		return true
	}
	for _, o := range w.pending {
		if c.linearized&o.bit == 0 && w.register.needs(o.record, value) {
			return true
		}
	}
	for class, sample := range w.samples {
		if w.use(c, class) < w.called[class] && w.register.needs(sample, value) {
			return true
		}
	}
	return false
}

func isReset(r *record) bool {
	_, ok := r.op.(model.CounterReset)
	return ok
}

// valueOf is the value that a counter had before the operation, if the answer shows
// it.
func valueOf(r *record) (int64, bool) {
	switch a := r.answer.(type) {
	case model.Change:
		return a.Old, true
	case model.Integer:
		return int64(a), true
	}
	return 0, false
}

// lastResets finds for each record the last call of a reset before its return,
// the smallest number for none.
func lastResets(records []record) []int64 {
	var calls []int64 // sorted, as the records are
	for i := range records {
		if isReset(&records[i]) {
			calls = append(calls, records[i].call)
		}
	}
	out := make([]int64, len(records))
	for i, r := range records {
		at, _ := slices.BinarySearch(calls, r.ret)
		if out[i] = math.MinInt64; at > 0 {
			out[i] = calls[at-1]
		}
	}
	return out
}

// deadEnd reports whether a configuration leads to no order. For a list see [jit.stuck].
// A counter's does if the counter has passed the value of a pending operation, with no
// reset left that could bring it back before that one returns: otherwise a counter only
// grows.
func (w *jit) deadEnd(c config) bool {
	if w.lists != nil {
		return w.stuck(c)
	}
	if w.resets == nil {
		return false
	}
	first := open // when the last chance of one of them comes
	for _, o := range w.pending {
		if c.linearized&o.bit != 0 {
			continue
		}
		r := &w.records[o.record]
		if isReset(r) {
			return false
		}
		if value, known := valueOf(r); known && value < c.state {
			first = min(first, w.resets[o.record])
		}
	}
	if first > w.clock {
		return false
	}
	for class, sample := range w.samples {
		if isReset(&w.records[sample]) && w.use(c, class) < w.called[class] {
			return false
		}
	}
	return true
}
