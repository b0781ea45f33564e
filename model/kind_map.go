package model

import (
	"fmt"
	"maps"
	"slices"
)

// Map is entries that are set one by one and cleared all at once.
const Map Kind = "map"

var _ = registerKind(KindSpec{
	Kind:    Map,
	Order:   4,
	Service: "MapObject",
	Handlers: []Handler{
		{Name: "set", Input: jsonObject, Fields: []string{"key", "value"}},
		{Name: "get", Effect: Reads, Input: jsonString, Output: jsonString},
		{Name: "clearAll", Effect: Clears, Output: jsonArray},
	},
	Initial:    MapState{},
	Parse:      parseMap,
	WholeReads: mapReads,
	ReadOf: func(op Operation) Operation {
		if set, sets := op.(MapSet); sets {
			return MapGet{Key: set.Key}
		}
		return MapGet{Key: anyEntry}
	},
	Shows: mapShows,
	Mark:  mapMark,
	Marks: mapMarks,
	StateKey: func(read Operation) string {
		get, _ := read.(MapGet)
		return get.Key
	},
})

// anyEntry is read of a map of which the program names no entry.
const anyEntry = "a"

// MapSet sets one entry. Neither the key nor the value is "".
type MapSet struct{ Key, Value string }

// MapGet answers one entry's value, "" when unset.
type MapGet struct{ Key string }

// MapClearAll clears every entry and answers what they were, in any order.
//
// Where the deployment serves get as a shared handler, a reader sees the
// entries go one by one while clearAll runs: it is atomic to exclusive
// handlers only. [Header.Shared] says which is the case.
type MapClearAll struct{}

// MapState is a map's entries. It is not changed once it is made.
type MapState struct{ entries map[string]string }

func parseMap(name string, args Arguments) (Operation, error) {
	switch name {
	case "set":
		s, err := args.text(2, -1)
		if err != nil {
			return nil, err
		}
		return MapSet{Key: s[0], Value: s[1]}, nil
	case "get":
		s, err := args.text(1, -1)
		if err != nil {
			return nil, err
		}
		return MapGet{Key: s[0]}, nil
	case "clearAll":
		return MapClearAll{}, args.none()
	}
	return nil, fmt.Errorf("has set, get and clearAll, not %.40s", name)
}

// Kind is [Map].
func (MapSet) Kind() Kind { return Map }

// Handler is "set".
func (MapSet) Handler() string { return "set" }

// ReadOnly is false.
func (MapSet) ReadOnly() bool { return false }

// String prints set("k","v").
func (o MapSet) String() string { return "set(" + quote(o.Key) + "," + quote(o.Value) + ")" }

// Apply sets the entry.
func (o MapSet) Apply(s State) (State, Answer) {
	next := maps.Clone(s.(MapState).entries)
	if next == nil {
		next = make(map[string]string, 1)
	}
	next[o.Key] = o.Value
	return MapState{entries: next}, Done{}
}

// Request is {"key": s, "value": s}.
func (o MapSet) Request() []byte { return encode(Entry(o)) }

// Decode accepts an empty body.
func (MapSet) Decode(body []byte) (Answer, error) { return decodeNone(body) }

// Kind is [Map].
func (MapGet) Kind() Kind { return Map }

// Handler is "get".
func (MapGet) Handler() string { return "get" }

// ReadOnly is true.
func (MapGet) ReadOnly() bool { return true }

// String prints get("k").
func (o MapGet) String() string { return "get(" + quote(o.Key) + ")" }

// Apply answers the entry.
func (o MapGet) Apply(s State) (State, Answer) { return s, Text(s.(MapState).entries[o.Key]) }

// Request is the key.
func (o MapGet) Request() []byte { return encode(o.Key) }

// Decode reads a string.
func (MapGet) Decode(body []byte) (Answer, error) { return decodeText(body) }

// Kind is [Map].
func (MapClearAll) Kind() Kind { return Map }

// Handler is "clearAll".
func (MapClearAll) Handler() string { return "clearAll" }

// ReadOnly is false.
func (MapClearAll) ReadOnly() bool { return false }

// String prints "clearAll()".
func (MapClearAll) String() string { return "clearAll()" }

// Apply clears the map and answers its entries.
func (MapClearAll) Apply(s State) (State, Answer) {
	return MapState{}, s.(MapState).answer()
}

// Request is nil.
func (MapClearAll) Request() []byte { return nil }

// Decode reads an array of {"key": s, "value": s} in any order.
func (MapClearAll) Decode(body []byte) (Answer, error) { return decodeEntries(body) }

func (s MapState) answer() Entries {
	out := make(Entries, 0, len(s.entries))
	for _, k := range slices.Sorted(maps.Keys(s.entries)) {
		out = append(out, Entry{Key: k, Value: s.entries[k]})
	}
	return out
}

// Equal compares the entries.
func (s MapState) Equal(t State) bool { return maps.Equal(s.entries, t.(MapState).entries) }

// Hash does not depend on the order of the entries.
func (s MapState) Hash() uint64 {
	var h uint64
	for k, v := range s.entries {
		h += hashAdd(hashString(k)*31+7, v)
	}
	return h
}

// String prints {"k":"v"}, sorted by key.
func (s MapState) String() string { return s.answer().String() }

// mapReads reads each entry that the program names, sorted.
func mapReads(program []Operation) []Operation {
	var keys []string
	for _, op := range program {
		switch op := op.(type) {
		case MapSet:
			keys = append(keys, op.Key)
		case MapGet:
			keys = append(keys, op.Key)
		}
	}
	if len(keys) == 0 {
		keys = []string{anyEntry}
	}
	slices.Sort(keys)
	var out []Operation
	for _, key := range slices.Compact(keys) {
		out = append(out, MapGet{Key: key})
	}
	return out
}

// mapShows reports whether a get answers the value that was set, or the entries of a
// clearAll hold it.
func mapShows(read Operation, seen Answer, write Operation, _ Answer) bool {
	set, sets := write.(MapSet)
	if !sets {
		return false
	}
	if get, gets := read.(MapGet); gets {
		return get.Key == set.Key && seen.Equal(Text(set.Value))
	}
	all, _ := seen.(Entries)
	return slices.ContainsFunc(all, func(e Entry) bool { return e.Value == set.Value })
}

// mapMark is the value that was set.
func mapMark(write Operation, _ Answer) string {
	set, _ := write.(MapSet)
	return set.Value
}

// mapMarks are the values of the entries.
func mapMarks(seen Answer) []string {
	all, is := seen.(Entries)
	if !is {
		return textMarks(seen)
	}
	var values []string
	for _, e := range all {
		values = append(values, e.Value)
	}
	return values
}
