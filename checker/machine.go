package checker

import (
	"math"

	"retain/model"
)

// machine runs an object's sequential specification, on states that are numbers and
// records that it was made for.
type machine interface {
	// start is the state that nobody has changed.
	start() int64
	// apply is the state after the operation of record i, and whether its answer, if
	// it has one, is the one that the state gives.
	apply(state int64, i int) (int64, bool)
	// size is the number of states that it keeps.
	size() int
}

// numbers gives texts numbers in the order in which they come.
type numbers map[string]int32

func (n numbers) of(text string) int32 {
	at, known := n[text]
	if !known {
		at = int32(len(n))
		n[text] = at
	}
	return at
}

// counting is a counter's machine: the state is its value.
type counting struct{ records []record }

func (counting) start() int64 { return 0 }
func (counting) size() int    { return 0 }

func (m counting) apply(n int64, i int) (int64, bool) {
	r := &m.records[i]
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

// registerMachine is the machine of a register, or of a map's single entry: the state is
// the number of its value.
type registerMachine struct {
	steps   []registerStep // by record
	expects []int64        // by record: what a compare-and-set without an answer expects
	empty   int64          // the number of "" where that is a value of its own
}

// registerStep is what an operation does to a register.
type registerStep struct {
	from, to int64 // the values before and after, or one of these constants
}

const (
	anyValue  = int64(-1) // from: every value will do
	same      = int64(-2) // to: the value stays
	noValue   = int64(-3) // from: no value will do
	emptyText = int64(-4) // from: unset or "", which a get can't tell apart
	ifEqual   = int64(-5) // from: the value is replaced if it is the expected one
)

// unsetValue is the number of the value that nobody wrote.
const unsetValue = int64(0)

// newRegisterMachine makes the machine. A register's "" is its initial value; a map's entry may
// have "" and is then there.
func newRegisterMachine(records []record, key string) machine {
	m := &registerMachine{steps: make([]registerStep, len(records)), expects: make([]int64, len(records)), empty: noValue}
	values := numbers{"": int32(unsetValue)}
	number := func(text string) int64 { return int64(values.of(text)) }
	set := func(text string) int64 {
		if text == "" {
			m.empty = math.MaxInt64
			return m.empty
		}
		return number(text)
	}
	for i := range records {
		m.steps[i], m.expects[i] = registerStepOf(&records[i], key, number, set)
	}
	return m
}

// registerStepOf is what the record's operation does, and what a compare-and-set without
// an answer expects.
func registerStepOf(r *record, key string, number, set func(string) int64) (registerStep, int64) {
	text, answered := r.answer.(model.Text)
	switch op := r.op.(type) {
	case model.RegisterWrite:
		return registerStep{anyValue, number(op.Value)}, 0
	case model.MapSet:
		return registerStep{anyValue, set(op.Value)}, 0
	case model.RegisterClear:
		return registerStep{anyValue, unsetValue}, 0
	case model.RegisterCompareAndSet:
		switch {
		case !answered:
			return registerStep{ifEqual, number(op.Value)}, number(op.Expect)
		case string(text) == op.Expect:
			return registerStep{number(op.Expect), number(op.Value)}, 0
		}
		return registerStep{number(string(text)), same}, 0
	case model.MapClearAll:
		all, answered := r.answer.(model.Entries)
		switch {
		case !answered:
			return registerStep{anyValue, unsetValue}, 0
		case len(all) == 0:
			return registerStep{unsetValue, same}, 0
		case len(all) > 1 || all[0].Key != key:
			return registerStep{noValue, same}, 0
		}
		return registerStep{set(all[0].Value), unsetValue}, 0
	case model.MapGet:
		if answered && text == "" {
			return registerStep{emptyText, same}, 0
		}
	}
	if !answered {
		return registerStep{anyValue, same}, 0
	}
	return registerStep{number(string(text)), same}, 0
}

func (*registerMachine) start() int64 { return unsetValue }
func (*registerMachine) size() int    { return 0 }

func (m *registerMachine) apply(state int64, i int) (int64, bool) {
	s := m.steps[i]
	fits := s.from == state || s.from == anyValue
	switch s.from {
	case emptyText:
		fits = state == unsetValue || state == m.empty
	case ifEqual:
		if state != m.expects[i] {
			return state, true
		}
		fits = true
	}
	if s.to == same {
		return state, fits
	}
	return s.to, fits
}

// needs reports whether the operation of record i needs or expects the value.
func (m *registerMachine) needs(i int, value int64) bool {
	switch from := m.steps[i].from; from {
	case emptyText:
		return value == unsetValue || value == m.empty
	case ifEqual:
		return value == m.expects[i]
	default:
		return value == from
	}
}

// singleKey is the one entry that all records of a map are about, if there is one.
func singleKey(records []record) (string, bool) {
	key, known, single := "", false, true
	about := func(k string) {
		single = single && (!known || k == key)
		key, known = k, true
	}
	for i := range records {
		switch op := records[i].op.(type) {
		case model.MapSet:
			about(op.Key)
		case model.MapGet:
			about(op.Key)
		case model.MapClearAll:
			all, _ := records[i].answer.(model.Entries)
			for _, e := range all {
				about(e.Key)
			}
		}
	}
	return key, single
}
