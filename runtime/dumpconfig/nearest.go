package dumpconfig

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/agnivade/levenshtein"

	"retain/internal/printable"
)

const (
	// maxMeant bounds the settings that are suggested.
	maxMeant = 3
	// alphabet of a setting's name, with the dot between its parts.
	alphabet = "abcdefghijklmnopqrstuvwxyz0123456789-."
)

// ignored says that the server ignores a setting, and which one may have been
// meant; spell gives a path the form in which it was given.
func (c *check) ignored(path string, spell func(path string) string) (string, error) {
	if known, err := read(c.all.Text); err == nil {
		for _, l := range leavesOf(known) {
			if value, ok := inline(l.value); ok && l.String() == path {
				return fmt.Sprintf("%s ignores this value and keeps %s", c.server.Name, printable.Cut(value, maxName)), nil
			}
		}
	}
	meant, err := c.meant(path)
	for i := range meant {
		meant[i] = spell(meant[i])
	}
	return fmt.Sprintf("%s has no such setting and ignores it%s", c.server.Name, suggestion(meant)), err
}

// suggestion is the end of a sentence that names what may have been meant.
func suggestion(meant []string) string {
	if len(meant) == 0 {
		return ": look the name up in the server's documentation, or leave it out"
	}
	return ": did you mean " + strings.Join(meant, " or ") + "?"
}

// meant are the known settings whose name is like an unknown one's: the nearest of
// those that the server prints, one that is a slip away, or those that are called
// the same in another section.
func (c *check) meant(path string) ([]string, error) {
	names, distance, elsewhere := c.printed(path)
	if distance > 1 && !c.server.Slow {
		slip, err := c.slip(path)
		if err != nil || slip != "" {
			return []string{slip}, err
		}
	}
	if len(names) == 0 {
		names = elsewhere
	}
	return names[:min(len(names), maxMeant)], nil
}

// printed are the nearest of the settings that the server prints, none if none is
// near, and those of the same name in another section.
func (c *check) printed(path string) (near []string, distance int, elsewhere []string) {
	known, _ := read(c.all.Text) // without, there is nothing to suggest
	distance = 2 + len(path)/8
	last := path[strings.LastIndexByte(path, '.')+1:]
	for _, l := range leavesOf(known) {
		name := l.String()
		switch d := levenshtein.ComputeDistance(path, name); {
		case d < distance:
			distance, near = d, []string{name}
		case d == distance:
			near = append(near, name)
		case name[strings.LastIndexByte(name, '.')+1:] == last:
			elsewhere = append(elsewhere, name)
		}
	}
	return near, distance, elsewhere
}

// slip is a known setting that is one slip of the keyboard away: a letter too many,
// too few or wrong, or two exchanged. "" for none. All candidates are tried in one run of
// the server, which also finds settings that it does not print.
func (c *check) slip(path string) (string, error) {
	candidates := slips(path)
	for {
		found, err := c.find(candidates)
		if err != nil || found == "" {
			return "", err
		}
		// A server also refuses what is within a setting that has one value.
		within := false
		if i := strings.LastIndexByte(found, '.'); i > 0 {
			if within, err = c.anyKnown([]string{found[:i]}); err != nil {
				return "", err
			}
		}
		if !within {
			return found, nil
		}
		candidates = slices.DeleteFunc(candidates, func(name string) bool { return name == found })
	}
}

// find is one of these settings that the server knows, by bisection; "" for none.
func (c *check) find(candidates []string) (string, error) {
	known, err := c.anyKnown(candidates)
	for err == nil && known && len(candidates) > 1 {
		half := candidates[:len(candidates)/2]
		var inHalf bool
		if inHalf, err = c.anyKnown(half); inHalf {
			candidates = half
		} else {
			candidates = candidates[len(half):]
		}
	}
	if err != nil || !known {
		return "", err
	}
	return candidates[0], nil
}

// anyKnown reports whether the server knows one of these settings.
func (c *check) anyKnown(paths []string) (bool, error) {
	if len(paths) == 0 {
		return false, nil
	}
	in := c.with("", "")
	for _, path := range paths {
		if name := nameOf(path); in.Env[name] == "" {
			in.Env[name] = table
		}
	}
	same, err := c.same(in)
	return !same, err
}

// malformed finds an empty part of a name, or one that begins or ends with a dash:
// as a variable it would be another name.
var malformed = regexp.MustCompile(`[.-][.-]`)

// slips are the names that are one slip away from a name.
func slips(path string) (out []string) {
	known := map[string]bool{path: true, "": true}
	add := func(name string) {
		if !known[name] && !malformed.MatchString("."+name+".") {
			out = append(out, name)
		}
		known[name] = true
	}
	for i := range len(path) + 1 {
		before, after := path[:i], path[i:]
		if after != "" {
			add(before + after[1:])
		}
		if len(after) > 1 {
			add(before + string(after[1]) + string(after[0]) + after[2:])
		}
		for _, letter := range alphabet {
			add(before + string(letter) + after)
			if after != "" {
				add(before + string(letter) + after[1:])
			}
		}
	}
	return out
}
