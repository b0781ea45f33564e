package generators

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"retain/model"
)

// pattern matches the configurations of an exclusion: those that have all that it says.
type pattern struct {
	partitions int  // 0 for any number
	vqueues    bool // with exact false: any
	exact      bool // vqueues and oneTimer are as said
	state      StateMode
	suspension Suspension
	suspending bool
	oneTimer   bool
}

// Configurations lists the names by which configurations can be excluded: those of
// [Servers], and what [Config.Configuration] and [Class] print. Several of the latter,
// with commas between, exclude the configurations that have all of them.
func Configurations() []string {
	var out []string
	for _, s := range servers {
		out = append(out, s.Name)
	}
	for _, n := range drawnPartitions() {
		out = append(out, Config{Partitions: n}.Configuration())
	}
	for _, part := range patternParts {
		out = append(out, part.name)
	}
	return out
}

// patternPart is a name of configurations, and what it says.
type patternPart struct {
	name string
	set  func(*pattern)
}

// patternParts are all but the numbers of partitions.
var patternParts = func() []patternPart {
	parts := []patternPart{
		{Config{VQueues: true}.Configuration(), func(p *pattern) { p.vqueues = true }},
		{"suspending", func(p *pattern) { p.suspending = true }},
		{StartConfig{OneTimer: true}.String(), func(p *pattern) { p.oneTimer = true }},
	}
	for _, s := range []StateMode{EagerState, LazyState} {
		parts = append(parts, patternPart{StartConfig{State: s}.String(), func(p *pattern) { p.state = s }})
	}
	for _, s := range []Suspension{SuspendNever, SuspendSoon, SuspendAtOnce} {
		parts = append(parts, patternPart{StartConfig{Suspension: s}.String(), func(p *pattern) { p.suspension = s }})
	}
	return parts
}()

// parsePattern reads the name of an excluded configuration.
func parsePattern(name string) (pattern, error) {
	if s, err := ServerNamed(name); err == nil {
		return pattern{
			partitions: s.Partitions, vqueues: s.VQueues, exact: true,
			state: s.Start.state(), suspension: s.Start.Suspension, oneTimer: s.Start.OneTimer,
		}, nil
	}
	var out pattern
	for part := range strings.SplitSeq(name, ",") {
		part = strings.TrimSpace(part)
		if n, is := partitionsOf(part); is {
			out.partitions = n
			continue
		}
		i := slices.IndexFunc(patternParts, func(p patternPart) bool { return p.name == part })
		if i < 0 {
			return pattern{}, fmt.Errorf("no configuration is called %.40q", part)
		}
		patternParts[i].set(&out)
	}
	return out, nil
}

// partitionsOf reads "1 partition" or "24 partitions".
func partitionsOf(text string) (n int, is bool) {
	number, _, _ := strings.Cut(text, " ")
	n, err := strconv.Atoi(number)
	return n, err == nil && n > 0 && Config{Partitions: n}.Configuration() == text
}

// matches reports whether a server that is provisioned and started so is meant.
func (p pattern) matches(on Provision, c StartConfig) bool {
	switch {
	case p.partitions > 0 && p.partitions != on.Partitions,
		p.vqueues && !on.VQueues, p.exact && (p.vqueues != on.VQueues || p.oneTimer != c.OneTimer),
		p.state != "" && p.state != c.state(),
		p.suspension != "" && p.suspension != c.Suspension,
		p.suspending && !c.Class().Suspending,
		p.oneTimer && !c.OneTimer:
		return false
	}
	return true
}

// state is how the server hands over state, its default included.
func (c StartConfig) state() StateMode {
	if c.Class().Lazy {
		return LazyState
	}
	return EagerState
}

// excludesConfig reports whether a configuration is excluded.
func (x Exclusions) excludesConfig(on Provision, c StartConfig) bool {
	return slices.ContainsFunc(x, func(e Exclusion) bool {
		if e.What != ExcludedConfiguration {
			return false
		}
		p, err := parsePattern(e.Name)
		return err == nil && p.matches(on, c)
	})
}

// startConfigs are the configurations of a class to draw from on a server with so many
// partitions, by weight.
func (x Exclusions) startConfigs(c Class, partitions int) []StartConfig {
	return slices.DeleteFunc(c.startConfigs(x.draws(model.Mailbox)), func(s StartConfig) bool {
		return x.excludesConfig(Provision{Partitions: partitions}, s)
	})
}

// vqueuesIn reports whether a plan's servers must not have vqueues.
func (x Exclusions) vqueuesIn(p Plan) bool {
	on := p.Config.Provisioned()
	on.VQueues = true
	return slices.ContainsFunc(p.started(), func(c StartConfig) bool { return x.excludesConfig(on, c) })
}

// ExcludesServer returns the exclusion of a configuration that is known by its name; false
// for none.
func (x Exclusions) ExcludesServer(name string) (Exclusion, bool) {
	s, err := ServerNamed(name)
	if err != nil {
		return Exclusion{}, false
	}
	i := slices.IndexFunc(x, func(e Exclusion) bool { return Exclusions{e}.excludesConfig(s.Provision, s.Start) })
	if i < 0 {
		return Exclusion{}, false
	}
	return x[i], true
}
