package checker

import "retain/model"

// entry is a value at a place: the key of a map's entry ("" elsewhere) and the
// value. Appended elements are values too.
type entry struct{ key, value string }

// writes is the value that the operation may have put there. A compare-and-set
// that saw another value than it expected wrote nothing, and neither has one that
// puts back what it expects.
func (r record) writes() (entry, bool) {
	if value, ok := model.Appended(r.op); ok {
		return entry{value: value}, true
	}
	switch op := r.op.(type) {
	case model.RegisterWrite:
		return entry{value: op.Value}, true
	case model.RegisterCompareAndSet:
		swapped := r.answer == nil || r.answer.Equal(model.Text(op.Expect))
		return entry{value: op.Value}, swapped && op.Expect != op.Value
	case model.MapSet:
		return entry{op.Key, op.Value}, true
	}
	return entry{}, false
}

// eachSeen calls f with each value that the answer shows.
func (r record) eachSeen(f func(entry)) {
	switch a := r.answer.(type) {
	case model.Text:
		switch op := r.op.(type) {
		case model.MapGet:
			f(entry{op.Key, string(a)})
		case model.AwakeableOutput, model.AwakeableAttach: // it is no value of the state
		default:
			f(entry{"", string(a)})
		}
	case model.Texts:
		for _, v := range a {
			f(entry{value: v})
		}
	case model.Entries:
		for _, e := range a {
			f(entry{e.Key, e.Value})
		}
	}
}

// writersOf maps each written value, except the initial "", to the index of the
// one record that may have written it, or to several if there are more.
func writersOf(records []record) map[entry]int {
	out := make(map[entry]int, len(records))
	for i, r := range records {
		e, ok := r.writes()
		if !ok || e.value == "" {
			continue
		}
		if _, taken := out[e]; taken {
			out[e] = several
		} else {
			out[e] = i
		}
	}
	return out
}

// several stands for more than one writer.
const several = -1
