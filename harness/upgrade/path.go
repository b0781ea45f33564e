package upgrade

import (
	"cmp"
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
	word, list, named := strings.Cut(text, ":")
	pairs := word == Neighbours
	switch {
	case !pairs && (named || strings.HasPrefix(word, "neighb")):
		return nil, fmt.Errorf("%s: want %s, or %s:A,B,C", text, Neighbours, Neighbours)
	case !pairs:
		list = text
	case !named:
		list = strings.Join(versions.Measured(), ",")
	}
	names, err := Names(list)
	if err != nil {
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

// Names reads a list of two versions at least, separated by commas, each once.
func Names(list string) ([]string, error) {
	var out []string
	for name := range strings.SplitSeq(list, ",") {
		name = strings.TrimSpace(name)
		if err := model.CheckVersionName(name); err != nil {
			return nil, err
		}
		if slices.Contains(out, name) {
			return nil, fmt.Errorf("%s stands twice: leave one out", name)
		}
		out = append(out, name)
	}
	if len(out) < 2 {
		return nil, fmt.Errorf("%s: want two versions at least, such as 1.6.2,1.7.12", list)
	}
	return out, nil
}

// Sorted sorts versions by their releases. A build without a release stays at its place in
// the list, and ordered is false.
func Sorted(names []string) (sorted []string, ordered bool) {
	var releases []string
	for _, name := range names {
		if IsRelease(name) {
			releases = append(releases, name)
		}
	}
	ordered = len(releases) == len(names)
	slices.SortStableFunc(releases, func(a, b string) int {
		order, _ := versions.Compare(a, b)
		return order
	})
	for _, name := range names {
		if IsRelease(name) {
			name, releases = releases[0], releases[1:]
		}
		sorted = append(sorted, name)
	}
	return sorted, ordered
}

// Release is the release that all servers of a name said that they are ("1.7.12 (577e032)"),
// or else the name. A name that is a release stands for itself.
func Release(name string, servers []string) string {
	if IsRelease(name) {
		return name
	}
	release := ""
	for _, server := range servers {
		said, _, _ := strings.Cut(server, " ")
		if release != "" && said != release {
			return name
		}
		release = said
	}
	return cmp.Or(release, name)
}

// IsRelease reports whether a name is that of a release, "1.7.12".
func IsRelease(name string) bool {
	_, is := versions.Parse(name)
	return is
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

// LeadsDown names a version of the path that is newer than one behind it, by the releases
// that servers of their names report; "" for none.
func (p Path) LeadsDown(release func(name string) string) (newer, older string) {
	for i := range p {
		for j := range i {
			if order, known := versions.Compare(release(p[j]), release(p[i])); known && order > 0 {
				return p[j], p[i]
			}
		}
	}
	return "", ""
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
