package checker

import "hash/maphash"

// index finds the writer of a value. It holds no strings, only hashes and the
// writers' numbers, so that a million values fit a processor's cache: a built-in
// map takes a third more time for a whole decision.
type index struct {
	seed  maphash.Seed
	slots []slotOf
	// value is the value that a writer wrote.
	value func(at int32) string
}

// slotOf is one place of the index: at is the writer's number plus one, negative
// if the value has several writers, 0 for a free place.
type slotOf struct {
	hash uint32
	at   int32
}

// newIndex makes room for so many values, and no more.
func newIndex(values int, value func(at int32) string) *index {
	size := 16
	for size < 2*values {
		size *= 2
	}
	return &index{seed: maphash.MakeSeed(), slots: make([]slotOf, size), value: value}
}

// find is the place of a value, or the free place that it would get.
func (x *index) find(value string) (*slotOf, uint32) {
	h := maphash.String(x.seed, value)
	hash := uint32(h >> 32)
	for i := int(h) & (len(x.slots) - 1); ; i = (i + 1) & (len(x.slots) - 1) {
		s := &x.slots[i]
		if s.at == 0 || s.hash == hash && x.value(max(s.at, -s.at)-1) == value {
			return s, hash
		}
	}
}

// put notes a writer. It returns the value's first writer, if there was one.
func (x *index) put(value string, at int32) (int32, bool) {
	s, hash := x.find(value)
	if s.at != 0 {
		s.at = -max(s.at, -s.at)
		return -s.at - 1, true
	}
	*s = slotOf{hash: hash, at: at + 1}
	return at, false
}

// get is the one writer of a value, several for more than one, and whether there
// is any.
func (x *index) get(value string) (int32, bool) {
	s, _ := x.find(value)
	if s.at < 0 {
		return several, true
	}
	return s.at - 1, s.at != 0
}
