package harness

import (
	"cmp"

	"retain/generators"
	"retain/model"
)

// Life is a time in which the server ran as one version, in one class.
type Life struct {
	// From is the beginning of the start, the zero instant for the server that a run began
	// with; To is when it had ended, [model.Forever] if nobody saw that.
	From, To model.Instant
	Version  string
	Class    generators.Class
}

// during reports whether the server lived at some time between two moments.
func (l Life) during(from, to model.Instant) bool {
	return l.From.Seq <= to.Seq && from.Seq <= l.To.Seq
}

// Lives are the lives of a server during the run of a plan, in their order.
type Lives []Life

// LivesOf follows a run through its stops, kills and starts.
func LivesOf(p generators.Plan, o *Outcome) Lives {
	in := classesOf(p, o.History)
	life := Life{To: model.Forever, Version: o.Server.Version, Class: in[0].class}
	out := Lives{life}
	for _, f := range o.History.Faults {
		last := &out[len(out)-1]
		switch {
		case f.Kind.Ends():
			last.To = f.End
		case f.Kind.Starts():
			if last.To == model.Forever { // it ended by itself
				last.To = f.Begin
			}
			life.From, life.Class = f.Begin, in.at(f.Begin)
			life.Version = cmp.Or(f.Reported, f.Version, life.Version)

			out = append(out, life)
		}
	}
	return out
}

// During are the lives between two moments.
func (l Lives) During(from, to model.Instant) (out Lives) {
	for _, life := range l {
		if life.during(from, to) {
			out = append(out, life)
		}
	}
	return out
}

// At is the life at so many nanoseconds since the run began, the last one before if there
// was none then.
func (l Lives) At(ns int64) (out Life) {
	out = l[0]
	for _, life := range l {
		if life.From.Ns <= ns {
			out = life
		}
	}
	return out
}
