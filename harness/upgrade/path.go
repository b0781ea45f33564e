package upgrade

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"retain/model"
	"retain/runtime/versions"
)

// Path is versions of the server, the oldest first. Plans lead a server up along it, down
// and up again.
type Path []string

// String prints "1.6.2 -> 1.7.12".
func (p Path) String() string { return strings.Join(p, " -> ") }

// Neighbours is the word for each neighbouring pair: of the versions behind it and a colon,
// or of those that retain was measured with.
const Neighbours = "neighbours"

// Parse reads the text of -restate.versions: the versions of one path, separated by commas,
// or [Neighbours]. Versions with an order are sorted by it.
func Parse(text string) ([]Path, error) {
	list, pairs := strings.CutPrefix(text, Neighbours)
	list, named := strings.CutPrefix(list, ":")
	if pairs && !named && list != "" {
		return nil, fmt.Errorf("%s: want %s, or %s:A,B,C", text, Neighbours, Neighbours)
	}
	names := Names(list)
	if pairs && !named {
		names = versions.Measured()
	}
	if err := check(text, names); err != nil {
		return nil, err
	}
	names, _ = Sorted(names)
	if !pairs {
		return []Path{names}, Path(names).checkGaps()
	}
	var out []Path
	for i := range len(names) - 1 {
		p := Path{names[i], names[i+1]}
		if err := p.checkGaps(); err != nil {
			return nil, err
		}
		out = append(out, p)
	}
	return out, nil
}

// Names are the names of a list that are separated by commas, without empty ones.
func Names(list string) (out []string) {
	for name := range strings.SplitSeq(list, ",") {
		if name = strings.TrimSpace(name); name != "" {
			out = append(out, name)
		}
	}
	return out
}

func check(text string, names []string) error {
	if len(names) < 2 {
		return fmt.Errorf("%s: want two versions at least, such as 1.6.2,1.7.12", text)
	}
	for i, name := range names {
		if err := model.CheckVersionName(name); err != nil {
			return err
		}
		if slices.Contains(names[:i], name) {
			return fmt.Errorf("%s stands twice: leave one out", name)
		}
	}
	return nil
}

// Sorted sorts versions by their releases. Where one has no order, they stay as they are.
func Sorted(names []string) (sorted []string, ordered bool) {
	for _, name := range names {
		if _, has := versions.Parse(name); !has {
			return names, false
		}
	}
	return slices.SortedStableFunc(slices.Values(names), func(a, b string) int {
		order, _ := versions.Compare(a, b)
		return order
	}), true
}

// checkGaps refuses a step up which the file of differences lists as a gap.
func (p Path) checkGaps() error {
	for i := range len(p) - 1 {
		if g, is := versions.GapOf(p[i], p[i+1]); is {
			return fmt.Errorf("%s does not start on the data of %s: name a version between them, one %s", p[i+1], p[i], g.Through)
		}
	}
	return nil
}

// Pair is a step from one version to another.
type Pair struct {
	From string `json:"from"`
	To   string `json:"to"`
}

// Pairs are the neighbouring steps of the path, each up and back.
func (p Path) Pairs() (out []Pair) {
	for i := range len(p) - 1 {
		out = append(out, Pair{p[i], p[i+1]}, Pair{p[i+1], p[i]})
	}
	return out
}

// Back reports whether the pair leads from a newer version of the path to an older one.
func (p Path) Back(pair Pair) bool { return slices.Index(p, pair.From) > slices.Index(p, pair.To) }

// Settings are those that the way back along the path needs from the first start on, by the
// file of differences. Those in env, whatever their value, are left out: a person has decided
// them.
func (p Path) Settings(env map[string]string) map[string]string {
	out := map[string]string{}
	for newer := range p {
		for older := range newer {
			for _, need := range NeedsOf(Pair{p[newer], p[older]}) {
				maps.Copy(out, need.Settings)
			}
		}
	}
	for name := range env {
		for known := range out {
			if strings.EqualFold(name, known) {
				delete(out, known)
			}
		}
	}
	return out
}

// Need is what a way back needs, by the file of differences.
type Need struct {
	// Settings are the newer server's, from its first start on; Backup is one from before it.
	Settings map[string]string `json:"settings,omitempty"`
	Backup   bool              `json:"backup,omitempty"`
	// With are the settings of the newer server without which nothing is needed.
	With map[string]string `json:"with,omitempty"`
	// Why says what happens otherwise. Objects is false if it is about what retain does not
	// test. Links are reports of it.
	Why     string   `json:"why"`
	Objects bool     `json:"objects"`
	Links   []string `json:"links,omitempty"`
}

// NeedsOf is what the file of differences says that a step back needs, nil for nothing.
func NeedsOf(p Pair) (out []Need) {
	links := func(sources []versions.Source) (out []string) {
		for _, s := range sources {
			if s.Link != "" {
				out = append(out, s.Link)
			}
		}
		return out
	}
	for _, l := range versions.LossesOf(p.From, p.To) {
		out = append(out, Need{Settings: l.WayBack.Settings, Backup: l.WayBack.Backup, Why: l.Loses, Objects: l.Objects, Links: links(l.Sources)})
	}
	if r, refuses := versions.Excuse(p.From, p.To); refuses {
		why := fmt.Sprintf("%s does not serve the data of %s: its log says %q.", p.To, p.From, r.Says)
		out = append(out, Need{Settings: r.WayBack.Settings, Backup: r.WayBack.Backup, With: r.With, Why: why, Objects: true, Links: links(r.Sources)})
	}
	return out
}
