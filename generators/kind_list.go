package generators

import (
	"math/rand/v2"

	"retain/model"
)

var _ = registerKind(model.List, kindPart{
	operations: []operation{
		{name: "append", grows: true, weight: 6, draw: func(d *drawing, _ int, _ model.Object) model.Operation {
			return model.ListAppend{Value: d.value()}
		}, load: func(c *LoadClient, _ *rand.Rand) model.Operation {
			return model.ListAppend{Value: c.value()}
		}},
		{name: "clear", clears: true, weight: 1, always: model.ListClear{}},
		{name: "get", reads: true, weight: 1, always: model.ListGet{}},
	},
})
