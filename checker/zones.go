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
	fixed []zone
	// loose is everything that happens at one instant of its choice.
	loose []loose
}

// zone is the extent of a block (Gibbons and Korach, "Testing shared memories",
// SIAM J. Comput. 26(4) 1997, section 4.3): f is the earliest return of its
// operations, s their latest call.
type zone struct {
	f, s int64
	// fBy and sBy are the IDs of the operations that return and call then.
	fBy, sBy int32
	// needsUnset: the block begins on an unset object. leavesUnset: its last
	// operation unsets it.
	needsUnset, leavesUnset bool
}

// emptyZone is the zone of no operation.
func emptyZone() zone { return zone{f: math.MaxInt64, s: math.MinInt64} }

// add widens the zone by an operation.
func (z *zone) add(r record) {
	if r.ret < z.f || z.fBy == 0 {
		z.f, z.fBy = r.ret, r.id
	}
	if r.call > z.s {
		z.s, z.sBy = r.call, r.id
	}
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
func (g *ground) add(z zone) {
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
func (g *ground) addOne(r record, as role) {
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
	slices.SortFunc(g.fixed, func(a, b zone) int { return cmp.Compare(a.f, b.f) })
	for i := 1; i < len(g.fixed); i++ {
		if a, b := g.fixed[i-1], g.fixed[i]; b.f < a.s {
			return false, []int32{a.fBy, a.sBy, b.fBy, b.sBy}
		}
	}
	for i := range g.loose {
		if z := g.clip(&g.loose[i]); z != nil {
			l := g.loose[i]
			return false, []int32{z.fBy, z.sBy, l.loBy, l.hiBy}
		}
	}
	p := periods{fixed: g.fixed, loose: g.loose, unset: true}
	if !p.demanding() {
		return true, nil
	}
	slices.SortFunc(g.loose, func(a, b loose) int { return cmp.Compare(a.lo, b.lo) })
	return p.run()
}

// clip moves the end of a loose item out of the fixed blocks. If nothing of it
// remains, it returns the block that it fell into. (Its call may stay in one:
// nothing happens there.)
func (g *ground) clip(l *loose) *zone {
	if at := g.over(l.lo); at != nil && l.hi < at.s {
		return at
	}
	if end := g.over(l.hi); end != nil {
		l.hi = end.f
	}
	return nil
}

// over is the fixed block that strictly covers an instant.
func (g *ground) over(t int64) *zone {
	i, _ := slices.BinarySearchFunc(g.fixed, t, func(z zone, t int64) int { return cmp.Compare(z.f, t) })
	// fixed[i-1] is the last block with f < t
	if i > 0 && t < g.fixed[i-1].s {
		return &g.fixed[i-1]
	}
	return nil
}
