package generators

import (
	"slices"

	"retain/model"
)

// faultsBeforeTargets are bounds on the stops and kills of a plan before those of its
// targets: a session has about as many plans as without targets.
var faultsBeforeTargets = []int{1, 1, 2, maxFaults}

// finishTargets ends the plan with its targets: operations that are acknowledged, one in
// flight, the fault that meets all of them, and a read of each object. What is
// acknowledged before a kill and has no other one to meet comes last: the closing kill is
// its fault.
func (d *drawing) finishTargets() {
	if len(d.use.targets) == 0 {
		return
	}
	d.revive()
	left := slices.Clone(d.use.targets)
	acknowledged := func(fault model.FaultKind) (out []Situation) {
		left = slices.DeleteFunc(left, func(s Situation) bool {
			meets := s.Moment == Acknowledged && s.Fault == fault
			if meets {
				out = append(out, s)
			}
			return meets
		})
		return out
	}
	for _, s := range d.use.targets {
		if s.Moment != Acknowledged {
			d.finishWith(acknowledged(s.Fault), &s, s.Fault)
		}
	}
	for _, s := range d.use.targets {
		if s.Moment == Acknowledged && s.Fault != model.Kill {
			d.finishWith(acknowledged(s.Fault), nil, s.Fault)
		}
	}
	d.finishWith(acknowledged(model.Kill), nil, model.Kill)
}

// finishWith appends operations and the fault that meets them: those that are
// acknowledged, and one that stands at a gate, nil for none. Each has an object of its
// own, so that none hides another's loss.
func (d *drawing) finishWith(acknowledged []Situation, held *Situation, fault model.FaultKind) {
	if len(acknowledged) == 0 && held == nil {
		return
	}
	taken := map[model.Object]bool{}
	var reads []func()
	operate := func(s Situation) (step int) {
		object := d.objectBeside(s.Kind(), taken)
		client := d.use.clients[len(taken)%len(d.use.clients)]
		taken[object] = true
		if o, _ := operationNamed(s.Operation); o.clears && d.states[object].Equal(object.Kind.Initial()) {
			d.operate(client, object, d.sureWrite(client, object))
		}
		op := d.effective(s, client, object)
		d.operate(client, object, op)
		reads = append(reads, func() { d.operate(client, object, d.readOf(client, object, op)) })
		return len(d.steps)
	}
	for _, s := range acknowledged {
		operate(s)
	}
	switch {
	case held != nil:
		d.inject(Inject{Fault: fault, When: AtGate{Step: operate(*held), After: held.Moment == AfterEffect}})
	case fault == model.Kill && !d.use.config.NoClosingKill:
		return // the closing kill, and the last reads
	default:
		d.inject(Inject{Fault: fault, When: InPlace{}})
	}
	d.revive()
	d.recover()
	for _, read := range reads {
		read()
	}
}

// objectBeside is the plan's first object of a kind that is not taken, a new one if all
// are.
func (d *drawing) objectBeside(k model.Kind, taken map[model.Object]bool) model.Object {
	for n := 0; ; n++ {
		o := model.Object{Kind: k, N: n}
		if taken[o] {
			continue
		}
		if d.states[o] == nil {
			d.states[o] = k.Initial()
		}
		return o
	}
}
