package dumpconfig

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/pelletier/go-toml/v2"

	"retain/internal/printable"
)

// step is a step into a document: the name of a table's field, or the place in a list.
type step struct {
	field string
	index int // of a list; -1 for a field
}

// leaf is a value of a document that is no table.
type leaf struct {
	path  []step
	value any
}

// String is the leaf's path with dots; places in lists are numbers.
func (l leaf) String() string {
	parts := make([]string, len(l.path))
	for i, s := range l.path {
		parts[i] = s.field
		if s.index >= 0 {
			parts[i] = strconv.Itoa(s.index)
		}
	}
	return strings.Join(parts, ".")
}

func (l leaf) inList() bool {
	return slices.ContainsFunc(l.path, func(s step) bool { return s.index >= 0 })
}

// leavesOf are the values of a document, in the order of their paths. A list of
// tables is a list of their values, any other list is one value.
func leavesOf(document map[string]any) (out []leaf) {
	var into func(path []step, v any)
	into = func(path []step, v any) {
		list, isList := v.([]any)
		fields, isTable := v.(map[string]any)
		switch {
		case isTable && len(fields) > 0:
			for _, name := range slices.Sorted(maps.Keys(fields)) {
				into(append(slices.Clone(path), step{name, -1}), fields[name])
			}
		case isList && slices.ContainsFunc(list, func(e any) bool { _, is := e.(map[string]any); return is }):
			for i, e := range list {
				into(append(slices.Clone(path), step{"", i}), e)
			}
		case len(path) > 0:
			out = append(out, leaf{path, v})
		}
	}
	into(nil, document)
	return out
}

// at is what a document has at a path.
func at(document any, path []step) (any, bool) {
	for _, s := range path {
		switch v := document.(type) {
		case map[string]any:
			next, there := v[s.field]
			if !there || s.index >= 0 {
				return nil, false
			}
			document = next
		case []any:
			if s.index < 0 || s.index >= len(v) {
				return nil, false
			}
			document = v[s.index]
		default:
			return nil, false
		}
	}
	return document, true
}

// replaced is a document with another value at a path, nil for none.
func replaced(document any, path []step, value any) any {
	if len(path) == 0 {
		return value
	}
	switch v := document.(type) {
	case map[string]any:
		v = maps.Clone(v)
		if len(path) == 1 && value == nil {
			delete(v, path[0].field)
		} else {
			v[path[0].field] = replaced(v[path[0].field], path[1:], value)
		}
		return v
	case []any:
		v = slices.Clone(v)
		v[path[0].index] = replaced(v[path[0].index], path[1:], value)
		return v
	}
	return document
}

// read is a document in TOML.
func read(text string) (map[string]any, error) {
	var out map[string]any
	err := toml.Unmarshal([]byte(text), &out)
	return out, err
}

// file checks each setting of the configuration file.
func (c *check) file() error {
	if c.given.Content == nil {
		return nil
	}
	document, err := read(string(c.given.Content))
	if err != nil { // the server has read it
		c.notes = append(c.notes, fmt.Sprintf("-restate.config %s is not checked: %s", c.given.Path, printable.Line(err.Error())))
		return nil
	}
	without, err := c.dump(Input{Env: c.in.Env})
	if err != nil {
		return err
	}
	now, e1 := read(c.all.Text)
	before, e2 := read(without.Text)
	for _, l := range leavesOf(document) {
		if name := nameOf(l.String()); slices.Contains(c.given.Fixed, name) || slices.Contains(c.given.Shared, name) {
			c.notes = append(c.notes, fmt.Sprintf("-restate.config %s: %s has no effect: retain sets %s, which goes over it; give it with -restate.env", c.given.Path, l, name))
			continue
		}
		if e1 == nil && e2 == nil {
			a, is := at(now, l.path)
			b, was := at(before, l.path)
			if is && (!was || fmt.Sprint(a) != fmt.Sprint(b)) {
				continue
			}
		}
		if err := c.leaf(document, l); err != nil {
			return err
		}
	}
	return nil
}

// leaf checks a setting of the file that does not show in the dump at its place.
func (c *check) leaf(document map[string]any, l leaf) error {
	same, err := c.sameFile(replaced(document, l.path, nil))
	if err != nil || !same {
		return err
	}
	ignored, err := c.sameFile(replaced(document, l.path, map[string]any{"retain-probe": 1}))
	if err != nil {
		return err
	}
	name := printable.Cut(l.String(), maxName)
	if !ignored {
		c.notes = append(c.notes, fmt.Sprintf("-restate.config %s: %s changes nothing: the server has that value anyway", c.given.Path, name))
		return nil
	}
	why, err := c.ignored(l.String(), func(path string) string { return path })
	if err != nil {
		return err
	}
	c.unknown = append(c.unknown, fmt.Sprintf("-restate.config %s: %s: %s", c.given.Path, name, why))
	return nil
}

// maxName bounds a setting's name in an error, in columns.
const maxName = 100

// sameFile reports whether the server makes the same of another file as of all.
func (c *check) sameFile(document any) (bool, error) {
	text, err := toml.Marshal(document)
	if err != nil {
		return false, err
	}
	return c.same(Input{Env: c.in.Env, File: text})
}
