package compare

import (
	"cmp"
	"fmt"
	"slices"

	"retain/generators"
	"retain/internal/printable"
)

// Kind says what a comparison showed.
type Kind string

// Kinds of answers.
const (
	Apart     Kind = "apart"     // the plan fails on some versions, and does not on others
	OnAll     Kind = "all"       // it fails on all
	OnNone    Kind = "none"      // it failed on none
	NotTold   Kind = "not told"  // it failed on some, and the others are not told apart
	NotJudged Kind = "no answer" // nothing was judged
)

// Axis is what the servers of a comparison differ in.
type Axis string

// Axes. All else is the same.
const (
	Versions Axis = "version" // of the server
	SDKs     Axis = "sdk"     // of the handlers that one server calls
)

// ImagePrefix begins an image of handlers in a list of [SDKs], behind its name: "mine=image:REF".
const ImagePrefix = "image:"

// Answer is what a comparison showed.
type Answer struct {
	Kind Kind
	// Axis is what the versions are versions of.
	Axis Axis
	// Fails are the versions on which the plan failed, Not those on which it did not, told
	// apart from each that it failed on. Untold are the others on which it did not fail.
	Fails, Not, Untold []string
	// From is the first version of the newer side where the order of the releases divides
	// the sides, "" where it does not.
	From string
	// Pairs are the tests of all pairs of versions that were judged; Level is of each.
	Pairs []Pair
	Level float64
	// Skipped are the versions that a bisection left out.
	Skipped []string

	rates map[string]generators.Rate
}

// Pair is the test of two versions.
type Pair struct {
	A, B string
	// P is that of [Fisher]'s test; Apart is true if it is at most the level.
	P     float64
	Apart bool
	// Needed is how many executions of each would tell them apart, if they fail as often as
	// was seen; 0 if they are, or no reasonable number would.
	Needed int
}

// AnswerOf is the answer of what was measured. level is that of each test.
func AnswerOf(all []Measured, ordered bool, level float64) Answer {
	a := Answer{Level: level, rates: map[string]generators.Rate{}}
	var judged []Measured
	for _, m := range all {
		if m.Skipped {
			a.Skipped = append(a.Skipped, m.Name)
		}
		if m.judged() {
			judged = append(judged, m)
			a.rates[m.Name] = m.Rate
		}
	}
	for i, v := range judged {
		for _, w := range judged[i+1:] {
			p := Pair{A: v.Name, B: w.Name, P: Fisher(v.Rate, w.Rate)}
			if p.Apart = p.P <= level; !p.Apart {
				p.Needed = Needed(share(v.Rate), share(w.Rate), level)
			}
			a.Pairs = append(a.Pairs, p)
		}
	}
	a.divide(judged)
	if ordered && a.Kind == Apart && len(a.Untold) == 0 {
		a.From = a.newer(judged)
	}
	return a
}

func share(r generators.Rate) float64 { return float64(r.Failures) / float64(r.Runs) }

// divide sorts the versions into sides.
func (a *Answer) divide(judged []Measured) {
	for _, m := range judged {
		if m.Rate.Failures > 0 {
			a.Fails = append(a.Fails, m.Name)
		}
	}
	for _, m := range judged {
		if m.Rate.Failures > 0 {
			continue
		}
		if len(a.Fails) == 0 || slices.ContainsFunc(a.Fails, func(f string) bool { return !a.apart(f, m.Name) }) {
			a.Untold = append(a.Untold, m.Name)
		} else {
			a.Not = append(a.Not, m.Name)
		}
	}
	switch {
	case len(judged) == 0:
		a.Kind = NotJudged
	case len(a.Fails) == 0:
		a.Kind = OnNone
	case len(a.Fails) == len(judged):
		a.Kind = OnAll
	case len(a.Not) == 0:
		a.Kind = NotTold
	default:
		a.Kind = Apart
	}
}

func (a *Answer) apart(v, w string) bool {
	return slices.ContainsFunc(a.Pairs, func(p Pair) bool { return p.Apart && (p.A == v && p.B == w || p.A == w && p.B == v) })
}

// newer is the first version of the newer side, "" if the versions change sides more than
// once.
func (a *Answer) newer(judged []Measured) (from string) {
	for i := range judged[1:] {
		if slices.Contains(a.Fails, judged[i].Name) == slices.Contains(a.Fails, judged[i+1].Name) {
			continue
		}
		if from != "" {
			return ""
		}
		from = judged[i+1].Name
	}
	return from
}

// listed is up to how many versions are named one by one.
const listed = 3

// String is the answer in a sentence: "1.5.3 and 1.6.1, not from 1.6.2 on".
func (a Answer) String() string {
	switch a.Kind {
	case NotJudged:
		return "no " + string(cmp.Or(a.Axis, Versions)) + " was judged"
	case OnNone:
		return "on none: " + a.ratesOf(a.Untold)
	case OnAll:
		return a.onAll()
	case NotTold:
		return "not told apart: " + a.ratesOf(slices.Concat(a.Fails, a.Untold))
	}
	out := a.sides()
	if len(a.Untold) > 0 {
		out += "; not told apart: " + a.ratesOf(a.Untold)
	}
	return out
}

// sides says on which versions the plan fails and on which it does not.
func (a Answer) sides() string {
	only := ""
	if len(a.Fails) == 1 {
		only = "only "
	}
	switch {
	case a.From == "":
		return only + printable.List(a.Fails, "and") + ", not " + printable.List(a.Not, "and")
	case a.From == a.Not[0] && len(a.Fails) > listed:
		return "up to " + a.Fails[len(a.Fails)-1] + ", not from " + a.From + " on"
	case a.From == a.Not[0]:
		return only + printable.List(a.Fails, "and") + ", not from " + a.From + " on"
	case len(a.Fails) == 1:
		return "only " + a.Fails[0]
	case len(a.Not) > listed:
		return "from " + a.From + " on, not up to " + a.Not[len(a.Not)-1]
	}
	return "from " + a.From + " on, not " + printable.List(a.Not, "and")
}

// onAll is the sentence of a plan that fails on each version.
func (a Answer) onAll() string {
	switch {
	case len(a.Fails) == 1:
		return a.Fails[0] + ", the only one that was judged"
	case a.Axis == SDKs: // what fails whatever the handlers are is not theirs, however often it does
		return "all: it is the server, " + a.ratesOf(a.Fails)
	case slices.ContainsFunc(a.Pairs, func(p Pair) bool { return p.Apart }):
		return "on all, not equally often: " + a.ratesOf(a.Fails)
	case slices.ContainsFunc(a.Fails, func(v string) bool { return !reliable(a.rates[v]) }):
		return "not told apart: " + a.ratesOf(a.Fails)
	case len(a.Fails) == 2:
		return "on both " + printable.List(a.Fails, "and")
	}
	return "on all: " + printable.List(a.Fails, "and")
}

// ratesOf lists rates: "3 of 20 (1.6.2) and 1 of 20 (1.7.12)".
func (a Answer) ratesOf(names []string) string {
	var out []string
	for _, name := range names {
		out = append(out, fmt.Sprintf("%d of %d (%s)", a.rates[name].Failures, a.rates[name].Runs, name))
	}
	return printable.List(out, "and")
}

// More is how many more executions of each version would tell all pairs apart: 0 if they
// are, or if it takes more than [Needed] looks for.
func (a Answer) More() (more int) {
	for _, p := range a.Pairs {
		if p.Apart || p.Needed == 0 || reliable(a.rates[p.A]) && reliable(a.rates[p.B]) {
			continue
		}
		more = max(more, p.Needed-min(a.rates[p.A].Runs, a.rates[p.B].Runs))
	}
	return more
}
