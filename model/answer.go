package model

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
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
	// addThenFail's, which is the object's key.
	Failure struct {
		Code    int
		Message string
	}
	// Garbled is a complete, successful response whose body is none of the
	// contract's, garbled("body") in text, quoted as Go does: any bytes. No
	// specification answers it.
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

// Equal compares code and message.
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
	return string(encode([]string(a)))
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

// String prints error(500) or error(500,"message").
func (a Failure) String() string {
	if a.Message == "" {
		return fmt.Sprintf("error(%d)", a.Code)
	}
	return fmt.Sprintf("error(%d,%s)", a.Code, quote(a.Message))
}

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
	n, err := strconv.ParseInt(before, 10, 64)
	if err != nil {
		return nil, fmt.Errorf("want ok, a number, old->new, a string, an array, an object or error(code)")
	}
	if !change {
		return Integer(n), nil
	}
	m, err := strconv.ParseInt(after, 10, 64)
	if err != nil {
		return nil, fmt.Errorf("%q is not a number", after)
	}
	return Change{Old: n, New: m}, nil
}

func parseFailure(text string) (Answer, error) {
	inner, closed := strings.CutSuffix(strings.TrimPrefix(text, "error("), ")")
	code, message, more := strings.Cut(inner, ",")
	f := Failure{}
	var err error
	if f.Code, err = strconv.Atoi(code); err != nil || !closed {
		return nil, fmt.Errorf("want error(code) or error(code,\"message\")")
	}
	if more {
		if err := json.Unmarshal([]byte(message), &f.Message); err != nil || f.Message == "" {
			return nil, fmt.Errorf("the message is not a string")
		}
	}
	return f, nil
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
	var whole json.RawMessage
	if err := json.Unmarshal([]byte(text), &whole); err != nil {
		return nil, err
	}
	out := Entries{}
	d := json.NewDecoder(strings.NewReader(text))
	_, _ = d.Token() // the brace; the syntax was checked
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return nil, err
		}
		value, err := d.Token()
		if err != nil {
			return nil, err
		}
		e := Entry{Key: key.(string)}
		var is bool
		if e.Value, is = value.(string); !is {
			return nil, fmt.Errorf("the entry %q is not a string", e.Key)
		}
		if n := len(out); n > 0 && out[n-1].Key >= e.Key {
			return nil, fmt.Errorf("the entry %q comes twice or out of order", e.Key)
		}
		out = append(out, e)
	}
	return out, nil
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
	var list []struct{ Key, Value *string }
	if err := decode(body, &list); err != nil {
		return nil, err
	}
	out := make(Entries, 0, len(list))
	for i, e := range list {
		if e.Key == nil || e.Value == nil {
			return nil, fmt.Errorf("answer %.80q: entry %d lacks its key or value", body, i)
		}
		out = append(out, Entry{Key: *e.Key, Value: *e.Value})
	}
	slices.SortFunc(out, func(a, b Entry) int { return strings.Compare(a.Key, b.Key) })
	for i := 1; i < len(out); i++ {
		if out[i].Key == out[i-1].Key {
			return nil, fmt.Errorf("answer %.80q: entry %q comes twice", body, out[i].Key)
		}
	}
	return out, nil
}
