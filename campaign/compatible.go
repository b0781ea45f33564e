package campaign

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"retain/model"
)

// notCompared are the flags that are not compared: the first ones say nothing of what is
// under test, the others have a field of [Start], which is compared instead.
var notCompared = []string{
	"keep.data", "shrink.budget", "check.budget", "workers",
	"runtime", "config", "unresolved", "load", "rapid.steps",
}

// difference is what two segments of one campaign must not differ in.
type difference struct{ what, one, other string }

// differences are what keeps two segments from being of one campaign: their plans
// are not the same ones, or are not for the same server.
func differences(a, b Start) (out []difference) {
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
	differ("configurations of starts", a.StartConfigs, b.StartConfigs)
	differ("vqueues", a.VQueues, b.VQueues)
	differ("exclusions", a.Exclude.String(), b.Exclude.String())
	differ("operations that are drawn rarely", strings.Join(a.Rare, ", "), strings.Join(b.Rare, ", "))
	differ("loads", a.Loads, b.Loads)
	differ("-service.faults", a.ServiceFaults, b.ServiceFaults)
	differ("-restate.versions", a.versions(), b.versions())
	one, other := comparedFlags(a.Flags), comparedFlags(b.Flags)
	names := maps.Clone(one)
	maps.Copy(names, other)
	for _, name := range slices.Sorted(maps.Keys(names)) {
		differ("-"+name, one[name], other[name])
	}
	hashes := hashesOf(b.Altered)
	for _, s := range a.Altered {
		if hash, known := hashes[hashed{s.Name, s.Value}]; known && s.SHA256 != "" {
			differ(s.Name+" (sha256)", s.SHA256, hash)
		}
	}
	return out
}

// versions is what -restate.versions said, "" for a campaign that upgrades nothing.
func (b Start) versions() string {
	if b.Upgrade == nil {
		return ""
	}
	return b.Upgrade.Versions
}

// hashed is a setting with a hash: a flag of builds is given once for each.
type hashed struct{ name, value string }

// hashesOf are the hashes of the settings that have one. What the flags
// say the same of may still differ: a file's content, an image, a secret.
func hashesOf(settings model.Settings) map[hashed]string {
	out := map[hashed]string{}
	for _, s := range settings {
		if s.SHA256 != "" {
			out[hashed{s.Name, s.Value}] = s.SHA256
		}
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
func (b Start) runtimeKnown() bool { return b.Runtime != "" && b.Runtime != "auto" }

// comparedFlags are the flags that say what is under test, those of one name together, in
// any order.
func comparedFlags(flags []string) map[string]string {
	all := map[string][]string{}
	for _, f := range flags {
		name, value, _ := strings.Cut(strings.TrimLeft(f, "-"), "=")
		if !slices.Contains(notCompared, name) {
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

// compatible reports what keeps the files below the directory from being of one
// campaign, nil for nothing.
func (c *Campaign) compatible() error {
	known := map[string]*Segment{}
	// Where the runtime is known, all can be compared with it.
	first := &c.Segments[max(0, slices.IndexFunc(c.Segments, func(s Segment) bool { return s.runtimeKnown() }))]
	for i := range c.Segments {
		s := &c.Segments[i]
		if same := known[s.Segment]; same != nil {
			return fmt.Errorf("%s and %s are the same segment, once copied: remove one of them", c.path(same), c.path(s))
		}
		known[s.Segment] = s
		var what []string
		for _, d := range differences(first.Start, s.Start) {
			what = append(what, fmt.Sprintf("%s %s and %s", d.what, d.one, d.other))
		}
		if what != nil {
			return fmt.Errorf("%s and %s are not of one campaign: %s: name a directory that has one only", c.path(first), c.path(s), strings.Join(what, ", "))
		}
	}
	return nil
}

// resumable reports what keeps a new segment from going on with the campaign, nil for
// nothing. Its seed may be 0: as it was. What no flag says is taken over from it.
func (c *Campaign) resumable(b Start) error {
	for i := range c.Segments {
		was := c.Segments[i].Start
		if b.Seed == 0 {
			b.Seed = was.Seed
		}
		b.StartConfigs, b.VQueues, b.Loads.Times = was.StartConfigs, was.VQueues, was.Loads.Times
		var what []string
		for _, d := range differences(was, b) {
			what = append(what, fmt.Sprintf("its %s is %s, not %s", d.what, d.one, d.other))
		}
		if what != nil {
			return fmt.Errorf("resume the campaign of %s: %s: leave that out, or say the same", c.path(&c.Segments[i]), strings.Join(what, ", "))
		}
	}
	return nil
}
