package model

import (
	"fmt"
	"strconv"
	"strings"
)

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
		return Object{}, fmt.Errorf("object %.80q: want a kind and a number, such as counter-0 (kinds: %s)", s, KindNames())
	}
	var err error
	if o.N, err = strconv.Atoi(n); err != nil || o.N < 0 || strconv.Itoa(o.N) != n {
		return Object{}, fmt.Errorf("object %.80q: %.40q is not a number", s, n)
	}
	return o, nil
}

// KindNames lists the kinds in words: "counter, register".
func KindNames() string {
	var names []string
	for _, k := range Kinds() {
		names = append(names, string(k))
	}
	return strings.Join(names, ", ")
}

// MarshalText prints the object as [Object.String] does.
func (o Object) MarshalText() ([]byte, error) { return []byte(o.String()), nil }

// UnmarshalText reads what [Object.MarshalText] prints.
func (o *Object) UnmarshalText(b []byte) error {
	var err error
	*o, err = ParseObject(string(b))
	return err
}
