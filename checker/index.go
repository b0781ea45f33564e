package checker

import "hash/maphash"

// index finds the number of a text. It holds no strings, only hashes and numbers,
// so that a million texts fit a processor's cache, and so that a garbage collector
// need not look at it: a built-in map takes a third more time for a whole
// decision.
type index struct {
	seed  maphash.Seed
	slots []slotOf
	used  int
	// text is the text with a number.
	text func(at int32) string
}

// slotOf is one place of the index: at is the text's number plus one, 0 for a
// free place.
type slotOf struct {
	hash uint32
	at   int32
}

// newIndex makes room for so many texts; it grows if there are more.
func newIndex(texts int, text func(at int32) string) *index {
	size := 16
	for full(texts, size) {
		size *= 2
	}
	return &index{seed: maphash.MakeSeed(), slots: make([]slotOf, size), text: text}
}

// full reports whether a table of this size is too full for so many texts.
func full(texts, size int) bool { return texts > size*3/4 }

// number is the number of a text, or next, which it has from now on if it had
// none.
func (x *index) number(text string, next int32) int32 {
	hash := uint32(maphash.String(x.seed, text))
	mask := len(x.slots) - 1
	for i := int(hash) & mask; ; i = (i + 1) & mask {
		s := &x.slots[i]
		if s.at == 0 {
			*s = slotOf{hash: hash, at: next + 1}
			if x.used++; full(x.used, len(x.slots)) {
				x.grow()
			}
			return next
		}
		if s.hash == hash && x.text(s.at-1) == text {
			return s.at - 1
		}
	}
}

func (x *index) grow() {
	old := x.slots
	x.slots = make([]slotOf, 2*len(old))
	mask := len(x.slots) - 1
	for _, s := range old {
		if s.at == 0 {
			continue
		}
		i := int(s.hash) & mask
		for x.slots[i].at != 0 {
			i = (i + 1) & mask
		}
		x.slots[i] = s
	}
}
