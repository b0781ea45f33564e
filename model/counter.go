package model

import (
	"fmt"
	"strconv"
)

// CounterAdd adds Delta (not negative) and answers the value before and after.
type CounterAdd struct{ Delta int64 }

// CounterAddThenFail adds Delta and then fails for good: the addition stays.
type CounterAddThenFail struct{ Delta int64 }

// CounterGet answers the value, 0 when unset.
type CounterGet struct{}

// CounterReset clears the value.
type CounterReset struct{}

// CounterState is a counter's value.
type CounterState int64

func parseCounter(name string, args arguments) (Operation, error) {
	switch name {
	case "add":
		n, err := args.integer()
		return CounterAdd{Delta: n}, err
	case "addThenFail":
		n, err := args.integer()
		return CounterAddThenFail{Delta: n}, err
	case "get":
		return CounterGet{}, args.none()
	case "reset":
		return CounterReset{}, args.none()
	}
	return nil, fmt.Errorf("has add, addThenFail, get and reset, not %s", name)
}

// Kind is [Counter].
func (CounterAdd) Kind() Kind { return Counter }

// Handler is "add".
func (CounterAdd) Handler() string { return "add" }

// ReadOnly is true for add(0), the exclusive read of a counter.
func (o CounterAdd) ReadOnly() bool { return o.Delta == 0 }

// String prints "add(2)".
func (o CounterAdd) String() string { return fmt.Sprintf("add(%d)", o.Delta) }

// Apply adds Delta.
func (o CounterAdd) Apply(s State) (State, Answer) {
	before := s.(CounterState)
	after := before + CounterState(o.Delta)
	return after, Change{Old: int64(before), New: int64(after)}
}

// Request is the bare integer.
func (o CounterAdd) Request() []byte { return strconv.AppendInt(nil, o.Delta, 10) }

// Decode reads {"oldValue": n, "newValue": n}.
func (CounterAdd) Decode(body []byte) (Answer, error) {
	var c struct {
		Old *int64 `json:"oldValue"`
		New *int64 `json:"newValue"`
	}
	if err := decode(body, &c); err != nil {
		return nil, err
	}
	if c.Old == nil || c.New == nil {
		return nil, fmt.Errorf("answer %.80q: want oldValue and newValue", body)
	}
	return Change{Old: *c.Old, New: *c.New}, nil
}

// Kind is [Counter].
func (CounterAddThenFail) Kind() Kind { return Counter }

// Handler is "addThenFail".
func (CounterAddThenFail) Handler() string { return "addThenFail" }

// ReadOnly is false.
func (CounterAddThenFail) ReadOnly() bool { return false }

// String prints "addThenFail(2)".
func (o CounterAddThenFail) String() string { return fmt.Sprintf("addThenFail(%d)", o.Delta) }

// Apply adds Delta and answers the failure.
func (o CounterAddThenFail) Apply(s State) (State, Answer) {
	return s.(CounterState) + CounterState(o.Delta), Failure{Code: 500}
}

// Request is the bare integer.
func (o CounterAddThenFail) Request() []byte { return strconv.AppendInt(nil, o.Delta, 10) }

// Decode refuses every success: the handler always fails.
func (CounterAddThenFail) Decode(body []byte) (Answer, error) {
	return nil, fmt.Errorf("answer %.80q: addThenFail can't succeed", body)
}

// Kind is [Counter].
func (CounterGet) Kind() Kind { return Counter }

// Handler is "get".
func (CounterGet) Handler() string { return "get" }

// ReadOnly is true.
func (CounterGet) ReadOnly() bool { return true }

// String prints "get()".
func (CounterGet) String() string { return "get()" }

// Apply answers the value.
func (CounterGet) Apply(s State) (State, Answer) { return s, Integer(s.(CounterState)) }

// Request is nil.
func (CounterGet) Request() []byte { return nil }

// Decode reads an integer.
func (CounterGet) Decode(body []byte) (Answer, error) {
	var n *int64
	if err := decode(body, &n); err != nil {
		return nil, err
	}
	if n == nil {
		return nil, fmt.Errorf("answer %.80q: want an integer", body)
	}
	return Integer(*n), nil
}

// Kind is [Counter].
func (CounterReset) Kind() Kind { return Counter }

// Handler is "reset".
func (CounterReset) Handler() string { return "reset" }

// ReadOnly is false.
func (CounterReset) ReadOnly() bool { return false }

// String prints "reset()".
func (CounterReset) String() string { return "reset()" }

// Apply sets the value to 0.
func (CounterReset) Apply(State) (State, Answer) { return CounterState(0), Done{} }

// Request is nil.
func (CounterReset) Request() []byte { return nil }

// Decode accepts an empty body.
func (CounterReset) Decode(body []byte) (Answer, error) { return decodeNone(body) }

// Equal compares the values.
func (s CounterState) Equal(t State) bool { return s == t }

// Hash is the value, mixed.
func (s CounterState) Hash() uint64 { return uint64(s) * 0x9e3779b97f4a7c15 }

// String prints the value.
func (s CounterState) String() string { return strconv.FormatInt(int64(s), 10) }

// Addition is what the operation adds to a counter, 0 for other operations.
func Addition(op Operation) int64 {
	switch op := op.(type) {
	case CounterAdd:
		return op.Delta
	case CounterAddThenFail:
		return op.Delta
	}
	return 0
}
