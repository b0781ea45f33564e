package model

import (
	"fmt"
	"strconv"

	"retain/internal/exactjson"
)

// Counter is a number that additions and resets change.
const Counter Kind = "counter"

var _ = registerKind(KindSpec{
	Kind:    Counter,
	Order:   1,
	Service: "Counter",
	Handlers: []Handler{
		{Name: "add", Input: jsonInteger, Output: jsonObject},
		{Name: "addThenFail", Input: jsonInteger},
		{Name: "get", Shared: true, Effect: Reads, Output: jsonInteger},
		{Name: "reset", Effect: Clears},
	},
	Initial: CounterState(0),
	Parse:   parseCounter,
	// The contract's counter has no exclusive read; add(0) is one, and changes nothing.
	WholeReads: func([]Operation) []Operation { return []Operation{CounterGet{}, CounterAdd{}} },
	ReadOf:     func(Operation) Operation { return CounterGet{} },
	Exclusive:  exclusiveCounter,
	Shows:      countShows,
	Mark:       countMark,
	Marks:      countMarks,
	StateKey:   func(Operation) string { return "counter" },
	Commands: func(op Operation, _ State) bool {
		_, adds := op.(CounterAdd) // add(0) sets the same value
		return adds || !op.ReadOnly()
	},
})

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

func parseCounter(name string, args Arguments) (Operation, error) {
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
	return nil, fmt.Errorf("has add, addThenFail, get and reset, not %.40s", name)
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
		Old exactInteger `json:"oldValue"`
		New exactInteger `json:"newValue"`
	}
	if err := exactjson.Unmarshal(body, &c); err != nil {
		return nil, fmt.Errorf("answer %.80q: want oldValue and newValue: %w", body, err)
	}
	return Change{Old: int64(c.Old), New: int64(c.New)}, nil
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
	var n *exactInteger
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

func exclusiveCounter(op Operation) Operation {
	if op == Operation(CounterGet{}) {
		return CounterAdd{}
	}
	return op
}

// countShows reports whether a count is at least what an addition left.
func countShows(_ Operation, seen Answer, write Operation, answer Answer) bool {
	add, adds := write.(CounterAdd)
	change, answered := answer.(Change)
	if !adds || !answered || add.Delta == 0 {
		return false
	}
	return change.New <= countOf(seen)
}

// countOf is the count that an answer shows, 0 for none.
func countOf(seen Answer) int64 {
	switch n := seen.(type) {
	case Integer:
		return int64(n)
	case Change:
		return n.Old
	}
	return 0
}

// addition is the mark of all additions: they have equal marks, and only their number
// differs.
const addition = "+"

// countMark is the mark of an addition.
func countMark(write Operation, answer Answer) string {
	add, adds := write.(CounterAdd)
	if _, answered := answer.(Change); !adds || !answered || add.Delta == 0 {
		return ""
	}
	return addition
}

// countMarks is the mark of an addition where the count shows one.
func countMarks(seen Answer) []string {
	if countOf(seen) > 0 {
		return []string{addition}
	}
	return nil
}
