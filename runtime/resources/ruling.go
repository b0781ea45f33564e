package resources

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Said is a line of a server's log that names a shortage.
type Said struct {
	Kind Kind   `json:"kind"`
	Line string `json:"line"`
}

// Cause is who a shortage is ascribed to.
type Cause string

// Causes. None is no shortage at all.
const (
	None        Cause = ""
	Environment Cause = "environment" // there was less than a server needs
	TheServer   Cause = "server"      // it used more than a server is measured to need
	Unexplained Cause = "unexplained" // the server names a shortage, and there was plenty
)

// Shortage is what ran out while something failed, or is said to have.
type Shortage struct {
	Cause Cause `json:"cause"`
	Kind  Kind  `json:"kind"`
	// Level is what was measured, nil if nothing could be looked at.
	Level *Level `json:"level,omitempty"`
	// Need is how much a server of this configuration needs at most, 0 if unknown.
	Need uint64 `json:"need,omitempty"`
	// Said is what the server says of it, "" for nothing.
	Said string `json:"said,omitempty"`
}

// explains lists the resources whose shortage a server may name as another one:
// there is no thread without a stack, and a cgroup's memory is memory.
var explains = map[Kind][]Kind{
	Space: {Space, Inodes, Quota, Gone}, Inodes: {Inodes, Space}, Quota: {Quota}, ReadOnly: {ReadOnly}, FileSize: {FileSize},
	Descriptors: {Descriptors}, Threads: {Threads, AddressSpace, Memory}, Memory: {Memory, AddressSpace},
}

// Rule decides what ran out, of the lines of a server's log and the levels measured
// meanwhile. A server that used more than it needs comes first, then a short resource,
// then one that is only named. Without lines only an exhausted resource counts.
func Rule(said []Said, levels []Level, n Need) Shortage {
	for _, s := range said {
		if out := ofSaid(s, levels, n); out.Cause == Environment || out.Cause == TheServer {
			return out
		}
	}
	for _, l := range levels {
		if l.exhausted(n) || l.excessive(n) && l.Free <= l.need(n)/exhaustedShare {
			return ofLevel(l, n, Said{Kind: l.Kind})
		}
	}
	if len(said) > 0 {
		return ofSaid(said[0], levels, n)
	}
	return Shortage{}
}

// ofSaid is what a line shows together with the levels that could explain it.
func ofSaid(s Said, levels []Level, n Need) Shortage {
	kinds, known := explains[s.Kind]
	if !known {
		kinds = []Kind{s.Kind}
	}
	candidates := keepIf(levels, func(l Level) bool { return !l.Ours && slices.Contains(kinds, l.Kind) })
	for _, fits := range []func(Level) bool{
		func(l Level) bool { return l.excessive(n) && (l.short(n) || l.Free <= l.need(n) || l.limits()) },
		func(l Level) bool { return l.short(n) },
	} {
		if short := keepIf(candidates, fits); len(short) > 0 {
			return ofLevel(short[0], n, s)
		}
	}
	if len(candidates) == 0 || s.Kind == Quota {
		return Shortage{Cause: Environment, Kind: s.Kind, Need: n[s.Kind], Said: s.Line}
	}
	l := slices.MinFunc(candidates, func(a, b Level) int { return cmp.Compare(a.Free, b.Free) })
	return Shortage{Cause: Unexplained, Kind: s.Kind, Level: &l, Need: l.need(n), Said: s.Line}
}

func ofLevel(l Level, n Need, s Said) Shortage {
	out := Shortage{Cause: Environment, Kind: l.Kind, Level: &l, Need: l.need(n), Said: s.Line}
	if l.excessive(n) {
		out.Cause = TheServer
	}
	return out
}

func keepIf(all []Level, keep func(Level) bool) (out []Level) {
	for _, l := range all {
		if keep(l) {
			out = append(out, l)
		}
	}
	return out
}

// String is the shortage in a line, with its numbers and its consumer.
func (s Shortage) String() string {
	if s.Cause == None {
		return "nothing ran out"
	}
	var parts []string
	switch {
	case s.Level != nil:
		parts = append(parts, s.Level.String())
		if uses := s.Level.uses(Need{s.Kind: s.Need}); uses != "" {
			parts = append(parts, uses)
		} else if s.Need > 0 && s.Kind != ReadOnly && s.Kind != Gone {
			parts = append(parts, fmt.Sprintf("a server needs up to %s", s.Kind.amount(s.Need)))
		}
	case s.Kind == ReadOnly:
		parts = append(parts, "a file system that the server writes to is read-only")
	default:
		parts = append(parts, fmt.Sprintf("out of %s, which can't be measured here", s.Kind))
	}
	if s.Said != "" {
		parts = append(parts, fmt.Sprintf("it logged %q", clip(s.Said)))
	}
	return strings.Join(parts, "; ")
}

// OfThisProcess is a shortage that this process met while it wrote to a place.
func OfThisProcess(k Kind, p Place) Shortage {
	out := Shortage{Cause: Environment, Kind: k}
	levels := append(p.levels(use{}), processLevels(nil, new(groups), true)...)
	of := keepIf(levels, func(l Level) bool { return slices.Contains(append(explains[k], k), l.Kind) })
	own := keepIf(of, func(l Level) bool { return l.Ours })
	switch {
	case len(own) > 0:
		of = own
	case len(of) == 0 && k == ReadOnly: // ext4 that met an error does not tell it in statfs(2)
		of = []Level{p.readOnly()}
	case len(of) == 0:
		return out
	}
	l := slices.MinFunc(of, func(a, b Level) int { return cmp.Compare(a.Free, b.Free) })
	out.Kind, out.Level, out.Need = l.Kind, &l, l.need(nil)
	return out
}

// Remedy is what a person can do.
func (s Shortage) Remedy() string {
	set := ""
	if s.Level != nil {
		set = s.Level.Set
	}
	return remedy(s.Kind, set)
}

// lineShown is how much of a line of the log is shown, in bytes; the part with the
// shortage's name.
const lineShown = 160

func clip(line string) string {
	if len(line) <= lineShown {
		return line
	}
	from := 0
	for _, w := range append(slices.Clone(wordings), wording{osError, ""}, wording{again, ""}) {
		if at := w.says.FindStringIndex(line); at != nil {
			from = max(0, min(at[0]-lineShown/2, len(line)-lineShown))
			break
		}
	}
	return strings.ToValidUTF8(line[from:from+lineShown], "")
}
