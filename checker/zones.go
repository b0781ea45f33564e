package checker

import (
	"cmp"
	"math"
	"slices"
)

// zones are the zones of an object's history. An object that can be emptied (a
// register, a map's entry, a list) is either unset or set, and its operations fall
// into three groups:
//
//   - clusters: operations on values that are not the initial one. A value that is
//     written once ties its writer, its readers and the compare-and-set or clear
//     that replaced it to one another: no other operation can come between them;
//   - clears whose answer does not show what they removed;
//   - operations that saw the object unset.
//
// Where each value has one writer, a history has a legal order if and only if
// each cluster has one and [zones.decide] reports true.
type zones struct {
	// forward are the clusters with a forward zone: the object certainly holds their
	// values from zone.f to zone.s.
	forward []clusterZone
	// backward are the backward zones: those of clusters, and of single operations, which
	// are clears or saw the object unset.
	backward []backwardZone
}

// emptied returns no zones, in the same memory.
func (zs *zones) emptied() zones { return zones{forward: zs.forward[:0], backward: zs.backward[:0]} }

// zone is the extent of a cluster (Gibbons and Korach, "Testing shared memories",
// SIAM J. Comput. 26(4) 1997, section 4.3): f is the earliest return of its
// operations, s their latest call. It is a forward zone if f < s, else a backward
// zone. The zero zone has no operation.
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

// clusterZone is the zone of a cluster, and what the cluster does to an unset object.
type clusterZone struct {
	zone
	// needsUnset: the cluster begins on an unset object. leavesUnset: its last
	// operation unsets it.
	needsUnset, leavesUnset bool
}

// role is what the operations of a backward zone do to the object.
type role uint8

const (
	// sees: it must find the object unset, and leaves it so.
	sees role = iota
	// takes: it must find the object unset, and sets it.
	takes
	// sets: it sets the object, be it set or unset.
	sets
	// unsets: it unsets the object, be it set or unset.
	unsets
)

// backwardZone is the backward zone of a cluster or of a single operation, which may
// take effect at any one instant from lo to hi, or need not at all if hi is [open].
type backwardZone struct {
	lo, hi     int64
	loBy, hiBy int32
	role       role
}

// add adds a cluster's zone. A backward zone is an interval in which all operations of
// the cluster are pending, so that the cluster may take effect at any one point of it.
func (zs *zones) add(z clusterZone) {
	if z.f < z.s {
		zs.forward = append(zs.forward, z)
		return
	}
	l := backwardZone{lo: z.s, hi: z.f, loBy: z.sBy, hiBy: z.fBy, role: sets}
	switch {
	case z.needsUnset && z.leavesUnset:
		l.role = sees
	case z.needsUnset:
		l.role = takes
	case z.leavesUnset:
		l.role = unsets
	}
	zs.backward = append(zs.backward, l)
}

// addOperation adds a single operation, which is a backward zone.
func (zs *zones) addOperation(r *record, as role) {
	zs.backward = append(zs.backward, backwardZone{lo: r.call, hi: r.ret, loBy: r.id, hiBy: r.id, role: as})
}

// decide reports whether the zones have an order. If not, it returns a few operations
// that are involved. O(n log n).
//
// Two forward zones that overlap contradict each other, since each cluster must end
// before the other begins. A backward zone within a forward one contradicts it, too.
// These two conditions are Gibbons and Korach's, and suffice for values that are never
// unset: precedence among clusters ("some operation of A returns before some operation
// of B is called", A.f < B.s) has a cycle only if it has one of length two, because
// from A.f < B.s and C.f < D.s follows A.f < D.s or C.f < B.s.
//
// What remains is to find instants for the backward zones, in the gaps between the
// forward zones, such that each operation that must find the object unset does. See
// [schedule].
func (zs *zones) decide() (bool, []int32) {
	zs.forward = sortByTime(zs.forward, func(z clusterZone) int64 { return z.f })
	for i := 1; i < len(zs.forward); i++ {
		if a, b := &zs.forward[i-1], &zs.forward[i]; b.f < a.s {
			return false, []int32{a.fBy, a.sBy, b.fBy, b.sBy}
		}
	}
	near := 0
	for i := range zs.backward {
		l := &zs.backward[i]
		if z := zs.clip(l, &near); z != nil {
			return false, []int32{z.fBy, z.sBy, l.loBy, l.hiBy}
		}
	}
	s := schedule{forward: zs.forward, unset: true, last: zs.lastDemand()}
	for _, l := range zs.backward {
		if l.lo <= s.last {
			s.backward = append(s.backward, l)
		}
	}
	s.backward = sortByTime(s.backward, func(l backwardZone) int64 { return l.lo })
	return s.run()
}

// lastDemand is the last instant at which an operation that certainly took effect may
// find the object unset. Backward zones that begin later can always be scheduled.
func (zs *zones) lastDemand() int64 {
	last := int64(math.MinInt64)
	for i := range zs.backward {
		if l := &zs.backward[i]; (l.role == sees || l.role == takes) && l.hi != open {
			last = max(last, l.hi)
		}
	}
	for i := range zs.forward {
		if z := &zs.forward[i]; z.needsUnset {
			last = max(last, z.f)
		}
	}
	return last
}

// clip moves the end of a backward zone out of the forward zones. If nothing of it
// remains, it returns the forward zone around it. (Its beginning may stay in one:
// nothing is scheduled there.) The search begins near the last one.
func (zs *zones) clip(l *backwardZone, near *int) *clusterZone {
	if at := zs.over(l.lo, near); at != nil && l.hi < at.s {
		return at
	}
	if l.hi == open {
		return nil
	}
	if end := zs.over(l.hi, near); end != nil {
		l.hi = end.f
	}
	return nil
}

// over is the forward zone that strictly covers an instant. near is the number of
// forward zones with f < t; the search begins at what it was for another instant, since
// the next instant is mostly close by.
func (zs *zones) over(t int64, near *int) *clusterZone {
	i, steps := *near, 0
	for ; i < len(zs.forward) && zs.forward[i].f < t && steps < walkable; i++ {
		steps++
	}
	for ; i > 0 && zs.forward[i-1].f >= t && steps < walkable; i-- {
		steps++
	}
	if steps == walkable {
		i, _ = slices.BinarySearchFunc(zs.forward, t, func(z clusterZone, t int64) int { return cmp.Compare(z.f, t) })
	}
	*near = i
	if i > 0 && t < zs.forward[i-1].s {
		return &zs.forward[i-1]
	}
	return nil
}

// walkable is when walking takes longer than a binary search.
const walkable = 32

// sortByTime sorts items by a sequence number. They come nearly in order, since
// a history does: then insertion takes the time of a few comparisons. Where it
// takes more, and the numbers are dense, as a history's are, the items are scattered
// by number. Other items are sorted by comparing.
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
