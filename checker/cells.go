package checker

import (
	"math"
	"slices"
	"sync"

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
	c := cells.Get().(*cell)
	defer c.release()
	c.reset(records)
	for i := range records {
		c.add(int32(i))
	}
	f := c.observe()
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
	names   index   // of values
	values  []value // by number
	ground  ground
	// first is what contradicts itself, unless a value turns out to be repeated.
	first fast
	// left counts the values that were certainly written and are in no block yet.
	left int
	// optional are the values of ambiguous compare-and-sets that were observed
	// and are not linked to what they expected yet.
	optional []int32
	// repeated: an observed value has more than one writer.
	repeated bool
}

// cells are what was decided before, for their memory: a map has many entries,
// and a proof is found by deciding hundreds of histories. What a collector does
// for a fresh one takes as long as half a decision.
var cells = sync.Pool{New: func() any { return &cell{} }}

func (c *cell) reset(records []record) {
	few := len(records) / 2 // for what is written, mostly
	*c = cell{
		records: records, names: c.names, values: slices.Grow(c.values[:0], few), optional: c.optional[:0],
		ground: c.ground.emptied(),
	}
	c.names.reset(few)
}

func (c *cell) release() {
	c.records = nil
	c.names.forget()
	cells.Put(c)
}

// value is what one write wrote: a cache line. It is made when its text first
// comes, be it in an answer, so that the text is looked up while it is in the
// processor's cache.
type value struct {
	// writer is the record that wrote it. As long as there is none, it is
	// negative: the complement of the first record that saw or expected it.
	writer int32
	// saw is the value that the writer saw (or expected: expects) and took away,
	// unset for the initial one, none if it did not look.
	saw int32
	// taker is the value that came instead, by a writer that saw this one; none
	// for nobody.
	taker int32
	// id, call and ret are the writer's.
	id        int32
	call, ret int64
	reads     zone
	// must: the writer certainly happened. observed: somebody saw the value.
	// shared: it has other writers. clears: it is no value, but a clearAll.
	must, observed, shared, expects, clears bool
}

const (
	none  = int32(-2)
	unset = int32(-3)
)

// add notes what an operation wrote and what it saw.
func (c *cell) add(i int32) {
	r := &c.records[i]
	switch op := r.op.(type) {
	case model.RegisterRead, model.MapGet:
		if saw, answered := r.answer.(model.Text); answered {
			c.read(i, string(saw))
		}
	case model.RegisterWrite:
		c.write(i, op.Value, none)
	case model.MapSet:
		c.write(i, op.Value, none)
	case model.RegisterCompareAndSet:
		c.compareAndSet(i, op)
	case model.RegisterClear:
		c.ground.addOne(r, unsets)
	case model.MapClearAll:
		all, answered := r.answer.(model.Entries)
		switch {
		case !answered:
			c.ground.addOne(r, unsets)
		case len(all) == 0 || all[0].Value == "":
			c.ground.addOne(r, sees)
		default:
			saw, at := c.find(i, all[0].Value), c.another()
			c.values[at].by(i, r, saw)
			c.values[at].clears = true
			c.take(saw, at)
		}
	}
}

func (c *cell) compareAndSet(i int32, op model.RegisterCompareAndSet) {
	r := &c.records[i]
	saw, answered := r.answer.(model.Text)
	if op.Expect == op.Value || op.Value == "" || answered && string(saw) != op.Expect {
		if answered {
			c.read(i, string(saw))
		}
		return
	}
	from := unset
	if op.Expect != "" {
		from = c.find(i, op.Expect)
	}
	at := c.write(i, op.Value, from)
	switch {
	case !answered:
		c.values[at].expects = true
	case from != unset:
		c.take(from, at)
	}
}

func (c *cell) read(i int32, saw string) {
	r := &c.records[i]
	if saw == "" {
		c.ground.addOne(r, sees)
		return
	}
	v := &c.values[c.find(i, saw)]
	v.observed = true
	v.reads.add(r)
}

// write notes a writer, and what it saw. It returns the value.
func (c *cell) write(i int32, text string, saw int32) int32 {
	if text == "" {
		return none
	}
	r := &c.records[i]
	at, fresh := c.names.number(text)
	switch {
	case fresh:
		c.values = append(c.values, value{taker: none})
	case c.values[at].writer >= 0:
		c.values[at].shared = true
		at = c.another()
	}
	c.values[at].by(i, r, saw)
	return at
}

// by notes the writer of a value, record i, and what it saw.
func (v *value) by(i int32, r *record, saw int32) {
	v.writer, v.saw, v.id, v.call, v.ret, v.must = i, saw, r.id, r.call, r.ret, !r.optional()
}

// find is the number of a value that record i saw or expected.
func (c *cell) find(i int32, text string) int32 {
	at, fresh := c.names.number(text)
	if fresh {
		c.values = append(c.values, value{writer: ^i, saw: none, taker: none})
	}
	return at
}

// another is the number of a value that can't be found by its text.
func (c *cell) another() int32 {
	c.names.skip()
	c.values = append(c.values, value{taker: none})
	return int32(len(c.values)) - 1
}

// take notes that the writer of by saw the value at and took it away. If a second
// one did, the history is illegal; [cell.addBlocks] would find that one of the two
// is in no block, but here both have names.
func (c *cell) take(at, by int32) {
	v := &c.values[at]
	v.observed = true
	switch {
	case v.taker != none:
		c.contradict(c.values[v.taker].id, c.values[by].id)
	default:
		v.taker = by
	}
}

func (c *cell) contradict(ids ...int32) {
	if !c.first.applies {
		c.first = illegal(ids...)
	}
}

// observe looks at who wrote what was observed.
func (c *cell) observe() fast {
	for i := range c.values {
		v := &c.values[i]
		if v.observed {
			c.look(int32(i))
		}
		if v.happened() {
			c.left++
		}
	}
	return c.first
}

// look looks at the writer of an observed value.
func (c *cell) look(at int32) {
	v := &c.values[at]
	switch {
	case v.writer < 0:
		c.contradict(c.records[^v.writer].id)
	case v.shared:
		c.repeated = true
	case v.expects:
		c.optional = append(c.optional, at)
	}
}

// linkOptional takes in the ambiguous compare-and-sets that were observed: each
// saw what it expected.
func (c *cell) linkOptional() fast {
	for len(c.optional) > 0 && !c.first.applies {
		by := c.optional[len(c.optional)-1]
		c.optional = c.optional[:len(c.optional)-1]
		at := c.values[by].saw
		if at == unset {
			continue
		}
		v := &c.values[at]
		if !v.observed {
			if !v.must {
				c.left++
			}
			v.observed = true
			c.look(at)
		}
		c.take(at, by)
	}
	return c.first
}

// addBlocks puts each chain of values on the ground.
func (c *cell) addBlocks() fast {
	c.ground.fixed = slices.Grow(c.ground.fixed, c.left/3)
	c.ground.loose = slices.Grow(c.ground.loose, c.left)
	for i := range c.values {
		v := &c.values[i]
		if !v.happened() || v.saw >= 0 {
			continue
		}
		b := newBlock()
		b.needsUnset = v.saw == unset
		n, ok := c.follow(&b, v)
		if !ok {
			return illegal(b.conflict...)
		}
		c.left -= n
		c.ground.add(b.stretch)
	}
	if c.left > 0 {
		return illegal(c.circle()...)
	}
	return fast{}
}

// happened reports whether the value was certainly written.
func (v *value) happened() bool { return v.observed || v.must }

// wrote is the zone of the value's writer.
func (v *value) wrote() zone { return zone{f: v.ret, s: v.call, fBy: v.id, sBy: v.id} }

// follow adds a chain to a block, from its first value on, and counts its values.
func (c *cell) follow(b *block, v *value) (int, bool) {
	for n := 1; ; n++ {
		if !b.then(v.wrote()) || !b.then(v.reads) {
			return n, false
		}
		if v.taker == none {
			b.leavesUnset = v.clears
			return n, true
		}
		v = &c.values[v.taker]
	}
}

// circle names the compare-and-sets that expect each other's values.
func (c *cell) circle() []int32 {
	var ids []int32
	for i := range c.values {
		if v := &c.values[i]; v.happened() && v.saw >= 0 {
			ids = append(ids, v.id)
		}
	}
	return ids
}

// block is a zone whose operations have an order.
type block struct {
	stretch
	// after is the latest call so far, afterBy the operation that called.
	after    int64
	afterBy  int32
	conflict []int32
}

func newBlock() block { return block{after: math.MinInt64} }

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
func zoneOf(r *record) zone { return zone{f: r.ret, s: r.call, fBy: r.id, sBy: r.id} }
