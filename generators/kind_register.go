package generators

import (
	"math/rand/v2"

	"retain/model"
)

var _ = registerKind(model.Register, kindPart{
	operations: []operation{
		{name: "write", weight: 3, draw: func(d *drawing, _ int, _ model.Object) model.Operation {
			return model.RegisterWrite{Value: d.value()}
		}, load: func(c *LoadClient, _ *rand.Rand) model.Operation {
			return model.RegisterWrite{Value: c.value()}
		}},
		{name: "compareAndSet", weight: 3, draw: (*drawing).compareAndSet, effective: (*drawing).succeedingSwap,
			load: func(c *LoadClient, _ *rand.Rand) model.Operation {
				return model.RegisterCompareAndSet{Expect: c.seen, Value: c.value()}
			}},
		{name: "clear", clears: true, weight: 1, always: model.RegisterClear{}},
		{name: "read", reads: true, weight: 1, always: model.RegisterRead{}},
		{name: "readExclusive", reads: true, weight: 1, always: model.RegisterRead{Exclusive: true}},
	},
	drawn: func(d *drawing, o Operate, next model.State) {
		switch op := o.Op.(type) {
		case model.RegisterWrite:
			d.written[o.Object] = append(d.written[o.Object], op.Value)
		case model.RegisterCompareAndSet:
			d.written[o.Object] = append(d.written[o.Object], op.Value)
		}
		d.seen[seat{o.Client, o.Object}] = string(next.(model.RegisterState))
	},
	saw: sawRegister,
})

// sawRegister notes what a client of a load saw of its register, or left there.
func sawRegister(c *LoadClient, op model.Operation, answer model.Answer) {
	seen, _ := answer.(model.Text)
	switch op := op.(type) {
	case model.RegisterWrite:
		c.seen = op.Value
	case model.RegisterCompareAndSet:
		if c.seen = string(seen); c.seen == op.Expect {
			c.seen = op.Value
		}
	default: // a clear is answered by nothing
		c.seen = string(seen)
	}
}

// compareAndSet expects what the register holds if every step so far ran in the
// order of the list, or what its client last saw there, or what any earlier step
// wrote: mostly it succeeds, also when clients overlap.
func (d *drawing) compareAndSet(client int, register model.Object) model.Operation {
	current := string(d.states[register].(model.RegisterState))
	written := append([]string{""}, d.written[register]...)
	expect := pick(d.t, "expect",
		func() string { return current },
		func() string { return current },
		func() string { return d.seen[seat{client, register}] },
		func() string { return pick(d.t, "earlier", written...) },
	)()
	return model.RegisterCompareAndSet{Expect: expect, Value: d.value()}
}

// succeedingSwap expects what the register holds if every step so far ran in the order
// of the list.
func (d *drawing) succeedingSwap(_ int, register model.Object) model.Operation {
	return model.RegisterCompareAndSet{Expect: string(d.states[register].(model.RegisterState)), Value: d.value()}
}
