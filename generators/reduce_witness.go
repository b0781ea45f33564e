package generators

import (
	"cmp"
	"slices"

	"retain/model"
)

// LoadOperation is an operation of a load that a witness has, such as a checker's proof.
type LoadOperation struct {
	Object model.Object
	Op     model.Operation
	// Call and Return order the operations; Return is at [model.Forever] for one that was
	// open to the end.
	Call, Return int64
	// After is the fault step that began last before the call, 0 for none. Until is the
	// first that began while the operation was open, 0 for none.
	After, Until int
}

// LoadOperations are the operations of a load among some of a history, in the order of
// their calls, for [ReduceOptions.LoadHint].
func LoadOperations(operations []model.Invoked, faults []model.Fault) []LoadOperation {
	steps := slices.DeleteFunc(slices.Clone(faults), func(f model.Fault) bool { return f.Step == 0 })
	slices.SortFunc(steps, func(a, b model.Fault) int { return cmp.Compare(a.Begin.Seq, b.Begin.Seq) })
	var out []LoadOperation
	for _, o := range operations {
		if o.Phase != model.Load {
			continue
		}
		l := LoadOperation{Object: o.Object, Op: o.Op, Call: o.Call.Seq, Return: o.Return.Seq}
		for _, f := range steps {
			switch {
			case f.Begin.Seq < l.Call:
				l.After = f.Step
			case f.Begin.Seq < l.Return && l.Until == 0:
				l.Until = f.Step
			}
		}
		out = append(out, l)
	}
	slices.SortStableFunc(out, func(a, b LoadOperation) int { return cmp.Compare(a.Call, b.Call) })
	return out
}

// mostInProgram bounds the operations of a witness that becomes a program.
const mostInProgram = 60

// program is the plan without its load, with the operations of the witness as its
// program. Those that followed one another are one client's, so that they do again. A
// fault that one was open at waits for it.
func (p Plan) program(witness []LoadOperation) Plan {
	p = p.withLoad(Load{}).keeping(isFault)
	id := 0
	for _, s := range p.Steps {
		id = max(id, s.StepID())
	}
	var busy []int64 // by client, until when
	objects, taken := map[model.Object]model.Object{}, map[model.Kind]int{}
	after, until := map[int][]Step{}, map[int]int{}
	for _, l := range witness {
		client := slices.IndexFunc(busy, func(returned int64) bool { return returned < l.Call })
		if client < 0 {
			client, busy = len(busy), append(busy, 0)
		}
		busy[client] = l.Return
		if _, known := objects[l.Object]; !known {
			objects[l.Object] = model.Object{Kind: l.Object.Kind, N: taken[l.Object.Kind]}
			taken[l.Object.Kind]++
		}
		id++
		after[l.After] = append(after[l.After], Operate{ID: id, Client: client, Object: objects[l.Object], Op: l.Op})
		if until[l.Until] == 0 {
			until[l.Until] = id
		}
	}
	steps := after[0]
	for _, s := range p.Steps {
		f := s.(Inject)
		if f.When = (InPlace{}); until[f.ID] != 0 {
			f.When = WhileOpen{Step: until[f.ID]}
		}
		steps = append(append(steps, f), after[f.ID]...)
	}
	p.Steps = steps
	return p
}

// unrolled is the plan with the operations of its load as its program, as many before
// each fault that ends the server, and after the last fault, as the load has between
// faults. It reports whether they are few enough. A client of the load expects what it
// would see if the operations ran in their order.
func (p Plan) unrolled() (Plan, bool) {
	l, ends := p.Load, 1
	for _, s := range p.Steps {
		if f, is := s.(Inject); is && f.Fault.Ends() {
			ends++
		}
	}
	if l.Clients == 0 || l.Between == 0 || max(l.Between, l.Clients)*ends > mostInProgram {
		return p, false
	}
	clients, states, objects := make([]*LoadClient, l.Clients), map[model.Object]model.State{}, map[model.Object]model.Object{}
	for c := range clients {
		clients[c] = l.Client(c)
	}
	for i, o := range l.objects() {
		states[o], objects[o] = o.Kind.Initial(), model.Object{Kind: o.Kind, N: i}
	}
	out := p.withLoad(Load{}).keeping(isFault)
	faults, steps, id := out.Steps, []Step(nil), 0
	for _, f := range faults {
		id = max(id, f.StepID())
	}
	some := func() {
		for n := range max(l.Between, l.Clients) {
			c := n % l.Clients
			o, op := clients[c].Next()
			var answer model.Answer
			states[o], answer = op.Apply(states[o])
			clients[c].Saw(op, answer)
			id++
			steps = append(steps, Operate{ID: id, Client: c, Object: objects[o], Op: op})
		}
	}
	for _, s := range faults {
		if s.(Inject).Fault.Ends() {
			some()
		}
		steps = append(steps, s)
	}
	some()
	out.Steps = steps
	return out, true
}

// ofWitness is the plan with a load of the kinds of objects that the witness has, and with
// at least so many operations between faults: what fails by chance fails sooner under it.
func (p Plan) ofWitness(hint []int, witness []LoadOperation, between int) Plan {
	var kinds []model.Kind
	for _, l := range witness {
		kinds = append(kinds, l.Object.Kind)
	}
	for _, s := range p.Steps {
		if o, is := s.(Operate); is && slices.Contains(hint, o.ID) {
			kinds = append(kinds, o.Object.Kind)
		}
	}
	l := p.Load
	l.Operations, l.Between = nil, max(l.Between, between)
	for _, k := range model.Kinds() {
		if !slices.Contains(kinds, k) {
			continue
		}
		for _, o := range kindParts[k].operations {
			l.Operations = append(l.Operations, o.nameOf(k))
		}
	}
	return p.withLoad(l)
}
