package harnesstest

import (
	"retain/generators"
	"retain/model"
)

// Operate is an operation step.
func Operate(id, client int, o model.Object, op model.Operation) generators.Step {
	return generators.Operate{ID: id, Client: client, Object: o, Op: op}
}

// Inject is a fault step.
func Inject(id int, fault model.FaultKind, when generators.Trigger) generators.Step {
	return generators.Inject{ID: id, Fault: fault, When: when}
}

// Map is a map.
var Map = model.Object{Kind: model.Map}

// ClearedAtAKill is a clearAll that a kill interrupts.
var ClearedAtAKill = []generators.Step{
	Operate(1, 0, Map, model.MapSet{Key: "a", Value: "v1"}),
	Operate(2, 1, Map, model.MapClearAll{}),
	Inject(3, model.Kill, generators.AtGate{Step: 2}),
	Inject(4, model.Start, generators.InPlace{}),
	Operate(5, 0, Map, model.MapGet{Key: "a"}),
}
