package checker

import "math"

// schedule decides whether the backward zones have instants between the forward zones.
// It is earliest-deadline-first scheduling: a sweep over time whose state is whether
// the object is unset, and which backward zones have begun and are not scheduled yet. A
// zone's deadline is its end. Each is scheduled as late as possible, except for those
// that are free:
//
//   - Finding the object unset changes nothing, so a zone that must find it unset and
//     leaves it so is scheduled as soon as it is unset ("sees").
//   - Setting an object that is set changes nothing here: no backward zone needs a set
//     object, since the readers of its values are in their clusters. So a zone that
//     sets it unconditionally is scheduled as soon as the object is set, or is about to
//     be, or just before it is unset ("sets").
//   - An unset period may end with one zone that needs it ("takes"). When a period ends
//     anyway, it ends with the one of the earliest deadline.
//   - Only a clear opens an unset period, so a clear is kept until its deadline, or
//     until the deadline of a zone that needs an unset object; then the one with the
//     earliest deadline is scheduled ("unsets"). A clear that need not take effect has
//     its deadline at infinity and comes last.
//
// Each choice is justified by an exchange: scheduling a free zone leaves less to do in
// the same state; of two alike, the one with the later deadline can replace the other
// at every instant; and a clear used later serves every waiting zone that a clear used
// earlier would have served. So if any order exists, the sweep finds one.
//
// Clears must be counted: write a, cas(""->b) and cas(""->c), both successful, need two
// clears; one clear, however long it is pending, serves one of them. And clears that
// nobody saw can't be dropped: cas(""->a), clear, cas(""->b) is legal.
type schedule struct {
	forward  []clusterZone
	backward []backwardZone
	unset    bool
	// last is the last instant at which an operation that certainly took effect
	// needs the object unset.
	last    int64
	pending [4]heap // by role
	// setBy are the operations that last set the object, for the witness.
	setBy []int32
}

// run sweeps. At one instant, beginnings of backward zones come first, then deadlines,
// then the beginning of a forward zone: intervals are closed.
func (s *schedule) run() (bool, []int32) {
	for {
		called, due, begins := s.next()
		switch t := min(called, due, begins); {
		case t > s.last:
			return true, nil // the rest can be scheduled, or need not be
		case called == t:
			s.call(s.backward[0])
			s.backward = s.backward[1:]
		case due == t:
			if l, ok := s.end(); !ok {
				return false, append(s.setBy, l.loBy, l.hiBy)
			}
		default:
			z := s.forward[0]
			s.forward = s.forward[1:]
			if !s.begin(z) {
				return false, append(s.setBy, z.fBy, z.sBy)
			}
		}
	}
}

// next finds the next beginning and the next deadline of a backward zone, and the next
// beginning of a forward zone.
func (s *schedule) next() (called, due, begins int64) {
	called, due, begins = math.MaxInt64, math.MaxInt64, math.MaxInt64
	if len(s.backward) > 0 {
		called = s.backward[0].lo
	}
	for i := range s.pending {
		if len(s.pending[i]) > 0 {
			due = min(due, s.pending[i][0].hi)
		}
	}
	if len(s.forward) > 0 {
		begins = s.forward[0].f
	}
	return called, due, begins
}

func (s *schedule) call(l backwardZone) {
	s.pending[l.role].push(l)
	s.settle()
}

// settle schedules the zones that are free in the present state.
func (s *schedule) settle() {
	if s.unset {
		s.pending[sees] = s.pending[sees][:0]
	} else {
		s.pending[sets] = s.pending[sets][:0]
	}
}

// end schedules the zone with the earliest deadline and returns it. It fails if that
// can't be scheduled.
func (s *schedule) end() (backwardZone, bool) {
	r := sees
	for i := range s.pending {
		if len(s.pending[i]) > 0 && (len(s.pending[r]) == 0 || s.pending[i][0].hi < s.pending[r][0].hi) {
			r = role(i)
		}
	}
	l := s.pending[r][0]
	switch r {
	case sees:
		return l, s.clear()
	case unsets:
		return l, s.clear()
	case sets:
		s.finish()
		s.become(false, l.loBy, l.hiBy)
	case takes:
		if !s.unset && !s.clear() {
			return l, false
		}
		s.finish()
		s.become(false, l.loBy, l.hiBy)
	}
	return l, true
}

// clear opens an unset period with the clear of the earliest deadline.
func (s *schedule) clear() bool {
	if len(s.pending[unsets]) == 0 {
		return false
	}
	if s.unset {
		s.finish()
	}
	s.pending[sets] = s.pending[sets][:0]
	l := s.pending[unsets].pop()
	s.become(true, l.loBy, l.hiBy)
	return true
}

// finish ends an unset period with a zone that needs it, if there is one.
func (s *schedule) finish() {
	if len(s.pending[takes]) > 0 {
		s.pending[takes].pop()
	}
}

// begin schedules a forward zone.
func (s *schedule) begin(z clusterZone) bool {
	switch {
	case z.needsUnset:
		if !s.unset && !s.clear() {
			return false
		}
	case s.unset:
		s.finish()
		fallthrough
	default:
		s.pending[sets] = s.pending[sets][:0]
	}
	s.become(z.leavesUnset, z.fBy, z.sBy)
	return true
}

func (s *schedule) become(unset bool, by ...int32) {
	s.unset = unset
	if !unset {
		s.setBy = by
	}
	s.settle()
}

// heap is a binary heap of backward zones, the one with the earliest deadline on top.
type heap []backwardZone

func (h *heap) push(l backwardZone) {
	*h = append(*h, l)
	s := *h
	for i := len(s) - 1; i > 0; {
		up := (i - 1) / 2
		if s[up].hi <= s[i].hi {
			return
		}
		s[up], s[i] = s[i], s[up]
		i = up
	}
}

func (h *heap) pop() backwardZone {
	s := *h
	top, last := s[0], len(s)-1
	s[0] = s[last]
	s = s[:last]
	*h = s
	for i := 0; ; {
		c := 2*i + 1
		if c >= last {
			return top
		}
		if c+1 < last && s[c+1].hi < s[c].hi {
			c++
		}
		if s[i].hi <= s[c].hi {
			return top
		}
		s[i], s[c] = s[c], s[i]
		i = c
	}
}
