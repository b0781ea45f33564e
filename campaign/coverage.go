package campaign

import (
	"slices"

	"retain/generators"
	"retain/model"
	"retain/service"
)

// situations lists what a run tested, each once, in the order of
// [generators.Situations]: where each of its faults met each operation of the
// program. The kill after the program counts for what was acknowledged before it.
func situations(h *model.History) []generators.Situation {
	seen := map[generators.Situation]bool{}
	faults := meeting(h)
	effects := firstEffects(h)
	for i, f := range faults {
		next := model.Forever
		if i+1 < len(faults) {
			next = faults[i+1].Begin
		}
		back := returnOf(h, f, next)
		first := firstAfter(h, back, next)
		for _, o := range h.Operations {
			if o.Phase != model.Program || o.Outcome == model.Failed {
				continue
			}
			for _, m := range moments(o, i, faults, effects[o.ID], back) {
				seen[of(o, f, m)] = true
			}
			if o.ID == first {
				seen[of(o, f, generators.FirstAfter)] = true
			}
		}
	}
	return slices.DeleteFunc(generators.Situations(), func(s generators.Situation) bool { return !seen[s] })
}

func of(o model.Invoked, f model.Fault, m generators.Moment) generators.Situation {
	return generators.Situation{Operation: generators.NameOf(o.Op), Fault: generators.FaultKind(f.Kind), Moment: m}
}

// meeting are the faults that meet operations, in their order: those that end or
// freeze the server.
func meeting(h *model.History) []model.Fault {
	return slices.DeleteFunc(slices.Clone(h.Faults), func(f model.Fault) bool {
		k := generators.FaultKind(f.Kind)
		return k != generators.Stop && k != generators.Kill && k != generators.Pause
	})
}

// firstEffects gives the sequence number at which each operation was first seen to
// have had its effect.
func firstEffects(h *model.History) map[int]int64 {
	out := map[int]int64{}
	for _, e := range h.Evidence {
		if e.Reading != string(service.Effect) && e.Reading != string(service.Finished) {
			continue
		}
		if at, known := out[e.ID]; !known || e.At.Seq < at {
			out[e.ID] = e.At.Seq
		}
	}
	return out
}

// comeback is how the server came back after a fault: from its spawn to its first
// answer, in nanoseconds since the run began; zero for what did not happen before
// the next fault.
type comeback struct{ spawned, ready int64 }

func returnOf(h *model.History, f model.Fault, next model.Instant) comeback {
	if f.Kind == string(generators.Pause) {
		for _, r := range h.Faults {
			if r.Kind == string(generators.Resume) && r.Begin.Seq > f.Begin.Seq && r.End.Seq < next.Seq {
				return comeback{ready: r.End.Ns}
			}
		}
		return comeback{}
	}
	for _, r := range h.Recoveries {
		if r.Spawned > f.Begin.Ns && r.Spawned < next.Ns {
			return comeback{spawned: r.Spawned, ready: r.Canary}
		}
	}
	return comeback{}
}

// firstAfter is the operation of the program that was called first when calls went
// through again, 0 for none before the next fault.
func firstAfter(h *model.History, back comeback, next model.Instant) int {
	if back.ready == 0 {
		return 0
	}
	for _, o := range h.Operations { // in the order of their calls
		if o.Phase == model.Program && o.Call.Ns >= back.ready {
			if o.Call.Seq < next.Seq {
				return o.ID
			}
			return 0
		}
	}
	return 0
}

// moments are where an operation stood at fault i.
func moments(o model.Invoked, i int, faults []model.Fault, effect int64, back comeback) []generators.Moment {
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
	if onTheWire(o, f.Begin) {
		// A read has no effect to stand behind.
		if effect > 0 && effect < f.Begin.Seq && !o.Op.ReadOnly() {
			out = append(out, generators.AfterEffect)
		} else {
			out = append(out, generators.BeforeEffect)
		}
	}
	if back.spawned > 0 && o.Call.Ns > back.spawned && (back.ready == 0 || o.Call.Ns < back.ready) {
		out = append(out, generators.Recovering)
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
