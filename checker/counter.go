package checker

import (
	"cmp"
	"math"
	"slices"

	"retain/model"
)

// decideCounter decides a counter by the order that its answers reveal, in
// O(n log n).
//
// A counter that nobody resets only grows. Each answered add says from which
// value to which it went, each get between which adds it stands: sorted by that
// value they have one order, up to gets of the same value. What is left are the
// additions without a value: ambiguous ones, which may stand anywhere after
// their calls or nowhere, and answered addThenFails, which must stand somewhere
// in their intervals. They fill the gaps between one known value and the next.
// If all of them add the same, a gap is a number of positions; the calls before it
// and the returns after it leave each position an interval, and the intervals of
// successive positions never go back. So it is a matching of operations with
// positions, both of them intervals, in which earliest end first is optimal
// (Glover, "Maximum matching in a convex bipartite graph", Naval Res. Logist.
// Quart. 14 1967). Two matchings suffice: one that fills every position, from all
// operations, and one that gives every mandatory operation a position; by Mendelsohn and
// Dulmage's theorem there is then one that does both. Two operations matched
// against real time can be exchanged, because positions never go back. A mandatory
// operation may also come after everything known, where it fills no position.
//
// An answered reset that overlaps no other operation with an answer begins
// again: it cuts the order into epochs. An ambiguous addition may still take
// effect in a later epoch, so the positions of all epochs are matched together.
//
// Preconditions, otherwise the decision does not apply: no reset that overlaps an
// answered operation (an ambiguous one overlaps all that follow), and no gap
// where additions without a value differ (which sums fill it is the subset sum
// problem, NP-complete). Excluded by the first: add 0->1, reset and get -> 0 all
// at once, where both orders of the add and the reset must be tried.
func decideCounter(records []record) fast {
	l := counterHistory{known: make([]known, 0, len(records))}
	if !l.sort(records) {
		return fast{}
	}
	if f := l.order(); !f.legal {
		return f
	}
	if ids := l.fill(); ids != nil {
		return illegal(ids...)
	}
	return fast{applies: true, legal: true}
}

// counterHistory is a counter's history, cut into epochs.
type counterHistory struct {
	known  []known // by epoch
	epochs []epoch
	free   []free // by call
	// unit is what each of free adds, 0 for none; mixed is true if they differ.
	unit  int64
	mixed bool
	slots []slot
}

// epoch are the known operations between two resets, and the reset that begins it.
type epoch struct {
	known []known // of counterHistory.known
	from  int
	reset zone // none in the first
	// ending is the latest call of everything known up to the epoch's end.
	ending int64
}

// known is an operation with its values; old and new are equal for a get.
type known struct {
	old, new  int64
	call, ret int64
	id        int32
}

// free is an addition whose answer shows no value; must is true if it was answered.
type free struct {
	call, ret int64
	id        int32
	epoch     int
	must      bool
}

// slot is a number of positions with the same interval, in front of one of the
// known operations. A position takes one addition.
type slot struct {
	epoch, before int
	lo, hi        int64
	loBy, hiBy    int32
	positions     int64
}

// sort puts the operations into epochs. It reports whether the decision applies.
func (l *counterHistory) sort(records []record) bool {
	l.epochs = make([]epoch, 1)
	// the latest returns, of all and of resets; an ambiguous reset is never over
	latest, closed := int64(math.MinInt64), int64(math.MinInt64)
	for _, r := range records {
		reset := r.op == model.Operation(model.CounterReset{})
		if reset && r.call <= latest || r.answer != nil && r.call <= closed {
			return false
		}
		if reset {
			closed = r.ret
			l.epochs = append(l.epochs, epoch{reset: zoneOf(&r), from: len(l.known)})
		}
		if r.answer != nil {
			latest = max(latest, r.ret)
		}
		l.add(r)
	}
	end := len(l.known)
	for i := len(l.epochs) - 1; i >= 0; i-- {
		e := &l.epochs[i]
		e.known, end = l.known[e.from:end], e.from
	}
	return true
}

func (l *counterHistory) add(r record) {
	delta := int64(0)
	switch a := r.answer.(type) {
	case model.Change:
		l.known = append(l.known, known{a.Old, a.New, r.call, r.ret, r.id})
		return
	case model.Integer:
		l.known = append(l.known, known{int64(a), int64(a), r.call, r.ret, r.id})
		return
	}
	switch op := r.op.(type) {
	case model.CounterAdd:
		delta = op.Delta
	case model.CounterAddThenFail:
		delta = op.Delta
	}
	if delta == 0 {
		return
	}
	l.mixed = l.mixed || l.unit != 0 && l.unit != delta
	l.unit = delta
	l.free = append(l.free, free{r.call, r.ret, r.id, len(l.epochs) - 1, r.answer != nil})
}

// order gives the known operations their order, and finds the slots between
// them. It does not apply if there are slots that different additions may fill.
func (l *counterHistory) order() fast {
	b := newCluster()
	for i := range l.epochs {
		e := &l.epochs[i]
		if !b.then(e.reset) {
			return illegal(b.conflict...)
		}
		e.known = byOldValue(e.known)
		value, by := int64(0), e.reset.fBy
		for at := 0; at < len(e.known); {
			k := e.known[at]
			if k.old < value {
				return illegal(by, k.id)
			}
			if k.old > value {
				if f := l.addSlot(&b, i, at, k.old-value); !f.legal {
					return f
				}
			}
			same := zoneOfKnown(k)
			for at++; k.new == k.old && at < len(e.known) && e.known[at].new == k.new; at++ {
				same.join(zoneOfKnown(e.known[at]))
			}
			if !b.then(same) {
				return illegal(b.conflict...)
			}
			value, by = k.new, k.id
		}
		e.ending = b.after
	}
	l.bound()
	return fast{legal: true}
}

// byOldValue sorts operations by their old value, gets before adds. Values are dense
// where a history is legal: then it counts instead of comparing.
func byOldValue(ops []known) []known {
	lowest, highest := int64(math.MaxInt64), int64(math.MinInt64)
	for i := range ops {
		lowest, highest = min(lowest, ops[i].old), max(highest, ops[i].old)
	}
	key := func(k *known) int64 {
		if k.new > k.old {
			return 2*(k.old-lowest) + 1
		}
		return 2 * (k.old - lowest)
	}
	if len(ops) == 0 || lowest < 0 || highest-lowest > 4*int64(len(ops)) {
		slices.SortFunc(ops, func(x, y known) int {
			return cmp.Or(cmp.Compare(x.old, y.old), cmp.Compare(x.new, y.new))
		})
		return ops
	}
	starts := make([]int32, 2*(highest-lowest)+3)
	for i := range ops {
		starts[key(&ops[i])+1]++
	}
	for i := 1; i < len(starts); i++ {
		starts[i] += starts[i-1]
	}
	out := make([]known, len(ops))
	for i := range ops {
		k := key(&ops[i])
		out[starts[k]] = ops[i]
		starts[k]++
	}
	return out
}

// addSlot puts a slot in front of the known operation at. Its result is legal if
// the slot can be filled as far as numbers go.
func (l *counterHistory) addSlot(b *cluster, epoch, at int, gap int64) fast {
	id := l.epochs[epoch].known[at].id
	switch {
	case l.unit == 0:
		return illegal(b.afterBy, id)
	case l.mixed:
		return fast{}
	case gap%l.unit != 0 || gap/l.unit > int64(len(l.free)):
		return illegal(b.afterBy, id)
	}
	l.slots = append(l.slots, slot{epoch: epoch, before: at, lo: b.after, loBy: b.afterBy, positions: gap / l.unit})
	return fast{legal: true}
}

// bound gives each slot its end: the earliest return of what comes after it.
func (l *counterHistory) bound() {
	next := len(l.slots) - 1
	after := zone{}
	for i := len(l.epochs) - 1; i >= 0 && next >= 0; i-- {
		e := &l.epochs[i]
		for at := len(e.known) - 1; at >= 0 && next >= 0; at-- {
			after.join(zoneOfKnown(e.known[at]))
			if s := &l.slots[next]; s.epoch == i && s.before == at {
				s.hi, s.hiBy = after.f, after.fBy
				next--
			}
		}
		after.join(e.reset)
	}
}

// fill matches additions with positions. It returns the IDs of what can't be
// matched, nil if all can.
func (l *counterHistory) fill() []int32 {
	if ids := l.matchPositions(); ids != nil {
		return ids
	}
	return l.matchMandatory()
}

// matchPositions finds an addition for every position.
func (l *counterHistory) matchPositions() []int32 {
	var open heap
	rest := l.free
	for _, s := range l.slots {
		for ; len(rest) > 0 && rest[0].call <= s.hi; rest = rest[1:] {
			open.push(backwardZone{hi: rest[0].ret, hiBy: rest[0].id})
		}
		for range s.positions {
			for len(open) > 0 && open[0].hi < s.lo {
				open.pop()
			}
			if len(open) == 0 {
				return []int32{s.loBy, s.hiBy}
			}
			open.pop()
		}
	}
	return nil
}

// matchMandatory finds a position for every answered addition that can't stand
// behind everything known of its epoch.
func (l *counterHistory) matchMandatory() []int32 {
	var must []free
	for _, f := range l.free {
		if f.must && f.ret < l.epochs[f.epoch].ending {
			must = append(must, f)
		}
	}
	var open heap
	for _, s := range l.slots {
		for ; len(must) > 0 && must[0].call <= s.hi; must = must[1:] {
			open.push(backwardZone{hi: must[0].ret, hiBy: must[0].id})
		}
		for n := s.positions; n > 0 && len(open) > 0; n-- {
			if f := open.pop(); f.hi < s.lo {
				return []int32{f.hiBy, s.loBy, s.hiBy}
			}
		}
	}
	if len(open) > 0 {
		return []int32{open[0].hiBy}
	}
	if len(must) > 0 {
		return []int32{must[0].id}
	}
	return nil
}

func zoneOfKnown(k known) zone { return zone{f: k.ret, s: k.call, fBy: k.id, sBy: k.id} }

// join widens the zone by another.
func (z *zone) join(o zone) {
	if o.fBy != 0 && (o.f < z.f || z.fBy == 0) {
		z.f, z.fBy = o.f, o.fBy
	}
	if o.sBy != 0 && (o.s > z.s || z.sBy == 0) {
		z.s, z.sBy = o.s, o.sBy
	}
}
