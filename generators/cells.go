package generators

// Cell is where a fault met an operation that stood at a gate: which fault, and
// on which side of the operation's effect.
type Cell struct {
	Fault FaultKind // [Stop] or [Kill]
	After bool
}

// Cells lists the four cells.
func Cells() []Cell {
	return []Cell{
		{Fault: Stop}, {Fault: Stop, After: true},
		{Fault: Kill}, {Fault: Kill, After: true},
	}
}

// String prints "before stop" or "after kill".
func (c Cell) String() string {
	if c.After {
		return "after " + string(c.Fault)
	}
	return "before " + string(c.Fault)
}

// Cells lists the cells that the plan aims at, in the order of its faults: a stop
// or kill whose gate is on an operation that stands before it.
func (p Plan) Cells() []Cell {
	var out []Cell
	before := map[int]bool{}
	for _, s := range p.Steps {
		switch s := s.(type) {
		case Operate:
			before[s.ID] = true
		case Inject:
			gate, gated := s.When.(AtGate)
			if gated && before[gate.Step] && (s.Fault == Stop || s.Fault == Kill) {
				out = append(out, Cell{Fault: s.Fault, After: gate.After})
			}
		}
	}
	return out
}
