package generators

import "retain/model"

// FaultPoint is a fault that ends the server while an operation is held at a gate, and
// the side of the operation's effect on which the gate stands. A session needs at least
// one operation at each.
type FaultPoint struct {
	Fault model.FaultKind
	After bool
}

// FaultPoints lists the fault points of the faults that end the server.
func FaultPoints() []FaultPoint { return Exclusions(nil).FaultPoints() }

func faultPointsOf(strikes []model.FaultKind) []FaultPoint {
	var out []FaultPoint
	for _, k := range strikes {
		out = append(out, FaultPoint{Fault: k}, FaultPoint{Fault: k, After: true})
	}
	return out
}

// String prints "before stop" or "after kill".
func (p FaultPoint) String() string {
	if p.After {
		return "after " + string(p.Fault)
	}
	return "before " + string(p.Fault)
}

// FaultPoints lists the fault points of the plan, in the order of its faults: a fault that
// ends the server, with a gate on an operation of an earlier step.
func (p Plan) FaultPoints() []FaultPoint {
	var out []FaultPoint
	before := map[int]bool{}
	for _, s := range p.Steps {
		switch s := s.(type) {
		case Operate:
			before[s.ID] = true
		case Inject:
			gate, gated := s.When.(AtGate)
			if gated && before[gate.Step] && s.Fault.Ends() {
				out = append(out, FaultPoint{Fault: s.Fault, After: gate.After})
			}
		}
	}
	return out
}
