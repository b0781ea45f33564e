package checker

import (
	"retain/model"
)

// machine runs an object's sequential specification on states that are numbers.
type machine interface {
	// start is the state that nobody has changed.
	start() int64
	// apply is the state after the record's operation, and whether its answer,
	// if it has one, is the one that the state gives.
	apply(state int64, r *record) (int64, bool)
	// size is the number of states that it keeps.
	size() int
}

// counting is a counter's machine: the state is its value.
type counting struct{}

func (counting) start() int64 { return 0 }
func (counting) size() int    { return 0 }

func (counting) apply(n int64, r *record) (int64, bool) {
	switch op := r.op.(type) {
	case model.CounterAdd:
		c, answered := r.answer.(model.Change)
		return n + op.Delta, !answered || c.Old == n
	case model.CounterAddThenFail:
		return n + op.Delta, true
	case model.CounterReset:
		return 0, true
	}
	a, answered := r.answer.(model.Integer)
	return n, !answered || int64(a) == n
}

// numbering is any object's machine: it numbers the states as it meets them.
type numbering struct {
	kind   model.Kind
	facts  reduced
	states []model.State
	byHash map[uint64][]int64
}

func newNumbering(kind model.Kind, facts reduced) *numbering {
	m := &numbering{kind: kind, facts: facts, byHash: map[uint64][]int64{}}
	m.number(kind.Initial())
	return m
}

func (m *numbering) start() int64 { return 0 }
func (m *numbering) size() int    { return len(m.states) }

func (m *numbering) apply(state int64, r *record) (int64, bool) {
	ok, next := m.facts.take(m.states[state], r)
	if !ok {
		return state, false
	}
	if r.op.ReadOnly() {
		return state, true
	}
	return m.number(next), true
}

func (m *numbering) number(s model.State) int64 {
	h := s.Hash()
	for _, n := range m.byHash[h] {
		if m.states[n].Equal(s) {
			return n
		}
	}
	n := int64(len(m.states))
	m.states = append(m.states, s)
	m.byHash[h] = append(m.byHash[h], n)
	return n
}
