package generators

import "retain/model"

var _ = registerKind(model.Counter, kindPart{
	operations: []operation{
		{name: "add", weight: 5, always: model.CounterAdd{Delta: 1}},
		{name: "addThenFail", weight: 1, always: model.CounterAddThenFail{Delta: 1}},
		{name: "reset", clears: true, joins: true, weight: 1, always: model.CounterReset{}},
		{name: "get", reads: true, weight: 3, always: model.CounterGet{}},
		{name: addNothing, reads: true, weight: 1, always: model.CounterAdd{}},
	},
	name: func(op model.Operation) string {
		name := op.Handler()
		if name == "add" && op.ReadOnly() {
			return addNothing
		}
		return name
	},
})

// addNothing is the addition that is a counter's exclusive read.
const addNothing = "add(0)"
