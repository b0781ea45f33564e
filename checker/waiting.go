package checker

import (
	"math"
	"slices"
	"strings"

	"retain/model"
)

// setKind is what is known of a map's set. It belongs to what the window need not
// try yet, since it may as well happen later.
//
// Take any legal order, and in it an operation that does not return now. As long
// as exchanging it with the one behind it changes no answer, exchange them: the
// order stays legal, because what is moved back has not returned. So the window
// need only try an operation at its return, or in front of one that it can't be
// exchanged with and that is open as well.
//
//   - A set whose value one operation wrote and somebody saw can't be exchanged
//     with those who saw it. It can be with all else: behind it there is no other
//     set of its entry and no clearAll before it has been seen. So it happens at
//     its return, or right in front of one that saw it, together with the others
//     that this one saw.
//   - A set that nobody saw goes with nobody, but for what covers it up: at any
//     time before its return another set of its entry, or an ambiguous clearAll,
//     may be taken to come right behind it (cover).
//   - An ambiguous addition is for an open operation that answered a value which
//     the counter has not reached. In front of a reset it would be for nothing.
//   - An ambiguous reset is for an open operation that answered a smaller value
//     than the counter has, or for an open addition without a value, which would
//     come too early without it. (If ambiguous additions are not all of 1, it may
//     also be for a larger value: at 2, add(3) and a reset lead to 3.)
type setKind uint8

const (
	// anySet: its value was written more than once, nothing is known of it.
	anySet setKind = iota
	seenSet
	hiddenSet
)

// setKinds tells the sets of a map apart.
func setKinds(records []record) ([]setKind, [][]int32) {
	writers := writersOf(records)
	seen := observe(records, writers)
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

// alikeIfHidden gives all sets that nobody saw the same value, one that nobody
// wrote: what they leave behind can't be told apart.
func (w *window) alikeIfHidden() {
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

// canWait reports whether an open operation that does not return now need not
// happen by itself.
func (w *window) canWait(o opened) bool {
	return w.sets != nil && w.sets[o.record] != anySet
}

// cover makes happen the sets that nobody saw and that an operation covers up.
// An answered clearAll covers nothing: it shows what it removed.
func (w *window) cover(done uint64, by int) uint64 {
	if w.sets == nil {
		return done
	}
	set, sets := w.records[by].op.(model.MapSet)
	all := !sets && w.records[by].answer == nil
	for _, o := range w.open {
		if w.sets[o.record] != hiddenSet {
			continue
		}
		if all || sets && w.records[o.record].op.(model.MapSet).Key == set.Key {
			done |= o.bit
		}
	}
	return done
}

// useless reports whether an ambiguous operation on a counter is for nothing now.
func (w *window) useless(c config, sample int) bool {
	delta, reset := model.Addition(w.records[sample].op), isReset(&w.records[sample])
	if delta == 0 && !reset {
		return false
	}
	for _, o := range w.open {
		if c.done&o.bit != 0 {
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

func isReset(r *record) bool {
	_, ok := r.op.(model.CounterReset)
	return ok
}

// valueOf is the value that a counter had when the operation happened, if its
// answer says so.
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

// passed reports whether the counter has passed the value of an open operation,
// with no reset left that could bring it back before that one returns. A counter
// only grows otherwise.
func (w *window) passed(c config) bool {
	if w.resets == nil {
		return false
	}
	first := open // when the last chance of one of them comes
	for _, o := range w.open {
		if c.done&o.bit != 0 {
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
