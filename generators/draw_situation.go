package generators

import (
	"slices"

	"retain/model"
)

// allow enables what the target situation needs: an object of its kind, and the settings of
// its moment.
func (use *swarm) allow(s Situation) {
	use.situation = s
	if s == (Situation{}) {
		return
	}
	use.allowKind(s.Kind())
	switch s.Moment {
	case Recovering:
		use.config.PushOn = true
	case FirstAfter:
		use.config.PushOn = false
	case Spanning:
		use.config.Unkeyed, use.config.PushOn = false, true
		use.config.Retry = use.config.Resolve != LeaveOpen
	}
}

// allowKind adds an object of a kind unless there is one.
func (use *swarm) allowKind(k model.Kind) {
	if !slices.ContainsFunc(use.objects, func(o model.Object) bool { return o.Kind == k }) {
		use.objects = append(use.objects, model.Object{Kind: k})
	}
}

// finishSituation ends the plan with its target situation: the operation, the fault, and
// a read of the object.
func (d *drawing) finishSituation() {
	s := d.use.situation
	if s == (Situation{}) {
		return
	}
	d.revive()
	var objects []model.Object
	for _, o := range d.use.objects {
		if o.Kind == s.Kind() {
			objects = append(objects, o)
		}
	}
	client, object := pick(d.t, "client", d.use.clients...), pick(d.t, "object", objects...)
	// A value that the fault can lose, or the operation can remove or read.
	d.operate(client, object, d.sureWrite(client, object))
	if o, _ := operationNamed(s.Operation); o.needs != nil {
		o.needs(d, client, object)
	}
	switch s.Moment {
	case Recovering, FirstAfter:
		d.inject(Inject{Fault: s.Fault, When: InPlace{}})
		d.revive()
		d.operateTarget(client, object)
	case Acknowledged:
		d.operateTarget(client, object)
		d.inject(Inject{Fault: s.Fault, When: InPlace{}})
	case BeforeEffect, AfterEffect:
		step := d.operateTarget(client, object)
		d.inject(Inject{Fault: s.Fault, When: AtGate{Step: step, After: s.Moment == AfterEffect}})
	case Spanning:
		step := d.operateTarget(client, object)
		// A stop that lets go of the operation would drain it.
		d.inject(Inject{Fault: s.Fault, When: AtGate{Step: step}, HoldThroughStop: s.Fault.Spec().Drains})
		if d.runtime == model.Down {
			d.start()
		}
		d.inject(Inject{Fault: d.use.exclude.End(), When: Starting{Milestone: Spawned}})
	}
	d.revive()
	d.operate(client, object, d.readOf(client, object, d.sureWrite(client, object)))
}

// revive brings the service and the server back, if a fault took them away.
func (d *drawing) revive() {
	if undo := d.service.Undo(); undo != "" {
		d.inject(Inject{Fault: undo, When: InPlace{}})
	}
	switch undo := d.runtime.Undo(); {
	case undo.Starts():
		d.start()
	case undo != "":
		d.inject(Inject{Fault: undo, When: InPlace{}})
	}
}

// operateTarget appends the target situation's operation and returns its step. Unless it
// is a read, it has an effect.
func (d *drawing) operateTarget(client int, object model.Object) int {
	d.operate(client, object, d.effective(d.use.situation, client, object))
	return len(d.steps)
}

// effective draws a situation's operation, with arguments that make it change the state
// if it can.
func (d *drawing) effective(s Situation, client int, object model.Object) model.Operation {
	o, known := operationNamed(s.Operation)
	if !known {
		panic("generators: no operation is called " + s.Operation) // it is one of Situations
	}
	return o.makeEffective(d, client, object)
}
