package upgrade

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"retain/generators"
	"retain/harness"
	"retain/model"
)

// Judged is a plan of an upgrade that was judged.
type Judged struct {
	Number   int
	Verdict  harness.Verdict
	Switches []harness.Switch
	// Broke says which switch, from 1, was the last before the plan broke a guarantee, 0 for
	// none.
	Broke int
}

// Step is all switches from one version to another after one fault.
type Step struct {
	Pair
	Fault model.FaultKind
	// Switches are those of plans that count, in the order of the plans. None is behind the
	// one at which its plan broke.
	Switches []harness.Switch
	// Broke are the numbers of the plans that broke a guarantee after it and before their
	// next switch.
	Broke []int
}

// Steps are the steps of plans, in the order in which the paths have them, stops first.
// Plans without a verdict on the server, and known findings, do not count.
func Steps(paths []Path, plans []Judged) (out []Step) {
	for _, path := range paths {
		for _, pair := range path.Pairs() {
			for _, fault := range Faults() {
				out = append(out, Step{Pair: pair, Fault: fault})
			}
		}
	}
	for _, p := range plans {
		if p.Verdict != harness.Pass && p.Verdict != harness.Violation {
			continue
		}
		for i, s := range p.Switches {
			broke := p.Verdict == harness.Violation && i == p.Broke-1
			if p.Verdict == harness.Violation && i > p.Broke-1 {
				break
			}
			at := slices.IndexFunc(out, func(o Step) bool { return o.From == s.From && o.To == s.To && o.Fault == s.Fault })
			if at < 0 {
				at = len(out)
				out = append(out, Step{Pair: Pair{s.From, s.To}, Fault: s.Fault})
			}
			out[at].Switches = append(out[at].Switches, s)
			if broke {
				out[at].Broke = append(out[at].Broke, p.Number)
			}
		}
	}
	return out
}

// Faults are those that end a server before a switch.
func Faults() []model.FaultKind {
	return slices.DeleteFunc(model.FaultKinds(), func(k model.FaultKind) bool { return !k.Ends() })
}

// String prints "1.6.2 -> 1.7.12 by kill".
func (s Step) String() string { return fmt.Sprintf("%s -> %s by %s", s.From, s.To, s.Fault) }

// Spread is the least, the median and the most of some numbers.
type Spread[N cmp.Ordered] struct {
	Least  N `json:"least"`
	Median N `json:"median"`
	Most   N `json:"most"`
}

// SpreadOf is the zero value for no numbers. The median of an even number of them is the
// lesser one in the middle.
func SpreadOf[N cmp.Ordered](all []N) (s Spread[N]) {
	if len(all) == 0 {
		return s
	}
	all = slices.Sorted(slices.Values(all))
	return Spread[N]{all[0], all[(len(all)-1)/2], all[len(all)-1]}
}

func collect[N any](s Step, of func(harness.Switch) N) (out []N) {
	for _, one := range s.Switches {
		out = append(out, of(one))
	}
	return out
}

// Open is how many operations were on the wire at a switch, those that waited for a key
// among them.
func (s Step) Open() Spread[int] {
	return SpreadOf(collect(s, func(w harness.Switch) int { return w.Open }))
}

// Queued is how many of those waited for a key.
func (s Step) Queued() Spread[int] {
	return SpreadOf(collect(s, func(w harness.Switch) int { return w.Queued }))
}

// Outages are those that were seen to their end.
func (s Step) Outages() Spread[time.Duration] {
	return SpreadOf(slices.DeleteFunc(collect(s, func(w harness.Switch) time.Duration { return w.Outage }), func(d time.Duration) bool { return d == 0 }))
}

// Kinds are the kinds of objects with a value from before a switch that was read after it.
func (s Step) Kinds() (out []model.Kind) {
	return slices.DeleteFunc(model.Kinds(), func(k model.Kind) bool {
		return !slices.ContainsFunc(s.Switches, func(w harness.Switch) bool { return slices.Contains(w.Kinds, k) })
	})
}

// Excludes is the rate of failures that the switches exclude at 95 %, 0 if one failed or
// they are too few: see [harness.Excludes].
func (s Step) Excludes() float64 {
	if len(s.Broke) > 0 {
		return 0
	}
	return harness.Excludes(len(s.Switches))
}

// openNeeded is how many operations must be in flight or queued at one switch of each step.
const openNeeded = 30

// Missing is what the steps lack to answer for the paths, of what plans are drawn with.
func Missing(paths []Path, steps []Step, exclude generators.Exclusions) (out []string) {
	needed := map[Pair]bool{}
	for _, path := range paths {
		for _, pair := range path.Pairs() {
			needed[pair] = true
		}
	}
	for _, s := range steps {
		if !needed[s.Pair] || exclude.ExcludesFault(s.Fault) {
			continue
		}
		lacking := slices.DeleteFunc(exclude.Kinds(), func(k model.Kind) bool { return slices.Contains(s.Kinds(), k) })
		switch {
		case len(s.Switches) == 0:
			out = append(out, s.String()+": no plan came to it")
		case s.Open().Most < openNeeded:
			out = append(out, fmt.Sprintf("%s: at most %d operations in flight or queued, %d needed", s, s.Open().Most, openNeeded))
		case len(lacking) > 0:
			out = append(out, fmt.Sprintf("%s: no value from before it was read after it of %v", s, lacking))
		}
	}
	return out
}
