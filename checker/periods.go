package checker

import "math"

// periods decides whether loose items find instants between fixed blocks: a
// sweep over time that knows only whether the object is unset, and what has been
// called and has not happened yet. It does everything as late as it can, except
// for what is free:
//
//   - Finding the object unset changes nothing, so whatever sees it unset
//     happens as soon as it is ("sees").
//   - Setting an object that is set changes nothing here: no item needs a set
//     object, the readers of its values are in their blocks. So whatever sets it
//     without a condition happens as soon as it is set, or is about to be, or
//     just before it is unset ("sets").
//   - An unset period may end with one item that needs it ("takes"). When a
//     period ends anyway, the one with the earliest end goes.
//   - A clear is the only thing that opens a period, so it is kept until its
//     end, or until somebody can't wait any longer for an unset object; then the
//     one with the earliest end goes ("unsets"). One that need not happen has
//     its end at infinity and goes last.
//
// Each choice is exchanged for another without harm: doing a free thing leaves
// less to do in the same state; between two alike, the one that ends later can
// take the other's place wherever the other could stand; and a clear used later
// serves everything that a clear used earlier would have served and that was
// still waiting. So if any order exists, the sweep finds one.
//
// Why clears must be counted, and not just looked for: write a, cas(""->b) and
// cas(""->c), both successful, need two clears; one clear, however long it is
// open, serves one of them. And why they can't be dropped when nobody sees
// them: cas(""->a), clear, cas(""->b) is legal.
type periods struct {
	fixed []stretch
	loose []loose
	unset bool
	// last is the last instant at which anything that must happen needs the
	// object unset.
	last    int64
	pending [4]heap // by role
	// set by the last thing that set the object, for the witness
	setBy []int32
}

// run sweeps. At one instant, what is called comes first, then what must end,
// then the fixed block that begins: intervals are closed.
func (p *periods) run() (bool, []int32) {
	for {
		called, due, begins := p.next()
		switch t := min(called, due, begins); {
		case t > p.last:
			return true, nil // what is left has a place, or need not happen
		case called == t:
			p.call(p.loose[0])
			p.loose = p.loose[1:]
		case due == t:
			if l, ok := p.end(); !ok {
				return false, append(p.setBy, l.loBy, l.hiBy)
			}
		default:
			z := p.fixed[0]
			p.fixed = p.fixed[1:]
			if !p.begin(z) {
				return false, append(p.setBy, z.fBy, z.sBy)
			}
		}
	}
}

// next finds the next call, end and beginning of a fixed block.
func (p *periods) next() (called, due, begins int64) {
	called, due, begins = math.MaxInt64, math.MaxInt64, math.MaxInt64
	if len(p.loose) > 0 {
		called = p.loose[0].lo
	}
	for i := range p.pending {
		if len(p.pending[i]) > 0 {
			due = min(due, p.pending[i][0].hi)
		}
	}
	if len(p.fixed) > 0 {
		begins = p.fixed[0].f
	}
	return called, due, begins
}

func (p *periods) call(l loose) {
	p.pending[l.role].push(l)
	p.settle()
}

// settle does what is free in the present state.
func (p *periods) settle() {
	if p.unset {
		p.pending[sees] = p.pending[sees][:0]
	} else {
		p.pending[sets] = p.pending[sets][:0]
	}
}

// end makes the item with the earliest end happen. It returns the item that
// can't, if it can't.
func (p *periods) end() (loose, bool) {
	r := sees
	for i := range p.pending {
		if len(p.pending[i]) > 0 && (len(p.pending[r]) == 0 || p.pending[i][0].hi < p.pending[r][0].hi) {
			r = role(i)
		}
	}
	l := p.pending[r][0]
	switch r {
	case sees:
		return l, p.clear()
	case unsets:
		return l, p.clear()
	case sets:
		p.finish()
		p.become(false, l.loBy, l.hiBy)
	case takes:
		if !p.unset && !p.clear() {
			return l, false
		}
		p.finish()
		p.become(false, l.loBy, l.hiBy)
	}
	return l, true
}

// clear opens a period with the clear that ends first.
func (p *periods) clear() bool {
	if len(p.pending[unsets]) == 0 {
		return false
	}
	if p.unset {
		p.finish()
	}
	p.pending[sets] = p.pending[sets][:0]
	l := p.pending[unsets].pop()
	p.become(true, l.loBy, l.hiBy)
	return true
}

// finish ends a period with an item that needs it, if there is one.
func (p *periods) finish() {
	if len(p.pending[takes]) > 0 {
		p.pending[takes].pop()
	}
}

// begin makes a fixed block happen.
func (p *periods) begin(z stretch) bool {
	switch {
	case z.needsUnset:
		if !p.unset && !p.clear() {
			return false
		}
	case p.unset:
		p.finish()
		fallthrough
	default:
		p.pending[sets] = p.pending[sets][:0]
	}
	p.become(z.leavesUnset, z.fBy, z.sBy)
	return true
}

func (p *periods) become(unset bool, by ...int32) {
	p.unset = unset
	if !unset {
		p.setBy = by
	}
	p.settle()
}

// heap is a binary heap of loose items, the one that ends first on top.
type heap []loose

func (h *heap) push(l loose) {
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

func (h *heap) pop() loose {
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
