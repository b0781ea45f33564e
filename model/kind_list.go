package model

import (
	"fmt"
	"slices"
)

// List is a list that grows at its end.
const List Kind = "list"

var _ = registerKind(KindSpec{
	Kind:    List,
	Order:   3,
	Service: "ListObject",
	Handlers: []Handler{
		{Name: "append", Input: jsonString},
		{Name: "get", Effect: Reads, Output: jsonArray},
		{Name: "clear", Effect: Clears, Output: jsonArray},
	},
	Initial:    ListState{},
	Parse:      parseList,
	WholeReads: func([]Operation) []Operation { return []Operation{ListGet{}} },
	ReadOf:     func(Operation) Operation { return ListGet{} },
	Shows:      listShows,
	Mark:       listMark,
	Marks:      listMarks,
	StateKey:   func(Operation) string { return "list" },
})

// ListAppend appends Value, which is not "".
type ListAppend struct{ Value string }

// ListGet answers the whole list.
type ListGet struct{}

// ListClear empties the list and answers what it held.
type ListClear struct{}

// ListState is a list's elements. It shares its elements with the states it came
// from, so that appending costs O(1) memory.
type ListState struct {
	last *listNode
}

type listNode struct {
	before *listNode
	value  string
	length int
	hash   uint64 // chained over all elements up to this one
}

func parseList(name string, args Arguments) (Operation, error) {
	switch name {
	case "append":
		s, err := args.text(1, -1)
		if err != nil {
			return nil, err
		}
		return ListAppend{Value: s[0]}, nil
	case "get":
		return ListGet{}, args.none()
	case "clear":
		return ListClear{}, args.none()
	}
	return nil, fmt.Errorf("has append, get and clear, not %.40s", name)
}

// Kind is [List].
func (ListAppend) Kind() Kind { return List }

// Handler is "append".
func (ListAppend) Handler() string { return "append" }

// ReadOnly is false.
func (ListAppend) ReadOnly() bool { return false }

// String prints append("v").
func (o ListAppend) String() string { return "append(" + quote(o.Value) + ")" }

// Apply appends the value.
func (o ListAppend) Apply(s State) (State, Answer) { return s.(ListState).append(o.Value), Done{} }

// Request is the string.
func (o ListAppend) Request() []byte { return encode(o.Value) }

// Decode accepts an empty body.
func (ListAppend) Decode(body []byte) (Answer, error) { return decodeNone(body) }

// Kind is [List].
func (ListGet) Kind() Kind { return List }

// Handler is "get".
func (ListGet) Handler() string { return "get" }

// ReadOnly is true.
func (ListGet) ReadOnly() bool { return true }

// String prints "get()".
func (ListGet) String() string { return "get()" }

// Apply answers the elements.
func (ListGet) Apply(s State) (State, Answer) { return s, Texts(s.(ListState).Elements()) }

// Request is nil.
func (ListGet) Request() []byte { return nil }

// Decode reads an array of strings.
func (ListGet) Decode(body []byte) (Answer, error) { return decodeTexts(body) }

// Kind is [List].
func (ListClear) Kind() Kind { return List }

// Handler is "clear".
func (ListClear) Handler() string { return "clear" }

// ReadOnly is false.
func (ListClear) ReadOnly() bool { return false }

// String prints "clear()".
func (ListClear) String() string { return "clear()" }

// Apply empties the list and answers its elements.
func (ListClear) Apply(s State) (State, Answer) {
	return ListState{}, Texts(s.(ListState).Elements())
}

// Request is nil.
func (ListClear) Request() []byte { return nil }

// Decode reads an array of strings.
func (ListClear) Decode(body []byte) (Answer, error) { return decodeTexts(body) }

func (s ListState) append(v string) ListState {
	n := &listNode{before: s.last, value: v, length: 1, hash: hashString(v)}
	if s.last != nil {
		n.length = s.last.length + 1
		n.hash = hashAdd(s.last.hash*31+7, v)
	}
	return ListState{last: n}
}

// Len is the number of elements.
func (s ListState) Len() int {
	if s.last == nil {
		return 0
	}
	return s.last.length
}

// Last is the newest element, "" for an empty list.
func (s ListState) Last() string {
	if s.last == nil {
		return ""
	}
	return s.last.value
}

// Elements are the elements, oldest first, never nil.
func (s ListState) Elements() []string {
	out := make([]string, 0, s.Len())
	for n := s.last; n != nil; n = n.before {
		out = append(out, n.value)
	}
	slices.Reverse(out)
	return out
}

// Equal compares the elements; states that share them compare in O(1).
func (s ListState) Equal(t State) bool {
	a, b := s.last, t.(ListState).last
	for a != b {
		if a == nil || b == nil || a.length != b.length || a.hash != b.hash || a.value != b.value {
			return false
		}
		a, b = a.before, b.before
	}
	return true
}

// Hash is the chained hash of the elements.
func (s ListState) Hash() uint64 {
	if s.last == nil {
		return 0
	}
	return s.last.hash
}

// String prints a JSON array.
func (s ListState) String() string { return Texts(s.Elements()).String() }

// Appended is the element that an operation appends to a list; false if it appends none.
func Appended(op Operation) (value string, appends bool) {
	switch op := op.(type) {
	case ListAppend:
		return op.Value, true
	case MailboxAppend:
		return op.Value, true
	case MailboxSend:
		return op.Value, true
	case MailboxRelay:
		return op.Value, true
	case MailboxNap:
		return op.Value, true
	}
	return "", false
}

// IsList reports whether objects of the kind are lists, which grow at their end.
func (k Kind) IsList() bool {
	_, is := k.Initial().(ListState)
	return is
}

func listShows(_ Operation, seen Answer, write Operation, _ Answer) bool {
	value, adds := Appended(write)
	list, _ := seen.(Texts)
	return adds && slices.Contains(list, value)
}

// listMark is the element that was appended.
func listMark(write Operation, _ Answer) string {
	value, _ := Appended(write)
	return value
}

// listMarks are the elements.
func listMarks(seen Answer) []string {
	list, _ := seen.(Texts)
	return list
}
