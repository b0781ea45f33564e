package checker

import (
	"math"
	"slices"
	"sync"

	"retain/model"
)

// fast is the result of a near-linear decision. Where the decision does not apply, a
// search decides. Otherwise legal is exact, and if it is false, ids are a few operations
// that are involved, a hint for the proof.
type fast struct {
	applies, legal bool
	// spent: the time was up before the decision knew whether it applies.
	spent bool
	ids   []int32
}

func illegal(ids ...int32) fast { return fast{applies: true, ids: ids} }

// contradict makes f illegal, unless it has a result.
func (f *fast) contradict(ids ...int32) {
	if !f.applies {
		*f = illegal(ids...)
	}
}

// decideRegister decides a register, or one entry of a map, in O(n log n).
//
// Sources: Gibbons and Korach's zones (see [zone]) for values written once; here
// a cluster has not one value but a chain of them, linked by compare-and-sets that
// saw what they expected: such an operation reads a value and ends it, so that
// nothing can come between the two values. A clearAll that removed the value
// ends a chain. For the initial value, which has more than one writer as soon as
// something clears, see [schedule].
//
// Precondition: a value that was observed (answered, or expected by a successful
// compare-and-set, or by an ambiguous one whose own value is observed) was
// written by one operation only. Otherwise the decision does not apply: reading
// off which of two equal writes a read saw is NP-complete in general (Gibbons
// and Korach, theorem 4.1's reduction).
//
// Soundness: an ambiguous write that nobody observed is left out, as in the
// pre-pass. All other operations are in a cluster, a clear, or saw the object
// unset. In any legal order the operations of a cluster stand together, in the
// order of the chain. What remains is the order of clusters, clears and unset reads,
// and [zones.decide] finds one if there is one.
func decideRegister(records []record) fast {
	c := registerPool.Get().(*registerHistory)
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
	if f := c.addClusters(); f.applies {
		return f
	}
	legal, ids := c.zones.decide()
	return fast{applies: true, legal: legal, ids: ids}
}

// registerHistory is the history of a register or a map's entry, cut into clusters.
type registerHistory struct {
	records []record
	names   index   // of values
	values  []value // by number
	zones   zones
	// first is the first contradiction, void if a value turns out to be repeated.
	first fast
	// left counts the values that were certainly written and are in no cluster yet.
	left int
	// optional are the values of ambiguous compare-and-sets that were observed
	// and are not linked to what they expected yet.
	optional []int32
	// repeated: an observed value has more than one writer.
	repeated bool
}

// registerPool reuses memory: a map has many entries, and a proof is found by deciding
// hundreds of histories. Collecting a fresh one as garbage would cost half a decision.
var registerPool = sync.Pool{New: func() any { return &registerHistory{} }}

func (c *registerHistory) reset(records []record) {
	few := len(records) / 2 // for what is written, mostly
	*c = registerHistory{
		records: records, names: c.names, values: slices.Grow(c.values[:0], few), optional: c.optional[:0],
		zones: c.zones.emptied(),
	}
	c.names.reset(few)
}

func (c *registerHistory) release() {
	c.records = nil
	c.names.forget()
	registerPool.Put(c)
}

// value is a value that one write wrote; it fills a cache line. It is made when its text
// first comes, in a write or an answer, so that the text is looked up while it is in the
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

// add records the value that an operation wrote, and the one that it saw.
func (c *registerHistory) add(i int32) {
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
		c.zones.addOperation(r, unsets)
	case model.MapClearAll:
		all, answered := r.answer.(model.Entries)
		switch {
		case !answered:
			c.zones.addOperation(r, unsets)
		case len(all) == 0 || all[0].Value == "":
			c.zones.addOperation(r, sees)
		default:
			saw, at := c.find(i, all[0].Value), c.another()
			c.values[at].by(i, r, saw)
			c.values[at].clears = true
			c.take(saw, at)
		}
	}
}

func (c *registerHistory) compareAndSet(i int32, op model.RegisterCompareAndSet) {
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

func (c *registerHistory) read(i int32, saw string) {
	r := &c.records[i]
	if saw == "" {
		c.zones.addOperation(r, sees)
		return
	}
	v := &c.values[c.find(i, saw)]
	v.observed = true
	v.reads.add(r)
}

// write records a writer, and the value that it saw. It returns the written value.
func (c *registerHistory) write(i int32, text string, saw int32) int32 {
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

// by records the writer of a value, record i, and the value that it saw.
func (v *value) by(i int32, r *record, saw int32) {
	v.writer, v.saw, v.id, v.call, v.ret, v.must = i, saw, r.id, r.call, r.ret, !r.optional()
}

// find is the number of a value that record i saw or expected.
func (c *registerHistory) find(i int32, text string) int32 {
	at, fresh := c.names.number(text)
	if fresh {
		c.values = append(c.values, value{writer: ^i, saw: none, taker: none})
	}
	return at
}

// another is the number of a value that can't be found by its text.
func (c *registerHistory) another() int32 {
	c.names.skip()
	c.values = append(c.values, value{taker: none})
	return int32(len(c.values)) - 1
}

// take records that the writer of by saw the value at and replaced it. If two writers
// did, the history is illegal; [registerHistory.addClusters] would find that one of them
// is in no cluster, but only here are both known.
func (c *registerHistory) take(at, by int32) {
	v := &c.values[at]
	v.observed = true
	switch {
	case v.taker != none:
		c.first.contradict(c.values[v.taker].id, c.values[by].id)
	default:
		v.taker = by
	}
}

// observe checks the writers of observed values.
func (c *registerHistory) observe() fast {
	for i := range c.values {
		v := &c.values[i]
		if v.observed {
			c.checkWriter(int32(i))
		}
		if v.happened() {
			c.left++
		}
	}
	return c.first
}

// checkWriter checks the writer of an observed value.
func (c *registerHistory) checkWriter(at int32) {
	v := &c.values[at]
	switch {
	case v.writer < 0:
		c.first.contradict(c.records[^v.writer].id)
	case v.shared:
		c.repeated = true
	case v.expects:
		c.optional = append(c.optional, at)
	}
}

// linkOptional links the ambiguous compare-and-sets that were observed: each saw the
// value that it expected.
func (c *registerHistory) linkOptional() fast {
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
			c.checkWriter(at)
		}
		c.take(at, by)
	}
	return c.first
}

// addClusters adds the cluster of each chain of values to the zones.
func (c *registerHistory) addClusters() fast {
	c.zones.forward = slices.Grow(c.zones.forward, c.left/3)
	c.zones.backward = slices.Grow(c.zones.backward, c.left)
	for i := range c.values {
		v := &c.values[i]
		if !v.happened() || v.saw >= 0 {
			continue
		}
		b := newCluster()
		b.needsUnset = v.saw == unset
		n, ok := c.follow(&b, v)
		if !ok {
			return illegal(b.conflict...)
		}
		c.left -= n
		c.zones.add(b.clusterZone)
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

// follow adds a chain to a cluster, from its first value on, and counts its values.
func (c *registerHistory) follow(b *cluster, v *value) (int, bool) {
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
func (c *registerHistory) circle() []int32 {
	var ids []int32
	for i := range c.values {
		if v := &c.values[i]; v.happened() && v.saw >= 0 {
			ids = append(ids, v.id)
		}
	}
	return ids
}

// cluster is a set of operations that stand together, added in their order: Gibbons and
// Korach's, who have one for each value.
type cluster struct {
	clusterZone
	// after is the latest call so far, afterBy the operation that called.
	after    int64
	afterBy  int32
	conflict []int32
}

func newCluster() cluster { return cluster{after: math.MinInt64} }

// then adds the operations of z, in any order, after all others. It fails if
// one of them returned before one of the others was called.
func (b *cluster) then(z zone) bool {
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
