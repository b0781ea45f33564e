package checker

import (
	"cmp"
	"slices"
)

// depthFirst is a depth-first search by the steps of a sweep: it follows one configuration
// to the end of the history and backtracks at dead ends. A legal history whose values
// repeat has many orders; the search needs one of them, and a sweep keeps all.
type depthFirst struct {
	*jit
	events []event
	// bitBefore is by record the bit that it has, or had before its return.
	bitBefore []uint64
	// branches is the stack of returns with alternatives that are left.
	branches []branch
	steps    int
}

// branch is a return after which there were several configurations.
type branch struct {
	event  int
	others []config
}

// visit is a configuration at a return.
type visit struct {
	event  int
	config config
}

// waysPerEvent is what passing an event costs, in ways that are tried.
const waysPerEvent = 4

// waysOn is how many successors of a configuration are tried: of a list more, since its
// answers rule out most of them.
func (w *jit) waysOn() int {
	if w.lists != nil {
		return 16
	}
	return 4
}

// searchDepthFirst searches for so many steps at most. It returns [Pass] or [Undecided]:
// it leaves out successors, so that finding no order proves nothing.
func (w *jit) searchDepthFirst(events []event, steps int) Verdict {
	d := &depthFirst{jit: w, events: events, bitBefore: make([]uint64, len(w.records)), steps: steps}
	w.tried = map[visit]bool{}
	defer func() { w.tried = nil }()
	w.begin()
	c := w.now.all[0]
	for at := 0; at < len(events); {
		next, ok := d.pass(at, c)
		if ok {
			c, at = next, at+1
			continue
		}
		if d.steps <= 0 || w.spent || len(d.branches) == 0 {
			return Undecided // a sweep tries the rest
		}
		c, at = d.back(at)
	}
	return Pass
}

// pass takes a configuration past an event; false if it can't, or was tried before.
func (d *depthFirst) pass(at int, c config) (config, bool) {
	i := int(d.events[at].record)
	d.ways += waysPerEvent
	switch {
	case d.records[i].optional():
		d.called[d.classes[d.effects[i]]]++
		return c, true
	case !d.events[at].returns:
		if !d.opens(i) {
			d.branches = nil
			return c, false
		}
		d.bitBefore[i] = d.bitOf[i]
		if inert(d.records[i]) {
			c = d.settle(c)
		}
		return c, true
	}
	bit := d.bitOf[i]
	d.at(i)
	if c.linearized&bit != 0 {
		c.linearized &^= bit
		d.close(i)
		return c, true
	}
	d.then.reset()
	d.seen.reset()
	if d.tried[visit{at, c}] {
		return c, false
	}
	d.tried[visit{at, c}] = true
	on := d.expand(c, bit, d.waysOn())
	if d.steps -= len(d.queue) + len(d.then.all); !on || len(d.then.all) == 0 {
		return c, false
	}
	if len(d.then.all) > 1 {
		d.branches = append(d.branches, branch{at, slices.Clone(d.then.all[1:])})
	}
	c = d.then.all[0]
	d.close(i)
	return c, true
}

// back backtracks to the last branch and takes another configuration there.
func (d *depthFirst) back(at int) (config, int) {
	last := &d.branches[len(d.branches)-1]
	for at--; at > last.event; at-- {
		d.undo(at)
	}
	c := last.others[0]
	if last.others = last.others[1:]; len(last.others) == 0 {
		d.branches = d.branches[:len(d.branches)-1]
	}
	return c, at + 1
}

// undo takes an event back.
func (d *depthFirst) undo(at int) {
	i := int(d.events[at].record)
	switch {
	case d.records[i].optional():
		d.called[d.classes[d.effects[i]]]--
	case d.events[at].returns:
		d.insert(i, d.bitBefore[i])
	default:
		d.close(i)
	}
}

// insert adds an operation to the pending ones.
func (w *jit) insert(i int, bit uint64) {
	w.bits |= bit
	w.bitOf[i] = bit
	o := pendingOperation{record: i, bit: bit, class: w.classes[w.effects[i]], effect: w.effects[i], inert: inert(w.records[i])}
	at, _ := slices.BinarySearchFunc(w.pending, w.records[i].ret, func(o pendingOperation, ret int64) int {
		return cmp.Compare(w.records[o.record].ret, ret)
	})
	w.pending = slices.Insert(w.pending, at, o)
}

// close removes an operation from the pending ones.
func (w *jit) close(i int) {
	w.pending = slices.DeleteFunc(w.pending, func(o pendingOperation) bool { return o.record == i })
	w.bits &^= w.bitOf[i]
	w.bitOf[i] = 0
}
