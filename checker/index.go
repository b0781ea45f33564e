package checker

import (
	"hash/maphash"
	"math/bits"
	"math/rand/v2"
	"slices"
)

// index numbers texts in the order in which they first come. Its table holds
// hashes and numbers only, so that a million texts fit a processor's cache, and
// the way to a text is the same whether it is known or new: which of the two it
// is can't be foretold, and a processor that guesses wrong loses as much time as
// the whole look-up takes. (With a built-in map a decision of a million operations
// takes 1.2 to 1.7 times as long.) It is ready once it is reset.
type index struct {
	seed  maphash.Seed
	odd   uint64
	slots []slotOf
	used  int
	// texts are the texts by number, and one place more.
	texts []string
}

// slotOf is one place of the index: at is the text's number plus one, 0 for a
// free place.
type slotOf struct {
	hash uint32
	at   int32
}

// reset empties the index and makes room for so many texts; it grows if there are
// more.
func (x *index) reset(texts int) {
	size := 16
	for full(texts, size) {
		size *= 2
	}
	x.seed, x.odd, x.used = maphash.MakeSeed(), rand.Uint64(), 0
	x.texts = append(slices.Grow(x.texts[:0], texts+1), "")
	if size > cap(x.slots) {
		x.slots = make([]slotOf, size)
		return
	}
	x.slots = x.slots[:size]
	clear(x.slots)
}

// forget lets go of the texts, and keeps the memory.
func (x *index) forget() { clear(x.texts) }

// full reports whether a table of this size is too full for so many texts.
func full(texts, size int) bool { return texts > size/2 }

// number is the number of a text, and whether it is new.
func (x *index) number(text string) (int32, bool) {
	next := int32(len(x.texts))
	x.texts[next-1] = text
	hash, mask := x.hash(text), len(x.slots)-1
	for i := int(hash) & mask; ; i = (i + 1) & mask {
		s := &x.slots[i]
		here := *s
		if s.at == 0 {
			here.at = next
		}
		if s.at == 0 {
			here.hash = hash
		}
		if here.hash != hash || x.texts[here.at-1] != text {
			continue
		}
		*s = here
		if here.at == next {
			x.add()
		}
		return here.at - 1, here.at == next
	}
}

// skip gives away a number for no text.
func (x *index) skip() { x.texts = append(x.texts, "") }

// add makes the text in the last place a known one.
func (x *index) add() {
	x.texts = append(x.texts, "")
	if x.used++; full(x.used, len(x.slots)) {
		x.grow()
	}
}

// hash is a hash of a text. Values are short, mostly; a multiplication is enough
// for them.
func (x *index) hash(text string) uint32 {
	if len(text) > 7 {
		return uint32(maphash.String(x.seed, text))
	}
	word := uint64(len(text))
	for i := range len(text) {
		word = word<<8 | uint64(text[i])
	}
	hi, lo := bits.Mul64(word^x.odd, 0x9e3779b97f4a7c15)
	return uint32(hi ^ lo)
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
