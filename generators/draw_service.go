package generators

import (
	"math/rand/v2"
	"slices"

	"retain/model"
)

// serviceStream tells the random stream of service faults from others of a seed: all else of
// a seed's plans is the same with them and without.
const serviceStream = 0x7376

// ServiceFaults is the share of the plans that have faults of the service, unless a user
// says another one.
const ServiceFaults = 0.35

const (
	// twice is the share of the plans with a fault of the service that have two.
	twice = 0.25
	// longestAway is how many operations stand between a fault of the service and its undo,
	// at most.
	longestAway = 3
)

// disturbing is the plan with one or two faults of the service: each follows an operation
// of the program, and strikes it in flight, at a gate, or at its place in the list;
// in a plan with a load, also a share of that. They come while the server is ready.
func (p Plan) disturbing(kinds []model.FaultKind, r *rand.Rand) Plan {
	if len(kinds) == 0 {
		return p
	}
	faults := 1
	if r.Float64() < twice {
		faults = 2
	}
	for range faults {
		places := p.placesForServiceFaults()
		if len(places) == 0 {
			break
		}
		p = p.withServiceFault(places[r.IntN(len(places))], kinds[r.IntN(len(kinds))], r)
	}
	return p
}

// placesForServiceFaults are the indices of operations behind which server and service are
// ready, and which no fault waits for yet.
func (p Plan) placesForServiceFaults() (out []int) {
	named := map[int]bool{}
	for _, s := range p.Steps {
		f, _ := s.(Inject)
		switch t := f.When.(type) {
		case WhileOpen:
			named[t.Step] = true
		case AtGate:
			named[t.Step] = true
		}
	}
	server, service := model.Ready, model.Ready
	for i, s := range p.Steps {
		f, is := s.(Inject)
		switch {
		case !is:
			if server == model.Ready && service == model.Ready && !named[s.StepID()] {
				out = append(out, i)
			}
		case f.Fault.OfService():
			service = f.Fault.Spec().To
		case f.Fault.Applies(server):
			server = f.Fault.Spec().To
		}
	}
	return out
}

// withServiceFault is the plan with a fault behind the operation at an index, and its undo a
// few steps later.
func (p Plan) withServiceFault(at int, kind model.FaultKind, r *rand.Rand) Plan {
	id := 0
	for _, s := range p.Steps {
		id = max(id, s.StepID())
	}
	f := Inject{ID: id + 1, Fault: kind, When: p.serviceTrigger(p.Steps[at].(Operate), r)}
	steps := slices.Insert(slices.Clone(p.Steps), at+1, Step(f))
	if undo := kind.Spec().Undo; undo != "" {
		end := min(at+2+r.IntN(longestAway+1), len(steps))
		// A fault of the server may come while the service is away; one more of the service
		// does nothing then.
		if next := slices.IndexFunc(steps[at+2:end], isFault); next >= 0 {
			end = at + 2 + next
			if !steps[end].(Inject).Fault.OfService() {
				end += r.IntN(2)
			}
		}
		steps = slices.Insert(steps, end, Step(Inject{ID: id + 2, Fault: undo, When: InPlace{}}))
	}
	p.Steps = steps
	return p
}

// serviceTrigger is when a fault of the service comes that follows an operation.
func (p Plan) serviceTrigger(o Operate, r *rand.Rand) Trigger {
	triggers := []Trigger{InPlace{}, WhileOpen{Step: o.ID}, WhileOpen{Step: o.ID}, AtGate{Step: o.ID}, AtGate{Step: o.ID}}
	if !o.Op.ReadOnly() {
		triggers = append(triggers, AtGate{Step: o.ID, After: true}, AtGate{Step: o.ID, After: true}, AtGate{Step: o.ID, After: true})
	}
	if p.Load.Clients > 0 {
		load := InFlight{Operations: 1 + r.IntN(p.Load.Clients)}
		triggers = append(triggers, load, load)
	}
	return triggers[r.IntN(len(triggers))]
}
