package generators

import (
	"math/rand/v2"

	"retain/model"
)

var _ = registerKind(model.Map, kindPart{
	operations: []operation{
		{name: "set", weight: 6, draw: func(d *drawing, _ int, _ model.Object) model.Operation {
			return model.MapSet{Key: pick(d.t, "key", d.use.keys...), Value: d.value()}
		}, load: func(c *LoadClient, r *rand.Rand) model.Operation {
			return model.MapSet{Key: loadKey(r), Value: c.value()}
		}},
		{name: "clearAll", clears: true, joins: true, weight: 1, always: model.MapClearAll{}},
		{name: "get", reads: true, weight: 1, draw: func(d *drawing, _ int, _ model.Object) model.Operation {
			return model.MapGet{Key: pick(d.t, "key", d.use.keys...)}
		}, load: func(_ *LoadClient, r *rand.Rand) model.Operation {
			return model.MapGet{Key: loadKey(r)}
		}},
	},
	loadParts: getsOf(entryKeys),
})

// entryKeys are the keys of the map entries that plans use.
var entryKeys = []string{"a", "b", "c"}

// getsOf are reads of the entries with these keys.
func getsOf(keys []string) (out []model.Operation) {
	for _, k := range keys {
		out = append(out, model.MapGet{Key: k})
	}
	return out
}

func loadKey(r *rand.Rand) string { return entryKeys[r.IntN(len(entryKeys))] }
