// Package dumpconfig finds out whether a restate-server knows the settings that it is
// given, by what it prints with --dump-config.
//
// A server ignores what it does not know: a misspelt variable is accepted in
// silence, and a session that tests nothing of what was asked for passes. Whether a
// setting is known is seen in two steps. A server whose configuration is another one
// without the setting knows it. Where it is the same, the setting is given a table
// as its value: a server that knows it refuses that, or prints it.
//
// The dump shows what was parsed, not that it has an effect.
//
// A check is made once, with what a person gives and without the environment of a start
// (runtime.StartOptions). It holds for each start nevertheless: what a person gives
// in a variable goes over it. A start's environment itself is not checked here; tests
// show its effect. Both go over a configuration file: a setting there has no effect if
// [Given].Shared has its variable, and a note names it.
package dumpconfig

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Input is what a server's configuration is made of.
type Input struct {
	// Env goes over the environment that the server gets in any case.
	Env map[string]string
	// File is the content of its configuration file, nil for none.
	File []byte
}

// Output is what a server makes of an input.
type Output struct {
	// Text is the configuration in TOML.
	Text string
	// Refused is why there is none, in the server's words on one line; "" if there is.
	Refused string
}

// ErrUnable is wrapped by [Server.Dump] if the program does not print its
// configuration: an older server, or a wrapper that hands no arguments on.
var ErrUnable = errors.New("it does not answer --dump-config")

// Server is a program that prints its configuration.
type Server struct {
	// Name is what the program is called in errors, such as "restate-server 1.7.12".
	Name string
	// Dump runs it. Other errors than [ErrUnable] are those of running it.
	Dump func(context.Context, Input) (Output, error)
	// Mentions reports whether the program's own text has the name of a variable: it
	// may read that without printing it. Nil for programs that can't be looked into.
	Mentions func(name string) bool
	// Slow is true if a dump takes a second rather than milliseconds.
	Slow bool
}

// Given is what a person hands to the server.
type Given struct {
	// Env are the variables of -restate.env.
	Env map[string]string
	// Path names the configuration file in errors, Content is what it has; nil for
	// none.
	Path    string
	Content []byte
	// Shared are variables that the suite's own configurations set, some of them with
	// each start. Fixed are those that the suite sets for all.
	Shared, Fixed []string
}

// Check returns an error in one line that names each setting that the server does
// not know or refuses. The notes say which settings change nothing, and what could
// not be checked.
func Check(ctx context.Context, server Server, given Given) (notes []string, err error) {
	c := &check{ctx: ctx, server: server, given: given, in: Input{Env: map[string]string{}, File: given.Content}, seen: map[string]Output{}}
	for _, name := range slices.Sorted(maps.Keys(given.Env)) {
		if hasPrefix(name) {
			c.in.Env[name] = given.Env[name]
		} else {
			notes = append(notes, name+" is not checked: it is no setting of the server's (RESTATE_...)")
		}
	}
	if len(c.in.Env) == 0 && given.Content == nil {
		return notes, nil
	}
	c.all, err = c.dump(c.in)
	if err == nil && c.all.Refused != "" {
		if err = c.refusal(); !errors.Is(err, ErrUnable) {
			return notes, err
		}
	}
	switch {
	case errors.Is(err, ErrUnable):
		return append(notes, fmt.Sprintf("the settings are not checked: %v", err)), nil
	case err != nil:
		return notes, fmt.Errorf("check the server's settings: %w", err)
	}
	c.explode()
	if err := errors.Join(c.variables(), c.file()); err != nil {
		return notes, fmt.Errorf("check the server's settings: %w", err)
	}
	if len(c.unknown) > 0 {
		return notes, errors.New(strings.Join(c.unknown, "; "))
	}
	return append(notes, c.notes...), nil
}

// check is a check under way.
type check struct {
	ctx     context.Context
	server  Server
	given   Given
	in      Input  // all that is checked
	all     Output // of that
	seen    map[string]Output
	unknown []string
	notes   []string
}

// dump asks the server, or remembers.
func (c *check) dump(in Input) (Output, error) {
	key := fmt.Sprint(sortedPairs(in.Env), in.File == nil, string(in.File))
	if out, known := c.seen[key]; known {
		return out, nil
	}
	out, err := c.server.Dump(c.ctx, in)
	if err == nil {
		c.seen[key] = out
	}
	return out, err
}

// same reports whether the server makes the same of an input as of all.
func (c *check) same(in Input) (bool, error) {
	out, err := c.dump(in)
	return out == c.all, err
}

// refusal is the error of a server that refuses what it is given.
func (c *check) refusal() error {
	if plain, err := c.dump(Input{}); err == nil && plain.Refused != "" {
		return ErrUnable // whatever it is given
	}
	for _, name := range slices.Sorted(maps.Keys(c.in.Env)) {
		out, err := c.dump(Input{Env: map[string]string{name: c.in.Env[name]}})
		if err == nil && out.Refused != "" {
			return fmt.Errorf("-restate.env %s: %s refuses it: %s", c.spelled(name), c.server.Name, out.Refused)
		}
	}
	if c.given.Content != nil {
		if out, err := c.dump(Input{File: c.given.Content}); err == nil && out.Refused != "" {
			return fmt.Errorf("-restate.config %s: %s refuses it: %s", c.given.Path, c.server.Name, out.Refused)
		}
	}
	return fmt.Errorf("-restate.env and -restate.config together: %s refuses them: %s", c.server.Name, c.all.Refused)
}

func sortedPairs(env map[string]string) (out []string) {
	for _, name := range slices.Sorted(maps.Keys(env)) {
		out = append(out, fmt.Sprintf("%q=%q", name, env[name]))
	}
	return out
}
