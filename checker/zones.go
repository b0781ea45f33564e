package checker

import (
	"cmp"
	"math"
	"slices"
)

// ground is an object's history cut into what must stand together. An object
// that can be emptied (a register, a map's entry, a list) is either unset or
// set, and its operations fall into three groups:
//
//   - blocks: operations on values that are not the initial one. Values written
//     once tie their writer, their readers and the compare-and-sets or clears
//     that took them to one another: nothing can come between them;
//   - clears without an answer to tell what they removed;
//   - operations that saw the object unset.
//
// Where each value has one writer, a history has a legal order if and only if
// the blocks have one each, and [ground.decide] says yes.
type ground struct {
	// fixed are the blocks whose zone runs forward: the object certainly holds
	// their values from zone.f to zone.s.
	fixed []stretch
	// loose is everything that happens at one instant of its choice.
	loose []loose
}

// emptied is an empty ground in the same memory.
func (g *ground) emptied() ground { return ground{fixed: g.fixed[:0], loose: g.loose[:0]} }

// zone is the extent of a block (Gibbons and Korach, "Testing shared memories",
// SIAM J. Comput. 26(4) 1997, section 4.3): f is the earliest return of its
// operations, s their latest call. The zero zone is that of no operation.
type zone struct {
	f, s int64
	// fBy and sBy are the IDs of the operations that return and call then.
	fBy, sBy int32
}

// add widens the zone by an operation.
func (z *zone) add(r *record) {
	if r.ret < z.f || z.fBy == 0 {
		z.f, z.fBy = r.ret, r.id
	}
	if r.call > z.s || z.sBy == 0 {
		z.s, z.sBy = r.call, r.id
	}
}

// stretch is a block's zone.
type stretch struct {
	zone
	// needsUnset: the block begins on an unset object. leavesUnset: its last
	// operation unsets it.
	needsUnset, leavesUnset bool
}

// role is what a loose item does to the object.
type role uint8

const (
	// sees: it must find the object unset, and leaves it so.
	sees role = iota
	// takes: it must find the object unset, and sets it.
	takes
	// sets: it sets the object, whatever it finds.
	sets
	// unsets: it unsets the object, whatever it finds.
	unsets
)

// loose is a block whose zone runs backward, or a single operation: it may
// happen at any one instant from lo to hi. One whose hi is open need not happen.
type loose struct {
	lo, hi     int64
	loBy, hiBy int32
	role       role
}

// add puts a block on the ground. A backward zone, f not before s, is an
// interval in which all operations of the block are open, so that the block may
// stand at any one point of it.
func (g *ground) add(z stretch) {
	if z.f < z.s {
		g.fixed = append(g.fixed, z)
		return
	}
	l := loose{lo: z.s, hi: z.f, loBy: z.sBy, hiBy: z.fBy, role: sets}
	switch {
	case z.needsUnset && z.leavesUnset:
		l.role = sees
	case z.needsUnset:
		l.role = takes
	case z.leavesUnset:
		l.role = unsets
	}
	g.loose = append(g.loose, l)
}

// addOne puts a single operation on the ground.
func (g *ground) addOne(r *record, as role) {
	g.loose = append(g.loose, loose{lo: r.call, hi: r.ret, loBy: r.id, hiBy: r.id, role: as})
}

// decide reports whether everything on the ground can be put into one order. If
// not, it names a few operations that are involved. O(n log n).
//
// Blocks that run forward stand where they are: two that overlap contradict each
// other, since each must end before the other began; so does a loose item that
// is called and returns within one. These two conditions are Gibbons and
// Korach's, and suffice for values that are never unset: precedence among blocks
// ("some operation of A returns before some operation of B is called", A.f <
// B.s) has a cycle only if it has one of length two, because from A.f < B.s and
// C.f < D.s follows A.f < D.s or C.f < B.s.
//
// What remains is to find instants for the loose items, in the gaps between the
// fixed blocks, such that whatever must find the object unset does. See
// [periods].
func (g *ground) decide() (bool, []int32) {

	g.fixed = sortByTime(g.fixed, func(z stretch) int64 { return z.f })
	for i := 1; i < len(g.fixed); i++ {
		if a, b := &g.fixed[i-1], &g.fixed[i]; b.f < a.s {
			return false, []int32{a.fBy, a.sBy, b.fBy, b.sBy}
		}
	}
	near := 0
	for i := range g.loose {
		l := &g.loose[i]
		if z := g.clip(l, &near); z != nil {
			return false, []int32{z.fBy, z.sBy, l.loBy, l.hiBy}
		}
	}
	p := periods{fixed: g.fixed, unset: true, last: g.lastDemand()}
	for _, l := range g.loose {
		if l.lo <= p.last {
			p.loose = append(p.loose, l)
		}
	}
	p.loose = sortByTime(p.loose, func(l loose) int64 { return l.lo })
	return p.run()
}

// lastDemand is the last instant at which something that must happen may find
// the object unset; what is behind it always has a place.
func (g *ground) lastDemand() int64 {
	last := int64(math.MinInt64)
	for i := range g.loose {
		if l := &g.loose[i]; (l.role == sees || l.role == takes) && l.hi != open {
			last = max(last, l.hi)
		}
	}
	for i := range g.fixed {
		if z := &g.fixed[i]; z.needsUnset {
			last = max(last, z.f)
		}
	}
	return last
}

// clip moves the end of a loose item out of the fixed blocks. If nothing of it
// remains, it returns the block that it fell into. (Its call may stay in one:
// nothing happens there.) The search begins near the last one.
func (g *ground) clip(l *loose, near *int) *stretch {
	if at := g.over(l.lo, near); at != nil && l.hi < at.s {
		return at
	}
	if l.hi == open {
		return nil
	}
	if end := g.over(l.hi, near); end != nil {
		l.hi = end.f
	}
	return nil
}

// over is the fixed block that strictly covers an instant. near is the number of
// blocks with f < t; the search begins at what it was for another instant, since
// the next instant is mostly close by.
func (g *ground) over(t int64, near *int) *stretch {
	i, steps := *near, 0
	for ; i < len(g.fixed) && g.fixed[i].f < t && steps < walkable; i++ {
		steps++
	}
	for ; i > 0 && g.fixed[i-1].f >= t && steps < walkable; i-- {
		steps++
	}
	if steps == walkable {
		i, _ = slices.BinarySearchFunc(g.fixed, t, func(z stretch, t int64) int { return cmp.Compare(z.f, t) })
	}
	*near = i
	if i > 0 && t < g.fixed[i-1].s {
		return &g.fixed[i-1]
	}
	return nil
}

// walkable is when walking takes longer than a binary search.
const walkable = 32

// sortByTime sorts items by a sequence number. They come nearly in order, since
// a history does: then insertion takes the time of a few comparisons. Where it
// takes more, and the numbers are dense, as a history's are, each item gets a
// place of its own. What is left is sorted by comparing.
func sortByTime[T any](items []T, by func(T) int64) []T {
	if insert(items, by) {
		return items
	}
	first, last := by(items[0]), by(items[0])
	for _, x := range items {
		first, last = min(first, by(x)), max(last, by(x))
	}
	if first >= 0 && last-first < 64*int64(len(items)) {
		if out := scatter(items, by, first, last); out != nil {
			return out
		}
	}
	slices.SortFunc(items, func(a, b T) int { return cmp.Compare(by(a), by(b)) })
	return items
}

// insert sorts by insertion, and gives up if that takes long.
func insert[T any](items []T, by func(T) int64) bool {
	moves := 8 * len(items)
	for i := 1; i < len(items); i++ {
		x, at := items[i], i
		for key := by(x); at > 0 && by(items[at-1]) > key; at-- {
			items[at] = items[at-1]
		}
		items[at] = x
		if moves -= i - at; moves < 0 {
			return false
		}
	}
	return true
}

// scatter sorts items whose numbers lie between two. It gives up if two have the
// same.
func scatter[T any](items []T, by func(T) int64, first, last int64) []T {
	places := make([]int32, last-first+1)
	for i, x := range items {
		p := &places[by(x)-first]
		if *p != 0 {
			return nil
		}
		*p = int32(i) + 1
	}
	out := make([]T, 0, len(items))
	for _, p := range places {
		if p != 0 {
			out = append(out, items[p-1])
		}
	}
	return out
}
