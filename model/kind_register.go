package model

import "fmt"

// Register is one value. It is retain's own: the other kinds are the contract that every
// official Restate SDK ships in its test services.
const Register Kind = "register"

var _ = registerKind(KindSpec{
	Kind:    Register,
	Order:   2,
	Service: "Register",
	Handlers: []Handler{
		{Name: "read", Shared: true, Effect: Reads, Output: jsonString},
		{Name: "readExclusive", Effect: Reads, Output: jsonString},
		{Name: "write", Input: jsonString},
		{Name: "compareAndSet", Input: jsonObject, Output: jsonString, Fields: []string{"expect", "value"}},
		{Name: "clear", Effect: Clears},
	},
	Initial: RegisterState(""),
	Parse:   parseRegister,
	WholeReads: func([]Operation) []Operation {
		return []Operation{RegisterRead{}, RegisterRead{Exclusive: true}}
	},
	ReadOf:    func(Operation) Operation { return RegisterRead{} },
	Exclusive: exclusiveRegister,
	Shows:     registerShows,
	Mark:      registerMark,
	Marks:     textMarks,
	StateKey:  func(Operation) string { return "value" },
	Commands: func(op Operation, s State) bool {
		if swap, swaps := op.(RegisterCompareAndSet); swaps {
			return string(s.(RegisterState)) == swap.Expect
		}
		return !op.ReadOnly()
	},
})

// RegisterRead answers the value, "" when unset; Exclusive chooses the exclusive
// handler, which waits its turn behind writes, over the shared one.
type RegisterRead struct{ Exclusive bool }

// RegisterWrite sets the value, which is not "".
type RegisterWrite struct{ Value string }

// RegisterCompareAndSet sets Value if the register holds Expect ("" for unset),
// and answers what it saw.
type RegisterCompareAndSet struct{ Expect, Value string }

// RegisterClear unsets the value.
type RegisterClear struct{}

// RegisterState is a register's value, "" when unset.
type RegisterState string

func parseRegister(name string, args Arguments) (Operation, error) {
	switch name {
	case "read":
		return RegisterRead{}, args.none()
	case "readExclusive":
		return RegisterRead{Exclusive: true}, args.none()
	case "write":
		s, err := args.text(1, -1)
		if err != nil {
			return nil, err
		}
		return RegisterWrite{Value: s[0]}, nil
	case "compareAndSet":
		s, err := args.text(2, 0)
		if err != nil {
			return nil, err
		}
		return RegisterCompareAndSet{Expect: s[0], Value: s[1]}, nil
	case "clear":
		return RegisterClear{}, args.none()
	}
	return nil, fmt.Errorf("has read, readExclusive, write, compareAndSet and clear, not %.40s", name)
}

// Kind is [Register].
func (RegisterRead) Kind() Kind { return Register }

// Handler is "read" or "readExclusive".
func (o RegisterRead) Handler() string {
	if o.Exclusive {
		return "readExclusive"
	}
	return "read"
}

// ReadOnly is true.
func (RegisterRead) ReadOnly() bool { return true }

// String prints "read()" or "readExclusive()".
func (o RegisterRead) String() string { return o.Handler() + "()" }

// Apply answers the value.
func (RegisterRead) Apply(s State) (State, Answer) { return s, Text(s.(RegisterState)) }

// Request is nil.
func (RegisterRead) Request() []byte { return nil }

// Decode reads a string.
func (RegisterRead) Decode(body []byte) (Answer, error) { return decodeText(body) }

// Kind is [Register].
func (RegisterWrite) Kind() Kind { return Register }

// Handler is "write".
func (RegisterWrite) Handler() string { return "write" }

// ReadOnly is false.
func (RegisterWrite) ReadOnly() bool { return false }

// String prints write("v").
func (o RegisterWrite) String() string { return "write(" + quote(o.Value) + ")" }

// Apply sets the value.
func (o RegisterWrite) Apply(State) (State, Answer) { return RegisterState(o.Value), Done{} }

// Request is the string.
func (o RegisterWrite) Request() []byte { return encode(o.Value) }

// Decode accepts an empty body.
func (RegisterWrite) Decode(body []byte) (Answer, error) { return decodeNone(body) }

// Kind is [Register].
func (RegisterCompareAndSet) Kind() Kind { return Register }

// Handler is "compareAndSet".
func (RegisterCompareAndSet) Handler() string { return "compareAndSet" }

// ReadOnly is false.
func (RegisterCompareAndSet) ReadOnly() bool { return false }

// String prints compareAndSet("expected","new").
func (o RegisterCompareAndSet) String() string {
	return "compareAndSet(" + quote(o.Expect) + "," + quote(o.Value) + ")"
}

// Apply sets the value if the state is the expected one.
func (o RegisterCompareAndSet) Apply(s State) (State, Answer) {
	seen := s.(RegisterState)
	if string(seen) == o.Expect {
		return RegisterState(o.Value), Text(seen)
	}
	return s, Text(seen)
}

// Request is {"expect": s, "value": s}.
func (o RegisterCompareAndSet) Request() []byte {
	return encode(struct {
		Expect string `json:"expect"`
		Value  string `json:"value"`
	}(o))
}

// Decode reads the string that was seen.
func (RegisterCompareAndSet) Decode(body []byte) (Answer, error) { return decodeText(body) }

// Kind is [Register].
func (RegisterClear) Kind() Kind { return Register }

// Handler is "clear".
func (RegisterClear) Handler() string { return "clear" }

// ReadOnly is false.
func (RegisterClear) ReadOnly() bool { return false }

// String prints "clear()".
func (RegisterClear) String() string { return "clear()" }

// Apply unsets the value.
func (RegisterClear) Apply(State) (State, Answer) { return RegisterState(""), Done{} }

// Request is nil.
func (RegisterClear) Request() []byte { return nil }

// Decode accepts an empty body.
func (RegisterClear) Decode(body []byte) (Answer, error) { return decodeNone(body) }

// Equal compares the values.
func (s RegisterState) Equal(t State) bool { return s == t }

// Hash hashes the value.
func (s RegisterState) Hash() uint64 { return hashString(string(s)) }

// String prints the value in quotes.
func (s RegisterState) String() string { return quote(string(s)) }

func exclusiveRegister(op Operation) Operation {
	if _, read := op.(RegisterRead); read {
		return RegisterRead{Exclusive: true}
	}
	return op
}

func registerShows(_ Operation, seen Answer, write Operation, answer Answer) bool {
	switch w := write.(type) {
	case RegisterWrite:
		return seen.Equal(Text(w.Value))
	case RegisterCompareAndSet:
		return answer.Equal(Text(w.Expect)) && seen.Equal(Text(w.Value))
	}
	return false
}

// registerMark is the value that was set.
func registerMark(write Operation, answer Answer) string {
	switch w := write.(type) {
	case RegisterWrite:
		return w.Value
	case RegisterCompareAndSet:
		if answer.Equal(Text(w.Expect)) {
			return w.Value
		}
	}
	return ""
}
