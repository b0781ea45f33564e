package checker

import (
	"math"

	"retain/model"
)

// answer of a fast decision that does not apply: the history is left to a search.
// Otherwise legal is exact, and if it is false, ids are a few operations that are
// involved, a hint for the proof.
type fast struct {
	applies, legal bool
	ids            []int32
}

func illegal(ids ...int32) fast { return fast{applies: true, ids: ids} }

// decideCell decides a register, or one entry of a map, in O(n log n).
//
// Sources: Gibbons and Korach's zones (see [zone]) for values written once; here
// a block is not one value but a chain of them, linked by compare-and-sets that
// saw what they expected: such an operation reads a value and ends it, so that
// nothing can come between the two values. A clearAll that removed the value
// ends a chain. For the initial value, which has more than one writer as soon as
// something clears, see [periods].
//
// Precondition: a value that was observed (answered, or expected by a successful
// compare-and-set, or by an ambiguous one whose own value is observed) was
// written by one operation only. Otherwise the decision does not apply: reading
// off which of two equal writes a read saw is NP-complete in general (Gibbons
// and Korach, theorem 4.1's reduction).
//
// Soundness: an ambiguous write that nobody observed is left out, as in the
// pre-pass. All other operations are in a block, a clear, or saw the object
// unset. In any legal order the operations of a block stand together, in the
// order of the chain; so the order of blocks, clears and unset reads is all that
// is left to find, and [ground.decide] finds it or there is none.
func decideCell(records []record) fast {
	c := cell{records: records}
	f := c.sort()
	if !f.applies {
		f = c.linkOptional()
	}
	if c.repeated {
		return fast{}
	}
	if f.applies {
		return f
	}
	if f := c.addBlocks(); f.applies {
		return f
	}
	legal, ids := c.ground.decide()
	return fast{applies: true, legal: legal, ids: ids}
}

// cell is a register's or an entry's history on its way to the ground.
type cell struct {
	records []record
	values  []value
	writers *index // of a value's place in values
	ground  ground
	// optional are the values of ambiguous compare-and-sets that were observed
	// and are not linked to what they expected yet.
	optional []int32
	// repeated: an observed value has more than one writer.
	repeated bool
}

// value is what one write wrote.
type value struct {
	writer int32 // index of the record
	// next is the record that took the value away and saw it, none for nobody;
	// taker is the value that it put there instead, none for the initial one.
	next, taker int32
	reads       zone
	observed    bool
}

const none = int32(-2)

// step is what an operation did to a cell, as far as is known.
type step struct {
	// saw is what it saw, if sees.
	saw  string
	sees bool
	// wrote is what it put there, "" for nothing.
	wrote string
	// expects is set for a compare-and-set without an answer.
	expects bool
	// unset: it cleared the cell.
	unset bool
}

func stepOf(r *record) step {
	switch op := r.op.(type) {
	case model.RegisterWrite:
		return step{wrote: op.Value}
	case model.MapSet:
		return step{wrote: op.Value}
	case model.RegisterCompareAndSet:
		saw, answered := r.answer.(model.Text)
		switch {
		case op.Expect == op.Value && !answered:
			return step{}
		case !answered:
			return step{saw: op.Expect, wrote: op.Value, expects: true}
		case string(saw) == op.Expect && op.Expect != op.Value:
			return step{saw: op.Expect, sees: true, wrote: op.Value}
		}
		return step{saw: string(saw), sees: true}
	case model.RegisterClear:
		return step{unset: true}
	case model.MapClearAll:
		all, answered := r.answer.(model.Entries)
		if answered && len(all) > 0 {
			return step{saw: all[0].Value, sees: true, unset: true}
		}
		return step{sees: answered, unset: !answered}
	}
	saw, answered := r.answer.(model.Text)
	return step{saw: string(saw), sees: answered}
}

// sort ties what saw a value to it, and puts the rest on the ground. Writers are
// noted on the way: most readers come soon after theirs, and find them in the
// processor's cache.
func (c *cell) sort() fast {
	writes := 0
	for i := range c.records {
		if stepOf(&c.records[i]).wrote != "" {
			writes++
		}
	}
	c.values = make([]value, 0, writes)
	c.writers = newIndex(writes, func(at int32) string { return stepOf(&c.records[c.values[at].writer]).wrote })
	var early []reader // called before their writers
	var first fast     // what contradicts itself, unless a value turns out to be repeated
	for i := range c.records {
		s := stepOf(&c.records[i])
		writes := none
		if s.wrote != "" {
			writes = c.addWriter(i, s.wrote)
		}
		switch {
		case s.unset && !s.sees:
			c.ground.addOne(c.records[i], unsets)
		case !s.sees:
		case s.saw == "":
			if s.wrote == "" {
				c.ground.addOne(c.records[i], sees)
			}
		default:
			if at, known := c.writers.get(s.saw); !known {
				early = append(early, reader{i, writes})
			} else if f := c.see(i, s, at, writes); f.applies && !first.applies {
				first = f
			}
		}
	}
	if first.applies {
		return first
	}
	for _, r := range early {
		if f := c.seeLate(r.record, r.writes); f.applies {
			return f
		}
	}
	return fast{}
}

// reader is a record that saw a value, and the value that it put there instead.
type reader struct {
	record int
	writes int32
}

// addWriter notes the value that record i wrote.
func (c *cell) addWriter(i int, wrote string) int32 {
	at := int32(len(c.values))
	c.values = append(c.values, value{writer: int32(i), next: none, taker: none, reads: emptyZone()})
	if first, known := c.writers.put(wrote, at); known && c.values[first].observed {
		c.repeated = true
	}
	return at
}

// seeLate ties record i to the value that it saw, once all writers are noted;
// writes is the value that it put there instead.
func (c *cell) seeLate(i int, writes int32) fast {
	s := stepOf(&c.records[i])
	at, known := c.writers.get(s.saw)
	if !known {
		return illegal(c.records[i].id)
	}
	return c.see(i, s, at, writes)
}

// see ties record i to the value at, which it saw.
func (c *cell) see(i int, s step, at, writes int32) fast {
	r := &c.records[i]
	if at == several {
		c.repeated = true
		return fast{}
	}
	v := &c.values[at]
	if !v.observed && stepOf(&c.records[v.writer]).expects {
		c.optional = append(c.optional, at)
	}
	v.observed = true
	switch {
	case s.wrote == "" && !s.unset:
		v.reads.add(*r)
	case v.next != none:
		return illegal(c.records[v.next].id, r.id)
	default:
		v.next, v.taker = int32(i), writes
	}
	return fast{}
}

// linkOptional takes in the ambiguous compare-and-sets that were observed: each
// saw what it expected.
func (c *cell) linkOptional() fast {
	for len(c.optional) > 0 {
		at := c.optional[len(c.optional)-1]
		c.optional = c.optional[:len(c.optional)-1]
		w := int(c.values[at].writer)
		if stepOf(&c.records[w]).saw == "" {
			continue
		}
		if f := c.seeLate(w, at); f.applies {
			return f
		}
	}
	return fast{}
}

// addBlocks puts each chain of values on the ground.
func (c *cell) addBlocks() fast {
	left := 0
	for i := range c.values {
		if c.happened(i) {
			left++
		}
	}
	for i := range c.values {
		s := stepOf(&c.records[c.values[i].writer])
		if !c.happened(i) || s.saw != "" {
			continue
		}
		b := block{zone: emptyZone(), after: math.MinInt64}
		b.needsUnset = s.sees || s.expects
		n, ok := c.follow(&b, int32(i))
		if !ok {
			return illegal(b.conflict...)
		}
		left -= n
		c.ground.add(b.zone)
	}
	if left > 0 {
		return illegal(c.circle()...)
	}
	return fast{}
}

// happened reports whether the value was certainly written.
func (c *cell) happened(i int) bool {
	v := &c.values[i]
	return v.observed || !c.records[v.writer].optional()
}

// follow adds a chain to a block, from its first value on, and counts its values.
func (c *cell) follow(b *block, at int32) (int, bool) {
	for n := 1; ; n++ {
		v := &c.values[at]
		if !b.then(zoneOf(c.records[v.writer])) || !b.then(v.reads) {
			return n, false
		}
		if v.taker == none {
			b.leavesUnset = v.next != none
			return n, !b.leavesUnset || b.then(zoneOf(c.records[v.next]))
		}
		at = v.taker
	}
}

// circle names the compare-and-sets that expect each other's values.
func (c *cell) circle() []int32 {
	var ids []int32
	for i := range c.values {
		if s := stepOf(&c.records[c.values[i].writer]); c.happened(i) && s.saw != "" {
			ids = append(ids, c.records[c.values[i].writer].id)
		}
	}
	return ids
}

// block is a zone whose operations have an order.
type block struct {
	zone
	// after is the latest call so far, afterBy the operation that called.
	after    int64
	afterBy  int32
	conflict []int32
}

// then adds the operations of z, in any order, behind all others. It fails if
// one of them returned before one of the others was called.
func (b *block) then(z zone) bool {
	if z.fBy == 0 {
		return true
	}
	if z.f < b.after {
		b.conflict = []int32{b.afterBy, z.fBy}
		return false
	}
	if z.s > b.after {
		b.after, b.afterBy = z.s, z.sBy
	}
	if z.f < b.f || b.fBy == 0 {
		b.f, b.fBy = z.f, z.fBy
	}
	if z.s > b.s {
		b.s, b.sBy = z.s, z.sBy
	}
	return true
}

// zoneOf is the zone of one operation.
func zoneOf(r record) zone { return zone{f: r.ret, s: r.call, fBy: r.id, sBy: r.id} }
