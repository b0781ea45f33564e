// Package exactjson decodes JSON or refuses it, where encoding/json guesses.
//
// encoding/json replaces bytes that are not UTF-8 and lone surrogates (\ud800) by
// U+FFFD, so that two different values become equal. Of a name that comes twice it
// takes the last, names match in any case, unknown ones are dropped, and a field that
// is missing or null is 0. Here each of them is an error.
//
// The experimental encoding/json/v2 is as strict but for missing fields. It is not
// part of a standard toolchain yet.
package exactjson

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"unicode/utf16"
	"unicode/utf8"
)

// Error is why a text is refused, and where.
type Error struct {
	// Offset is in bytes, from 0.
	Offset int
	// Reason is a phrase: `the name "id" comes twice`.
	Reason string
}

// Error says the reason and, counted from 1, at which byte.
func (e *Error) Error() string { return fmt.Sprintf("%s, at byte %d", e.Reason, e.Offset+1) }

// Check reports why a text is not one JSON value that a decoder can hold exactly:
// its syntax, bytes that are not UTF-8, a lone surrogate, a name that comes twice in
// an object. The error is an [*Error] or, for the syntax, encoding/json's.
func Check(text []byte) error {
	if i := invalidUTF8(text); i >= 0 {
		return &Error{i, fmt.Sprintf("the byte 0x%02x is not UTF-8", text[i])}
	}
	if !json.Valid(text) {
		return json.Unmarshal(text, new(json.RawMessage))
	}
	s := scanner{text: text}
	return s.value()
}

// invalidUTF8 is the offset of the first byte that is not UTF-8, -1 for none.
func invalidUTF8(text []byte) int {
	if utf8.Valid(text) {
		return -1
	}
	for i := 0; ; {
		r, size := utf8.DecodeRune(text[i:])
		if r == utf8.RuneError && size == 1 {
			return i
		}
		i += size
	}
}

// Members hands the members of an object over, in their order. The text is one that
// [Check] accepts; an error says that it is no object, or is visit's.
func Members(text []byte, visit func(name string, value []byte) error) error {
	s := scanner{text: text}
	if s.space(); s.peek() != '{' {
		return errors.New("not a JSON object")
	}
	return s.object(visit)
}

// Elements hands the elements of an array over, like [Members].
func Elements(text []byte, visit func(value []byte) error) error {
	s := scanner{text: text}
	if s.space(); s.peek() != '[' {
		return errors.New("not a JSON array")
	}
	return s.array(visit)
}

// scanner goes through a text whose syntax was checked.
type scanner struct {
	text []byte
	at   int
}

func (s *scanner) peek() byte {
	if s.at < len(s.text) {
		return s.text[s.at]
	}
	return 0
}

func (s *scanner) space() {
	for s.at < len(s.text) && isSpace(s.text[s.at]) {
		s.at++
	}
}

// value passes over a value.
func (s *scanner) value() error {
	s.space()
	switch s.peek() {
	case '{':
		return s.object(nil)
	case '[':
		return s.array(nil)
	case '"':
		_, err := s.str()
		return err
	}
	for s.at < len(s.text) && !isSpace(s.text[s.at]) && s.text[s.at] != ',' && s.text[s.at] != ']' && s.text[s.at] != '}' {
		s.at++
	}
	return nil
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

func (s *scanner) object(visit func(string, []byte) error) error {
	s.at++ // the brace
	var seen names
	for s.space(); s.peek() != '}'; s.space() {
		begin := s.at
		raw, err := s.str()
		if err != nil {
			return err
		}
		name := text(raw)
		if !seen.add(name) {
			return &Error{begin, fmt.Sprintf("the name %.80q comes twice", name)}
		}
		s.space()
		s.at++ // the colon
		s.space()
		from := s.at
		if err := s.value(); err != nil {
			return err
		}
		if visit != nil {
			if err := visit(name, s.text[from:s.at]); err != nil {
				return err
			}
		}
		if s.space(); s.peek() == ',' {
			s.at++
		}
	}
	s.at++
	return nil
}

func (s *scanner) array(visit func([]byte) error) error {
	s.at++ // the bracket
	for s.space(); s.peek() != ']'; s.space() {
		from := s.at
		if err := s.value(); err != nil {
			return err
		}
		if visit != nil {
			if err := visit(s.text[from:s.at]); err != nil {
				return err
			}
		}
		if s.space(); s.peek() == ',' {
			s.at++
		}
	}
	s.at++
	return nil
}

// str passes over a string and refuses a surrogate without its other half.
func (s *scanner) str() (raw []byte, err error) {
	from := s.at
	for s.at++; s.text[s.at] != '"'; s.at++ {
		if s.text[s.at] != '\\' {
			continue
		}
		begin := s.at
		if s.at++; s.text[s.at] != 'u' {
			continue
		}
		r := s.hex()
		if !utf16.IsSurrogate(r) {
			continue
		}
		low := rune(-1)
		if next := s.text[s.at+1:]; len(next) > 6 && next[0] == '\\' && next[1] == 'u' {
			s.at += 2
			low = s.hex()
		}
		if utf16.DecodeRune(r, low) == utf8.RuneError {
			return nil, &Error{begin, fmt.Sprintf(`\u%04x is a surrogate without its other half, which no string holds`, r)}
		}
	}
	s.at++
	return s.text[from:s.at], nil
}

// hex reads the four digits behind a u and leaves the scanner at the last of them.
func (s *scanner) hex() (r rune) {
	for range 4 {
		s.at++
		c := rune(s.text[s.at])
		switch {
		case c <= '9':
			c -= '0'
		case c <= 'F':
			c -= 'A' - 10
		default:
			c -= 'a' - 10
		}
		r = r<<4 | c
	}
	return r
}

// text is the string that was passed over.
func text(raw []byte) string {
	inner := raw[1 : len(raw)-1]
	if !slices.Contains(inner, '\\') {
		return string(inner)
	}
	var out string
	_ = json.Unmarshal(raw, &out) // it was checked
	return out
}

// names are those of one object: few, as a rule.
type names struct {
	list []string
	set  map[string]bool
}

const few = 16

// add reports whether the name is new.
func (n *names) add(name string) bool {
	if n.set == nil {
		if slices.Contains(n.list, name) {
			return false
		}
		if n.list = append(n.list, name); len(n.list) > few {
			n.set = make(map[string]bool, 2*few)
			for _, known := range n.list {
				n.set[known] = true
			}
		}
		return true
	}
	if n.set[name] {
		return false
	}
	n.set[name] = true
	return true
}
