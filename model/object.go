package model

import (
	"fmt"
	"strconv"
	"strings"
)

// Kind names a kind of object.
type Kind string

// The kinds of objects. The first three are the contract that every official
// Restate SDK ships in its test services; register is retain's own.
const (
	Counter  Kind = "counter"
	Map      Kind = "map"
	List     Kind = "list"
	Register Kind = "register"
)

// Kinds lists every kind, the simplest first.
func Kinds() []Kind { return []Kind{Counter, Register, List, Map} }

// Service is the name of the virtual object that serves this kind.
func (k Kind) Service() string {
	switch k {
	case Counter:
		return "Counter"
	case Map:
		return "MapObject"
	case List:
		return "ListObject"
	default:
		return "Register"
	}
}

// Initial is the state of an object of this kind that nobody has written.
func (k Kind) Initial() State {
	switch k {
	case Counter:
		return CounterState(0)
	case Map:
		return MapState{}
	case List:
		return ListState{}
	default:
		return RegisterState("")
	}
}

func (k Kind) valid() bool {
	return k == Counter || k == Map || k == List || k == Register
}

// Object is a keyed thing with a sequential specification, "counter-0" in text.
// A run gives each object a fresh key of its own.
type Object struct {
	Kind Kind
	N    int
}

// String prints the object as "counter-0".
func (o Object) String() string { return string(o.Kind) + "-" + strconv.Itoa(o.N) }

// ParseObject reads what [Object.String] prints.
func ParseObject(s string) (Object, error) {
	kind, n, found := strings.Cut(s, "-")
	o := Object{Kind: Kind(kind)}
	if !found || !o.Kind.valid() {
		return Object{}, fmt.Errorf("object %q: want a kind and a number, such as counter-0 (kinds: counter, map, list, register)", s)
	}
	var err error
	if o.N, err = strconv.Atoi(n); err != nil || o.N < 0 || strconv.Itoa(o.N) != n {
		return Object{}, fmt.Errorf("object %q: %q is not a number", s, n)
	}
	return o, nil
}

// MarshalText prints the object as [Object.String] does.
func (o Object) MarshalText() ([]byte, error) { return []byte(o.String()), nil }

// UnmarshalText reads what [Object.MarshalText] prints.
func (o *Object) UnmarshalText(b []byte) error {
	var err error
	*o, err = ParseObject(string(b))
	return err
}
