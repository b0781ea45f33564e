package campaign

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// apart are the flags that are not compared: the first ones say nothing of what is
// under test, the others have a field of [Begun], which is compared instead.
var apart = []string{
	"keep.data", "shrink.budget", "check.budget", "workers",
	"runtime", "config", "unresolved", "rapid.steps",
}

// difference is what two sittings of one campaign must not differ in.
type difference struct{ what, one, other string }

// differences are what keeps two sittings from being of one campaign: their plans
// are not the same ones, or are not for the same server.
func differences(a, b Begun) (out []difference) {
	differ := func(what string, one, other any) {
		if one != other {
			out = append(out, difference{what, orNone(one), orNone(other)})
		}
	}
	differ("seed", a.Seed, b.Seed)
	differ("number of shards", max(1, a.Shard.Of), max(1, b.Shard.Of))
	differ("-rapid.steps", a.RapidSteps, b.RapidSteps)
	if a.runtimeKnown() && b.runtimeKnown() {
		differ("-runtime", a.Runtime, b.Runtime)
	}
	differ("-config", a.Server, b.Server)
	differ("-unresolved", a.Unresolved, b.Unresolved)
	one, other := binding(a.Flags), binding(b.Flags)
	names := maps.Clone(one)
	maps.Copy(names, other)
	for _, name := range slices.Sorted(maps.Keys(names)) {
		differ("-"+name, one[name], other[name])
	}
	return out
}

func orNone(v any) string {
	if v == "" {
		return "none"
	}
	return fmt.Sprint(v)
}

// runtimeKnown is false where the records only say that it was chosen, which they
// did before the choice was recorded.
func (b Begun) runtimeKnown() bool { return b.Runtime != "" && b.Runtime != "auto" }

// binding are the flags that say what is under test, those of one name together, in
// any order.
func binding(flags []string) map[string]string {
	all := map[string][]string{}
	for _, f := range flags {
		name, value, _ := strings.Cut(strings.TrimLeft(f, "-"), "=")
		if !slices.Contains(apart, name) {
			all[name] = append(all[name], value)
		}
	}
	out := map[string]string{}
	for name, values := range all {
		slices.Sort(values)
		out[name] = strings.Join(values, " ")
	}
	return out
}

// belong reports what keeps the files below the directory from being of one
// campaign, nil for nothing.
func (c *Campaign) belong() error {
	known := map[string]*Sitting{}
	// Where the runtime is known, all can be compared with it.
	first := &c.Sittings[max(0, slices.IndexFunc(c.Sittings, func(s Sitting) bool { return s.runtimeKnown() }))]
	for i := range c.Sittings {
		s := &c.Sittings[i]
		if same := known[s.Sitting]; same != nil {
			return fmt.Errorf("%s and %s are the same sitting, once copied: remove one of them", c.path(same), c.path(s))
		}
		known[s.Sitting] = s
		var what []string
		for _, d := range differences(first.Begun, s.Begun) {
			what = append(what, fmt.Sprintf("%s %s and %s", d.what, d.one, d.other))
		}
		if what != nil {
			return fmt.Errorf("%s and %s are not of one campaign: %s: name a directory that has one only", c.path(first), c.path(s), strings.Join(what, ", "))
		}
	}
	return nil
}

// goesOn reports what keeps a new sitting from going on with the campaign, nil for
// nothing. Its seed may be 0: as it was.
func (c *Campaign) goesOn(b Begun) error {
	for i := range c.Sittings {
		was := c.Sittings[i].Begun
		if b.Seed == 0 {
			b.Seed = was.Seed
		}
		var what []string
		for _, d := range differences(was, b) {
			what = append(what, fmt.Sprintf("its %s is %s, not %s", d.what, d.one, d.other))
		}
		if what != nil {
			return fmt.Errorf("resume the campaign of %s: %s: leave that out, or say the same", c.path(&c.Sittings[i]), strings.Join(what, ", "))
		}
	}
	return nil
}
