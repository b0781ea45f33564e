package generators

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"

	"retain/internal/exactjson"
)

// document is a plan file's text; its errors say line:column.
type document []byte

// at makes an error about the byte at this offset, counted from 0. Lines and
// columns count from 1, columns in characters.
func (d document) at(offset int, format string, args ...any) error {
	offset = max(0, min(offset, len(d)))
	before := d[:offset]
	line := bytes.Count(before, []byte("\n")) + 1
	column := utf8.RuneCount(before[bytes.LastIndexByte(before, '\n')+1:]) + 1
	return fmt.Errorf("line %d:%d: "+format, append([]any{line, column}, args...)...)
}

// syntax reports the first place at which the document is not one JSON value that can be
// held exactly.
func (d document) syntax() error {
	if len(bytes.TrimSpace(d)) == 0 {
		return errors.New("the plan is empty")
	}
	if err := exactjson.Sniff(d); err != nil {
		return d.at(0, "%w", err)
	}
	var inexact *exactjson.Error
	if errors.As(exactjson.Check(d), &inexact) {
		return d.at(inexact.Offset, "%s", inexact.Reason)
	}
	if json.Valid(d) {
		return nil
	}
	// A zero byte is valid nowhere: if it is the first that the parser rejects, the
	// text before it is correct and cut short.
	var whole json.RawMessage
	err := json.Unmarshal(append(bytes.Clone(d), 0), &whole)
	var broken *json.SyntaxError
	if !errors.As(err, &broken) {
		return err
	}
	if int(broken.Offset) > len(d) {
		return d.at(len(d), "the plan is cut short here")
	}
	return d.at(int(broken.Offset)-1, "not JSON: %v", broken)
}

// value is one JSON value of a document and the offset at which it starts.
type value struct {
	doc    document
	offset int
	raw    json.RawMessage
}

// next decodes the value that the decoder stands before; the decoder reads v's
// own bytes.
func (v value) next(d *json.Decoder) (value, error) {
	var raw json.RawMessage
	if err := d.Decode(&raw); err != nil {
		return value{}, v.doc.at(v.offset, "%v", err)
	}
	return value{doc: v.doc, offset: v.offset + int(d.InputOffset()) - len(raw), raw: raw}, nil
}

// object hands the value's fields over one by one. An unknown name is an error at its
// place; one that comes twice is one of the whole document's.
func (v value) object(what string, fields map[string]func(value) error) error {
	if v.raw[0] != '{' {
		return v.doc.at(v.offset, "%s is not an object", what)
	}
	d := json.NewDecoder(bytes.NewReader(v.raw))
	_, _ = d.Token() // the brace; the whole document's syntax was checked before
	for d.More() {
		token, err := d.Token()
		if err != nil {
			return v.doc.at(v.offset, "%v", err)
		}
		name, end := token.(string), v.offset+int(d.InputOffset())
		f, err := v.next(d)
		if err != nil {
			return err
		}
		read, known := fields[name]
		if !known {
			return v.doc.at(end-len(line(name)), "%s has no field %q", what, name)
		}
		if err := read(f); err != nil {
			return err
		}
	}
	return nil
}

// array hands the value's elements over one by one.
func (v value) array(what string, element func(i int, e value) error) error {
	if v.raw[0] != '[' {
		return v.doc.at(v.offset, "%s is not an array", what)
	}
	d := json.NewDecoder(bytes.NewReader(v.raw))
	_, _ = d.Token()
	for i := 0; d.More(); i++ {
		e, err := v.next(d)
		if err != nil {
			return err
		}
		if err := element(i, e); err != nil {
			return err
		}
	}
	return nil
}

// into is a reader of a field that stores it, and says what it wants instead.
func into[V any](target *V, want string) func(value) error {
	return func(v value) error {
		if string(v.raw) == "null" || json.Unmarshal(v.raw, target) != nil {
			return v.doc.at(v.offset, "%.40s is not %s", oneLine(string(v.raw)), want)
		}
		return nil
	}
}
