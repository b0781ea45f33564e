package generators

import (
	"slices"

	"retain/model"
)

// aimAt makes a plan's surroundings those of its aim.
func (use *swarm) aimAt(s Situation) {
	use.aim = s
	if s == (Situation{}) {
		return
	}
	if !slices.ContainsFunc(use.objects, func(o model.Object) bool { return o.Kind == s.kind() }) {
		use.objects = append(use.objects, model.Object{Kind: s.kind()})
	}
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

// finishAim ends the plan with its aim: the operation, the fault, and a read of
// what is left.
func (d *drawing) finishAim() {
	s := d.use.aim
	if s == (Situation{}) {
		return
	}
	d.revive()
	var objects []model.Object
	for _, o := range d.use.objects {
		if o.Kind == s.kind() {
			objects = append(objects, o)
		}
	}
	client, object := pick(d.t, "client", d.use.clients...), pick(d.t, "object", objects...)
	// Something that can be lost, taken away or read.
	d.operate(client, object, writing[object.Kind][0].draw(d, client, object))
	switch s.Moment {
	case Recovering, FirstAfter:
		d.inject(Inject{Fault: s.Fault, When: InPlace{}})
		d.revive()
		d.named(client, object)
	case Acknowledged:
		d.named(client, object)
		d.inject(Inject{Fault: s.Fault, When: InPlace{}})
	case BeforeEffect, AfterEffect:
		step := d.named(client, object)
		d.inject(Inject{Fault: s.Fault, When: AtGate{Step: step, After: s.Moment == AfterEffect}})
	case Spanning:
		step := d.named(client, object)
		// A stop that lets go of the operation would drain it.
		d.inject(Inject{Fault: s.Fault, When: AtGate{Step: step}, HoldThroughStop: s.Fault == Stop})
		if d.runtime == down {
			d.start()
		}
		d.inject(Inject{Fault: Kill, When: Starting{Milestone: Spawned}})
	}
	d.revive()
	d.operate(client, object, lookAt(writing[object.Kind][0].draw(d, client, object)))
}

// revive starts or thaws the runtime if it is down or frozen.
func (d *drawing) revive() {
	switch d.runtime {
	case down:
		d.start()
	case frozen:
		d.inject(Inject{Fault: Resume, When: InPlace{}})
	}
}

// named appends the operation that the plan aims at, so that it has an effect if
// it ever has one, and gives its step.
func (d *drawing) named(client int, object model.Object) int {
	d.operate(client, object, d.operationNamed(client, object))
	return len(d.steps)
}

func (d *drawing) operationNamed(client int, object model.Object) model.Operation {
	if state, is := d.states[object].(model.RegisterState); is && d.use.aim.Operation == "register compareAndSet" {
		return model.RegisterCompareAndSet{Expect: string(state), Value: d.value()}
	}
	known := names[object.Kind]
	for i, o := range slices.Concat(writing[object.Kind], reading[object.Kind]) {
		if string(object.Kind)+" "+slices.Concat(known.writing, known.reading)[i] == d.use.aim.Operation {
			return o.draw(d, client, object)
		}
	}
	panic("generators: no operation is called " + d.use.aim.Operation) // the aim is one of Situations
}
