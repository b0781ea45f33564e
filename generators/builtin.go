package generators

import "retain/model"

// StartAndStop is the case that the suite grew from: one client adds 1 to a
// counter, the runtime is stopped or killed and started again, the client adds 2
// and reads. The read answers 3.
//
// One client waits for each answer, so that the additions need not be of 1.
func StartAndStop(fault model.FaultKind) Plan {
	counter := model.Object{Kind: model.Counter}
	return Plan{Steps: []Step{
		Operate{ID: 1, Object: counter, Op: model.CounterAdd{Delta: 1}},
		Inject{ID: 2, Fault: fault, When: InPlace{}},
		Inject{ID: 3, Fault: model.Start, When: InPlace{}},
		Operate{ID: 4, Object: counter, Op: model.CounterAdd{Delta: 2}},
		Operate{ID: 5, Object: counter, Op: model.CounterGet{}},
	}}
}
