package generators

import (
	"pgregory.net/rapid"

	"retain/model"
)

// triggerKind is a way to trigger a stop or kill.
type triggerKind int

const (
	inPlace triggerKind = iota
	whileOpen
	afterGate
	beforeGate
	whileStarting
	whileInFlight
)

// fault draws a fault; false if none makes sense here: too many
// already, or nothing has happened since the last one.
func (d *drawing) fault() bool {
	recovering := d.runtime == model.Ready && d.sinceStart < freshSteps && d.faults > 0
	triggers := d.use.triggers
	if recovering && d.use.starting {
		triggers = append([]triggerKind{inPlace}, times(4, whileStarting)...)
	}
	// All of it is drawn, needed or not, so that the bits of a fault mean the same
	// wherever it stands.
	beside, focus := d.aside(), common(d.t, "focus", 2)
	kind, when := pick(d.t, "fault", d.use.faults...), pick(d.t, "trigger", triggers...)
	if d.use.load.Clients > 0 && when == whileInFlight {
		focus = focus && common(d.t, "focus rather than load", 2)
	}
	switch {
	case d.faults >= d.use.maxFaults:
		return false
	case beside != "":
		d.inject(Inject{Fault: beside, When: InPlace{}})
	case !recovering && len(d.standing(drawnOperation.hasEffect)) == 0:
		return false
	case d.faults == 0 && focus:
		d.strike(d.focused())
	default:
		d.strike(kind, d.trigger(when))
	}
	return true
}

// aside draws a fault that comes beside the strikes, "" for none.
func (d *drawing) aside() model.FaultKind {
	var out model.FaultKind
	for _, k := range d.use.asides {
		if rapid.Bool().Draw(d.t, string(k)) && out == "" && d.use.hasAside[k] &&
			d.times[k] < 2 && d.runtime == model.Ready {
			out = k
		}
	}
	return out
}

// strike appends a fault that ends the server.
func (d *drawing) strike(kind model.FaultKind, when Trigger) {
	if at, gated := when.(AtGate); gated && !kind.Spec().Drains && d.use.crowds {
		d.crowd(at.Step)
	}
	f := Inject{Fault: kind, When: when}
	if _, gated := when.(AtGate); gated && kind.Spec().Drains {
		f.HoldThroughStop = rare(d.t, "hold through stop", 4) // it costs a whole drain
	}
	d.inject(f)
}

// strikeNow appends a fault that ends a server that is up, in one of 2^n draws.
func (d *drawing) strikeNow(n int) {
	kind, strikes := pick(d.t, "fault", d.use.faults...), rare(d.t, "strike", n)
	if strikes && d.runtime == model.Ready && d.faults < d.use.maxFaults {
		d.strike(kind, InPlace{})
	}
}

// crowd lets every other client write to the object of the step that will stand at
// a gate. One object does one thing at a time: they wait behind it, and a kill
// leaves all of them open.
func (d *drawing) crowd(step int) {
	held := d.steps[step-1].(Operate)
	for _, c := range d.use.clients {
		if c != held.Client {
			d.operate(c, held.Object, pick(d.t, "crowd", d.use.writes[held.Object.Kind]...).make(d, c, held.Object))
		}
	}
	d.crowded = true
}

// focused returns the fault of the plan's fault point, and its trigger.
func (d *drawing) focused() (model.FaultKind, Trigger) {
	if d.use.focus.After {
		return d.use.focus.Fault, d.trigger(afterGate)
	}
	return d.use.focus.Fault, d.trigger(beforeGate)
}

// trigger makes the trigger out of the operations that may be open here. Without
// any, the fault comes at its place in the list.
func (d *drawing) trigger(k triggerKind) Trigger {
	switch k {
	case whileOpen:
		if open := d.standing(d.mostlyEffect()); len(open) > 0 {
			return WhileOpen{Step: pick(d.t, "open", open...).ID}
		}
	case afterGate: // only an effect has an after
		if held := d.standing(at(AfterEffect, drawnOperation.hasEffect)); len(held) > 0 {
			if seen := d.standing(at(AfterEffect, drawnOperation.isObserved)); len(seen) > 0 && common(d.t, "observed", 1) {
				held = seen
			}
			return AtGate{Step: pick(d.t, "held", held...).ID, After: true}
		}
	case whileStarting:
		return Starting{
			Milestone: pick(d.t, "milestone", Spawned, Port, Health, FirstProbe),
			OffsetMs:  rapid.IntRange(0, 400).Draw(d.t, "offset"),
		}
	case whileInFlight:
		return InFlight{Operations: pick(d.t, "in flight", d.use.load.inFlight()...)}
	case beforeGate:
		if held := d.standing(at(BeforeEffect, d.mostlyEffect())); len(held) > 0 {
			return AtGate{Step: pick(d.t, "held", held...).ID}
		}
	}
	return InPlace{}
}

func (o drawnOperation) hasEffect() bool  { return o.effect }
func (o drawnOperation) isObserved() bool { return o.effect && o.observed }
func (o drawnOperation) any() bool        { return true }

// at narrows what is wanted to operations that a gate can hold at a moment.
func at(m Moment, want func(drawnOperation) bool) func(drawnOperation) bool {
	return func(o drawnOperation) bool {
		drawn, known := operationNamed(NameOf(o.Op))
		return want(o) && (!known || drawn.reaches(m))
	}
}

func (d *drawing) mostlyEffect() func(drawnOperation) bool {
	if rare(d.t, "reads too", 3) {
		return drawnOperation.any
	}
	return drawnOperation.hasEffect
}

// standing lists the wanted operations that a fault here could find open: each
// client's last or last but one since the last stop, kill or start. The latest
// stands first.
func (d *drawing) standing(want func(drawnOperation) bool) []drawnOperation {
	var out []drawnOperation
	passed, found := map[int]int{}, map[int]bool{}
	for i := len(d.drawn) - 1; i >= d.window; i-- {
		o := d.drawn[i]
		if _, manages := o.Op.(model.Manage); !manages && !found[o.Client] && passed[o.Client] < 2 && want(o) {
			found[o.Client] = true
			out = append(out, o)
		}
		passed[o.Client]++
	}
	return out
}
