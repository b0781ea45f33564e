package model

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"retain/internal/exactjson"
)

// Answer is what an operation returned. [ParseAnswer] reads what String prints.
type Answer interface {
	fmt.Stringer
	// Equal reports whether both answers say the same.
	Equal(Answer) bool
}

type (
	// Done is the answer of an operation without output, "ok" in text.
	Done struct{}
	// Integer is a counter's value, "3" in text.
	Integer int64
	// Change is what an addition did, "0->2" in text.
	Change struct{ Old, New int64 }
	// Text is a string, in quotes.
	Text string
	// Texts are the elements of a list, a JSON array in text.
	Texts []string
	// Entries are the entries of a map, sorted by key, a JSON object in text.
	Entries []Entry
	// Failure is a terminal error of the handler, "error(500)" in text. Message
	// is "" where it was the expected one: error texts are free, except
	// addThenFail's, which is the object's key. Metadata is a JSON object of strings, its
	// keys sorted, "" for none.
	Failure struct {
		Code     int
		Message  string
		Metadata string
	}
	// Receipt is the answer of a call of [Answers]: its number on its object, from 1 on,
	// and its key. It is #3 "v" in text.
	Receipt struct {
		Number int64
		Value  string
	}
	// Unknown says that the runtime knows no invocation with a key, "unknown" in text.
	Unknown struct{}
	// Unfinished says that it knows it, and that it has no answer yet, "unfinished" in text.
	Unfinished struct{}
	// Garbled is a complete response whose body is none of the contract's, or holds
	// what JSON can't hold exactly: bytes that are not UTF-8, a lone surrogate, a name
	// that comes twice. It is garbled("body") in text, quoted as Go does, so that all
	// bytes are kept. No specification answers it.
	Garbled string
)

// Entry is one entry of a map.
type Entry struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

// Equal reports whether b is Done too.
func (a Done) Equal(b Answer) bool { return b == Answer(a) }

// Equal compares the numbers.
func (a Integer) Equal(b Answer) bool { return b == Answer(a) }

// Equal compares both values.
func (a Change) Equal(b Answer) bool { return b == Answer(a) }

// Equal compares the strings.
func (a Text) Equal(b Answer) bool { t, ok := b.(Text); return ok && a == t }

// Equal compares the elements in order.
func (a Texts) Equal(b Answer) bool { t, ok := b.(Texts); return ok && slices.Equal(a, t) }

// Equal compares the sorted entries.
func (a Entries) Equal(b Answer) bool { t, ok := b.(Entries); return ok && slices.Equal(a, t) }

// Equal compares the number and the key.
func (a Receipt) Equal(b Answer) bool { return b == Answer(a) }

// Equal reports whether b too says that there is no answer.
func (Unknown) Equal(b Answer) bool { return noAnswer(b) }

// Equal reports whether b too says that there is no answer.
func (Unfinished) Equal(b Answer) bool { return noAnswer(b) }

func noAnswer(a Answer) bool { return a == Answer(Unknown{}) || a == Answer(Unfinished{}) }

// Equal compares code, message and metadata.
func (a Failure) Equal(b Answer) bool { t, ok := b.(Failure); return ok && a == t }

// Equal compares the bodies.
func (a Garbled) Equal(b Answer) bool { return b == Answer(a) }

// String prints "ok".
func (Done) String() string { return "ok" }

// String prints the number.
func (a Integer) String() string { return strconv.FormatInt(int64(a), 10) }

// String prints "0->2".
func (a Change) String() string { return fmt.Sprintf("%d->%d", a.Old, a.New) }

// String prints the string in quotes.
func (a Text) String() string { return quote(string(a)) }

// String prints a JSON array.
func (a Texts) String() string {
	if len(a) == 0 {
		return "[]"
	}
	if !slices.ContainsFunc(a, func(s string) bool { return !utf8.ValidString(s) }) {
		return string(encode([]string(a)))
	}
	quoted := make([]string, len(a))
	for i, s := range a {
		quoted[i] = quote(s)
	}
	return "[" + strings.Join(quoted, ",") + "]"
}

// String prints a JSON object.
func (a Entries) String() string {
	var b strings.Builder
	b.WriteByte('{')
	for i, e := range a {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(quote(e.Key) + ":" + quote(e.Value))
	}
	b.WriteByte('}')
	return b.String()
}

// String prints error(500), error(500,"message") or error(500,"message",{"key":"value"}).
func (a Failure) String() string {
	switch {
	case a.Metadata != "":
		return fmt.Sprintf("error(%d,%s,%s)", a.Code, quote(a.Message), a.Metadata)
	case a.Message == "":
		return fmt.Sprintf("error(%d)", a.Code)
	}
	return fmt.Sprintf("error(%d,%s)", a.Code, quote(a.Message))
}

// String prints #3 "v".
func (a Receipt) String() string { return fmt.Sprintf("#%d %s", a.Number, quote(a.Value)) }

// Body is the receipt as the handler answers it: "#3 v".
func (a Receipt) Body() string { return fmt.Sprintf("#%d %s", a.Number, a.Value) }

// String prints "unknown".
func (Unknown) String() string { return "unknown" }

// String prints "unfinished".
func (Unfinished) String() string { return "unfinished" }

// String prints garbled("body").
func (a Garbled) String() string { return "garbled(" + strconv.Quote(string(a)) + ")" }

// ParseAnswer reads what an answer's String method prints.
func ParseAnswer(text string) (Answer, error) {
	a, err := parseAnswer(text)
	if err != nil {
		return nil, fmt.Errorf("answer %.80q: %w", text, err)
	}
	return a, nil
}

func parseAnswer(text string) (Answer, error) {
	switch {
	case text == "ok":
		return Done{}, nil
	case text == "unknown":
		return Unknown{}, nil
	case text == "unfinished":
		return Unfinished{}, nil
	case strings.HasPrefix(text, "#"):
		number, value, _ := strings.Cut(text, " ")
		decoded, err := decodeText([]byte(value))
		if err != nil {
			return nil, err
		}
		return parseReceipt(number + " " + string(decoded.(Text)))
	case strings.HasPrefix(text, `"`):
		return decodeText([]byte(text))
	case strings.HasPrefix(text, "["):
		return decodeTexts([]byte(text))
	case strings.HasPrefix(text, "{"):
		return parseEntries(text)
	case strings.HasPrefix(text, "error("):
		return parseFailure(text)
	case strings.HasPrefix(text, "garbled("):
		return parseGarbled(text)
	}
	before, after, change := strings.Cut(text, "->")
	n, err := parseInteger(before)
	if err != nil {
		return nil, fmt.Errorf("want ok, a number, old->new, a string, an array, an object, #number and a string, unknown, unfinished or error(code)")
	}
	if !change {
		return Integer(n), nil
	}
	m, err := parseInteger(after)
	if err != nil {
		return nil, fmt.Errorf("%.40q is not a number", after)
	}
	return Change{Old: n, New: m}, nil
}

// parseInteger reads an integer as it is printed: one number has one text.
func parseInteger(text string) (int64, error) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err == nil && strconv.FormatInt(n, 10) != text {
		err = fmt.Errorf("%.40q is written %d", text, n)
	}
	return n, err
}

// exactInteger is an integer of an answer's body. 1.0, 1e0 and -0 are none: no handler
// of the contract writes them.
type exactInteger int64

// UnmarshalJSON reads an integer that is written as it is printed.
func (n *exactInteger) UnmarshalJSON(text []byte) error {
	m, err := parseInteger(string(text))
	*n = exactInteger(m)
	return err
}

func parseFailure(text string) (Answer, error) {
	inner, closed := strings.CutSuffix(strings.TrimPrefix(text, "error("), ")")
	code, more, has := strings.Cut(inner, ",")
	f := Failure{}
	var err error
	if f.Code, err = strconv.Atoi(code); err != nil || !closed {
		return nil, fmt.Errorf("want error(code), error(code,\"message\") or error(code,\"message\",{\"key\":\"value\"})")
	}
	if !has {
		return f, nil
	}
	list := []byte("[" + more + "]")
	if err := exactjson.Check(list); err != nil {
		return nil, fmt.Errorf("the message: %w", err)
	}
	var parts []json.RawMessage
	if err := json.Unmarshal(list, &parts); err != nil || len(parts) != 1 && len(parts) != 2 {
		return nil, fmt.Errorf("want a message, and perhaps an object behind it")
	}
	if len(parts) == 2 {
		if f.Metadata, err = DecodeMetadata(parts[1]); err != nil || f.Metadata == "" {
			return nil, fmt.Errorf("the metadata are no object of strings, or an empty one")
		}
	}
	if err := json.Unmarshal(parts[0], &f.Message); err != nil || f.Message == "" && len(parts) == 1 {
		return nil, fmt.Errorf("the message is not a string, or an empty one")
	}
	return f, nil
}

// DecodeMetadata reads the metadata of an error, a JSON object of strings, in the form of
// [Failure].Metadata.
func DecodeMetadata(body []byte) (string, error) {
	var read map[string]string
	if err := decode(body, &read); err != nil {
		return "", err
	}
	if len(read) == 0 {
		return "", nil
	}
	return string(encode(read)), nil // sorted by key
}

func decodeReceipt(body []byte) (Answer, error) {
	text, err := decodeText(body)
	if err != nil {
		return nil, err
	}
	return parseReceipt(string(text.(Text)))
}

// Receipt is what the error of a call of [Answers] says; false for another error.
func (a Failure) Receipt() (Receipt, bool) {
	r, err := parseReceipt(a.Message)
	return r, err == nil && a.Code == r.Failure().Code
}

// parseReceipt reads "#3 v".
func parseReceipt(text string) (Receipt, error) {
	number, value, _ := strings.Cut(text, " ")
	digits, marked := strings.CutPrefix(number, "#")
	n, err := parseInteger(digits)
	if err != nil || !marked || n < 1 || value == "" {
		return Receipt{}, fmt.Errorf("%.80q: want #, a number above 0, and the key of the call", text)
	}
	return Receipt{Number: n, Value: value}, nil
}

func parseGarbled(text string) (Answer, error) {
	inner, closed := strings.CutSuffix(strings.TrimPrefix(text, "garbled("), ")")
	body, err := strconv.Unquote(inner)
	if err != nil || !closed || inner[0] != '"' {
		return nil, fmt.Errorf("want garbled(\"body\")")
	}
	return Garbled(body), nil
}

// parseEntries reads a JSON object whose keys are sorted and distinct.
func parseEntries(text string) (Answer, error) {
	if err := exactjson.Check([]byte(text)); err != nil {
		return nil, err
	}
	out := Entries{}
	err := exactjson.Members([]byte(text), func(key string, value []byte) error {
		if value[0] != '"' {
			return fmt.Errorf("the entry %.80q is not a string", key)
		}
		if n := len(out); n > 0 && out[n-1].Key >= key {
			return fmt.Errorf("the entry %.80q is out of order: entries are sorted by key", key)
		}
		e := Entry{Key: key}
		err := json.Unmarshal(value, &e.Value)
		out = append(out, e)
		return err
	})
	return out, err
}

func decodeText(body []byte) (Answer, error) {
	var s *string
	if err := decode(body, &s); err != nil {
		return nil, err
	}
	if s == nil {
		return nil, fmt.Errorf("answer %.80q: want a string", body)
	}
	return Text(*s), nil
}

func decodeTexts(body []byte) (Answer, error) {
	if first := bytes.TrimLeft(body, " \t\r\n"); len(first) == 0 || first[0] != '[' {
		return nil, fmt.Errorf("answer %.80q: want an array", body)
	}
	var s []*string
	if err := decode(body, &s); err != nil {
		return nil, err
	}
	out := make(Texts, len(s))
	for i, v := range s {
		if v == nil {
			return nil, fmt.Errorf("answer %.80q: element %d is null", body, i)
		}
		out[i] = *v
	}
	return out, nil
}

// decodeEntries reads the entries that clearAll returned. A key that comes twice
// is refused: no map answers that.
func decodeEntries(body []byte) (Answer, error) {
	if first := bytes.TrimLeft(body, " \t\r\n"); len(first) == 0 || first[0] != '[' {
		return nil, fmt.Errorf("answer %.80q: want an array of entries", body)
	}
	out := Entries{}
	err := exactjson.Check(body)
	if err == nil {
		err = exactjson.Elements(body, func(element []byte) error {
			var e Entry
			err := exactjson.Fill(element, &e, "")
			out = append(out, e)
			return err
		})
	}
	if err != nil {
		return nil, fmt.Errorf("answer %.80q: entry %d: %w", body, len(out), err)
	}
	slices.SortFunc(out, func(a, b Entry) int { return strings.Compare(a.Key, b.Key) })
	for i := 1; i < len(out); i++ {
		if out[i].Key == out[i-1].Key {
			return nil, fmt.Errorf("answer %.80q: entry %.80q comes twice", body, out[i].Key)
		}
	}
	return out, nil
}
