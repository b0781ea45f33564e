package harness

import (
	"slices"

	"retain/generators"
	"retain/model"
)

// Situations lists what a run of a plan tested, each once, in the order of
// [generators.Situations]: where each of its faults met each operation of the program.
// The kill after the program counts for what was acknowledged before it.
func Situations(p generators.Plan, h *model.History) []generators.Situation {
	seen := map[generators.Situation]bool{}
	all, effects, sent, classes := MeetingFaults(h), effectsOf(h), sentSpans(h), classesOf(p, h)
	ofServer := slices.DeleteFunc(slices.Clone(all), func(f model.Fault) bool { return f.Kind.OfService() })
	for n, f := range all {
		// What was done to the service in between does not come between a server and its
		// fault.
		faults, i := all, n
		if !f.Kind.OfService() {
			faults = ofServer
			i = slices.IndexFunc(ofServer, func(o model.Fault) bool { return o.Begin.Seq == f.Begin.Seq })
		}
		next := model.Forever
		if i+1 < len(faults) {
			next = faults[i+1].Begin
		}
		back := ComebackAfter(h, f, next)
		first := firstAfter(h, back, next)
		for _, o := range h.Operations {
			if o.Phase != model.Program || o.Outcome == model.Failed || model.EndedBy(o.Answer) {
				continue
			}
			see := func(m generators.Moment, met model.Instant) {
				seen[generators.Situation{Operation: generators.NameOf(o.Op), Fault: f.Kind, Moment: m, Class: classes.at(met)}] = true
			}
			for _, m := range moments(o, i, faults, effects[o.ID], sent[o.ID]) {
				see(m, f.Begin)
			}
			if f.Step == 0 {
				continue
			}
			if back.underWay(o.Call) {
				see(generators.Recovering, o.Call)
			}
			if o.ID == first {
				see(generators.FirstAfter, o.Call)
			}
		}
	}
	return slices.DeleteFunc(generators.Situations(), func(s generators.Situation) bool { return !seen[s] })
}

// MeetingFaults are the faults that meet operations, in their order.
func MeetingFaults(h *model.History) []model.Fault {
	kinds := generators.Faults()
	return slices.DeleteFunc(slices.Clone(h.Faults), func(f model.Fault) bool { return !slices.Contains(kinds, f.Kind) })
}

// Comeback is how the server came back after a fault: from its spawn to its first
// answer, in nanoseconds since the run began; zero for what did not happen before
// the next fault.
type Comeback struct{ Spawned, Ready int64 }

// ComebackAfter is the server's comeback after a fault and before the next one.
func ComebackAfter(h *model.History, f model.Fault, next model.Instant) Comeback {
	if !f.Kind.Ends() {
		undo := f.Kind.Spec().Undo
		if undo == "" {
			return Comeback{Ready: f.End.Ns} // it is over when it ends
		}
		for _, r := range h.Faults {
			if r.Kind == undo && r.Begin.Seq > f.Begin.Seq && r.End.Seq < next.Seq {
				return Comeback{Ready: r.End.Ns}
			}
		}
		return Comeback{}
	}
	for _, r := range h.Recoveries {
		if r.Spawned > f.Begin.Ns && r.Spawned < next.Ns {
			return Comeback{Spawned: r.Spawned, Ready: r.Probe}
		}
	}
	return Comeback{}
}

// underWay reports whether the server was coming back at the moment.
func (c Comeback) underWay(at model.Instant) bool {
	return c.Spawned > 0 && at.Ns > c.Spawned && (c.Ready == 0 || at.Ns < c.Ready)
}

// firstAfter is the operation of the program that was called first when calls went
// through again, 0 for none before the next fault.
func firstAfter(h *model.History, back Comeback, next model.Instant) int {
	if back.Ready == 0 {
		return 0
	}
	for _, o := range h.Operations { // in the order of their calls
		if o.Phase == model.Program && o.Call.Ns >= back.Ready {
			if o.Call.Seq < next.Seq {
				return o.ID
			}
			return 0
		}
	}
	return 0
}

// moments are where an operation that was called before fault i stood at it. effect is the
// sequence number with which it was first seen to have had its effect, 0 for never; sent is
// when its handler ran if it was sent.
func moments(o model.Invoked, i int, faults []model.Fault, effect int64, sent span) []generators.Moment {
	f := faults[i]
	var out []generators.Moment
	earlier := model.Instant{}
	if i > 0 {
		earlier = faults[i-1].Begin
	}
	if o.Outcome == model.OK && o.Return.Seq < f.Begin.Seq && o.Return.Seq > earlier.Seq {
		out = append(out, generators.Acknowledged)
	}
	if f.Step == 0 {
		return out
	}
	if onTheWire(o, f.Begin) || sent.covers(f.Begin) {
		// A read has no effect to stand behind.
		if effect > 0 && effect < f.Begin.Seq && !o.Op.ReadOnly() {
			out = append(out, generators.AfterEffect)
		} else {
			out = append(out, generators.BeforeEffect)
		}
	}
	if i+1 < len(faults) && faults[i+1].Step != 0 && o.Call.Seq < f.Begin.Seq && o.Return.Seq > faults[i+1].Begin.Seq && o.Return != model.Forever {
		out = append(out, generators.Spanning)
	}
	return out
}

// onTheWire reports whether an attempt was open.
func onTheWire(o model.Invoked, at model.Instant) bool {
	return slices.ContainsFunc(o.Attempts, func(a model.Attempt) bool {
		return a.Wrote && a.Start.Seq < at.Seq && a.End.Seq > at.Seq
	})
}

// classes are the classes that the server ran in during a run, each from a moment on.
type classes []struct {
	from  int64 // a sequence number
	class generators.Class
}

// classesOf follows the configuration of a plan through the starts of its run, the one
// that it begins with first.
func classesOf(p generators.Plan, h *model.History) classes {
	changes := map[int]generators.StartConfig{}
	for _, s := range p.Steps {
		if f, is := s.(generators.Inject); is {
			changes[f.ID] = f.Start
		}
	}
	config, over := p.Config.Started(), givenOver(h)
	out := classes{{class: config.ClassUnder(over)}}
	for _, f := range h.Faults {
		if f.Kind.Starts() && f.Step != 0 {
			config = config.With(changes[f.Step])
			out = append(out, classes{{f.Begin.Seq, config.ClassUnder(over)}}...)
		}
	}
	return out
}

// at is the class at a moment.
func (c classes) at(moment model.Instant) generators.Class {
	class := c[0].class
	for _, change := range c {
		if change.from <= moment.Seq {
			class = change.class
		}
	}
	return class
}
