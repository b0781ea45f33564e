package dumpconfig

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/pelletier/go-toml/v2"

	"retain/model"
)

const (
	// prefix of the variables that are settings; a server takes it in any case.
	prefix = "RESTATE_"
	// table is a value that no setting accepts but a map, which is printed then.
	table = "{retain-probe=1}"
)

func hasPrefix(name string) bool {
	return len(name) > len(prefix) && strings.EqualFold(name[:len(prefix)], prefix)
}

// spelled is a variable with its value, as errors show it.
func (c *check) spelled(name string) string { return model.Variable(name, c.in.Env[name]).String() }

// with is all that is given, with another value of a variable; "" takes it out.
func (c *check) with(name, value string) Input {
	in := Input{Env: maps.Clone(c.in.Env), File: c.in.File}
	if value == "" {
		delete(in.Env, name)
	} else {
		in.Env[name] = value
	}
	return in
}

// variables checks each variable.
func (c *check) variables() error {
	for _, name := range slices.Sorted(maps.Keys(c.in.Env)) {
		same, err := c.same(c.with(name, ""))
		if err != nil {
			return err
		}
		if !same {
			if slices.Contains(c.given.Shared, name) {
				c.notes = append(c.notes, c.spelled(name)+" goes over that of each configuration")
			}
			continue
		}
		ignored, err := c.same(c.with(name, table))
		if err != nil {
			return err
		}
		switch {
		case !ignored && slices.Contains(c.given.Shared, name):
			c.notes = append(c.notes, c.spelled(name)+" goes over that of each configuration")
		case !ignored:
			c.notes = append(c.notes, c.spelled(name)+" changes nothing: the server has that value anyway")
		case c.server.Mentions != nil && c.server.Mentions(strings.ToUpper(name)):
			c.notes = append(c.notes, c.spelled(name)+" is not checked: the server may read it, but prints nothing of it")
		default:
			why, err := c.ignored(pathOf(name), nameOf)
			if err != nil {
				return err
			}
			c.unknown = append(c.unknown, fmt.Sprintf("-restate.env %s: %s", c.spelled(name), why))
		}
	}
	return nil
}

// pathOf is the setting that a variable is: RESTATE_LOG_SERVER__X_Y is
// log-server.x-y.
func pathOf(name string) string {
	parts := strings.Split(strings.ToLower(name[len(prefix):]), "__")
	for i := range parts {
		parts[i] = strings.ReplaceAll(parts[i], "_", "-")
	}
	return strings.Join(parts, ".")
}

// nameOf is the variable of a setting.
func nameOf(path string) string {
	return prefix + strings.ToUpper(strings.ReplaceAll(strings.ReplaceAll(path, ".", "__"), "-", "_"))
}

// inline is a value as a variable has it.
func inline(value any) (text string, ok bool) {
	if s, is := value.(string); is {
		return strconv.Quote(s), true
	}
	one, err := toml.Marshal(map[string]any{"X": value})
	text, ok = strings.CutPrefix(strings.TrimSpace(string(one)), "X = ")
	return text, ok && err == nil
}

// explode takes a variable whose value is a table for a variable for each of its
// settings, so that each is checked, where the server takes them for the same.
func (c *check) explode() {
	env := map[string]string{}
	for name, value := range c.in.Env {
		var read struct{ X any }
		if toml.Unmarshal([]byte("X = "+value), &read) != nil {
			env[name] = value
			continue
		}
		inner, is := read.X.(map[string]any)
		if !is || len(inner) == 0 {
			env[name] = value
			continue
		}
		for _, leaf := range leavesOf(inner) {
			text, ok := inline(leaf.value)
			if !ok || leaf.inList() {
				env[name] = value // it is looked at as a whole
				continue
			}
			env[name+"__"+strings.TrimPrefix(nameOf(leaf.String()), prefix)] = text
		}
	}
	if maps.Equal(env, c.in.Env) {
		return
	}
	if same, err := c.same(Input{Env: env, File: c.in.File}); err == nil && same {
		c.in.Env = env
	}
}
