package model

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"retain/internal/exactjson"
)

// Operation is a request of a client to one object. The implementations are small
// comparable values; they print as "add(2)" and [ParseOperation] reads them back.
type Operation interface {
	fmt.Stringer
	// Kind is the kind of object the operation belongs to.
	Kind() Kind
	// Handler is the handler's name in the contract.
	Handler() string
	// ReadOnly reports whether the operation never changes the state.
	ReadOnly() bool
	// Apply is the sequential specification: the state after the operation and
	// the answer that a correct runtime gives. The given state is not changed.
	Apply(State) (State, Answer)
	// Request is the JSON body, or nil for a handler without input.
	Request() []byte
	// Decode reads the body of a successful response.
	Decode(body []byte) (Answer, error)
}

// State is the state of one object. States are immutable.
type State interface {
	fmt.Stringer
	// Equal compares with a state of the same kind.
	Equal(State) bool
	// Hash is equal for equal states.
	Hash() uint64
}

// ParseOperation reads an operation of this kind from the text that its String
// method prints.
func ParseOperation(kind Kind, text string) (Operation, error) {
	parse := kind.Spec().Parse
	if parse == nil {
		return nil, fmt.Errorf("operation %.80q: no kind of object is called %.40q", text, kind)
	}
	name, rest, found := strings.Cut(text, "(")
	inner, closed := strings.CutSuffix(rest, ")")
	if !found || !closed {
		return nil, fmt.Errorf("operation %.80q: want name(arguments), such as add(2)", text)
	}
	var args Arguments
	list := []byte("[" + inner + "]")
	if err := exactjson.Check(list); err != nil {
		return nil, fmt.Errorf("operation %.80q: its arguments are not JSON values: %w", text, err)
	}
	if err := json.Unmarshal(list, &args); err != nil {
		return nil, fmt.Errorf("operation %.80q: its arguments are not JSON values: %w", text, err)
	}
	var op Operation
	var err error
	if isVerb(name) {
		op, err = parseManage(kind, Verb(name), args)
	} else {
		op, err = parse(name, args)
	}
	if err != nil {
		return nil, fmt.Errorf("operation %.80q of a %s: %w", text, kind, err)
	}
	return op, nil
}

// maxInteger bounds the integers that every SDK carries exactly.
const maxInteger = 1 << 53

// Arguments are those of an operation in text, as JSON values.
type Arguments []json.RawMessage

func (a Arguments) none() error {
	if len(a) != 0 {
		return fmt.Errorf("takes no arguments, has %d", len(a))
	}
	return nil
}

func (a Arguments) integer() (int64, error) {
	if len(a) != 1 {
		return 0, fmt.Errorf("takes one number, has %d arguments", len(a))
	}
	n, err := parseInteger(string(a[0]))
	if err != nil || n < 0 || n > maxInteger {
		return 0, fmt.Errorf("%.80s is not an integer from 0 to 2^53", a[0])
	}
	return n, nil
}

// text reads the arguments as want strings; the one at index empty may be "".
func (a Arguments) text(want, empty int) ([]string, error) {
	if len(a) != want {
		return nil, fmt.Errorf("takes %d strings, has %d arguments", want, len(a))
	}
	out := make([]string, want)
	for i, raw := range a {
		if len(raw) == 0 || raw[0] != '"' {
			return nil, fmt.Errorf("%.80s is not a string", raw)
		}
		if err := json.Unmarshal(raw, &out[i]); err != nil {
			return nil, fmt.Errorf("%.80s is not a string: %w", raw, err)
		}
		if out[i] == "" && i != empty {
			return nil, fmt.Errorf("argument %d is an empty string, which some SDKs drop", i+1)
		}
	}
	return out, nil
}

// quote prints a string as JSON without escaping HTML. One that is not UTF-8, which
// nothing that is read can be, is printed as Go does: no JSON, rather than another
// string.
func quote(s string) string {
	if !utf8.ValidString(s) {
		return strconv.Quote(s)
	}
	return string(encode(s))
}

// encode is JSON without HTML escapes and without a final newline.
func encode(v any) []byte {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(fmt.Sprintf("model: encode %T: %v", v, err)) // only strings, numbers and structs of them come here
	}
	return []byte(strings.TrimSuffix(b.String(), "\n"))
}

// decode reads the JSON value of an answer exactly: nothing may follow it.
func decode(body []byte, into any) error {
	err := exactjson.Check(body)
	if err == nil {
		err = json.Unmarshal(body, into)
	}
	if err != nil {
		return fmt.Errorf("answer %.80q: %w", body, err)
	}
	return nil
}

// decodeNone accepts the empty body of a handler without output.
func decodeNone(body []byte) (Answer, error) {
	if len(body) != 0 {
		return nil, fmt.Errorf("answer %.80q: want an empty body", body)
	}
	return Done{}, nil
}

func hashString(s string) uint64 { return hashAdd(14695981039346656037, s) }

// hashAdd goes on with an FNV-1a hash.
func hashAdd(h uint64, s string) uint64 {
	for i := range len(s) {
		h ^= uint64(s[i])
		h *= 1099511628211
	}
	return h
}
