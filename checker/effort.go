package checker

import "math"

// effort bounds a search by what it does, not by the clock: the result then does not
// depend on the speed of the machine, nor on what else runs there. A unit is about
// 25 ns of one processor.
//
// An effort may be part of a larger one, which then pays too. A nil effort has no end.
type effort struct {
	left int64
	of   *effort
}

// What the searches take, in units.
const (
	// perSecond is the effort of a second.
	perSecond = 40_000_000
	// perDecision: a decision. perRecord: each record of it.
	perDecision = 200
	perRecord   = 6
	// perElement: an element of a list's answer, or a value that was observed.
	perElement = 4
	// perWay: a successor of a configuration that [jit] tries.
	perWay = 1
	// perTry: a step that porcupine tries. perStep: one that it takes. It then also
	// copies its set of linearized operations, of which a unit holds operationsPerUnit.
	perTry            = 1
	perStep           = 10
	operationsPerUnit = 50
)

// unbounded is an effort without a bound, which measures what was spent.
func unbounded() *effort { return &effort{left: math.MaxInt64} }

// used returns the units that were spent of an unbounded effort.
func (e *effort) used() int64 { return math.MaxInt64 - e.left }

// part is an effort of so many units at most, out of e.
func (e *effort) part(units int64) *effort { return &effort{units, e} }

// half is an effort of half the units that are left, out of e.
func (e *effort) half() *effort {
	if e == nil {
		return nil
	}
	return e.part(e.rest() / 2)
}

// spend takes units away, of all that e is a part of.
func (e *effort) spend(units int) {
	for ; e != nil; e = e.of {
		e.left -= int64(units)
	}
}

// rest is how many units are left.
func (e *effort) rest() int64 {
	least := int64(math.MaxInt64)
	for ; e != nil; e = e.of {
		least = min(least, e.left)
	}
	return max(0, least)
}

// spent reports whether nothing is left.
func (e *effort) spent() bool { return e.rest() == 0 }
