package generators

import (
	"strconv"

	"retain/model"
)

// operation is one way to draw an operation of a kind of object.
type operation struct {
	weight int
	clears bool // it takes away what others wrote
	draw   func(d *drawing, client int, object model.Object) model.Operation
}

// writing lists the operations with an effect, the simplest first. Those that
// clear are few: what they take away can't be missed any more.
var writing = map[model.Kind][]operation{
	model.Counter: {
		{5, false, func(*drawing, int, model.Object) model.Operation { return model.CounterAdd{Delta: 1} }},
		{1, false, func(*drawing, int, model.Object) model.Operation { return model.CounterAddThenFail{Delta: 1} }},
		{1, true, func(*drawing, int, model.Object) model.Operation { return model.CounterReset{} }},
	},
	model.Register: {
		{3, false, func(d *drawing, _ int, _ model.Object) model.Operation { return model.RegisterWrite{Value: d.value()} }},
		{3, false, (*drawing).compareAndSet},
		{1, true, func(*drawing, int, model.Object) model.Operation { return model.RegisterClear{} }},
	},
	model.List: {
		{6, false, func(d *drawing, _ int, _ model.Object) model.Operation { return model.ListAppend{Value: d.value()} }},
		{1, true, func(*drawing, int, model.Object) model.Operation { return model.ListClear{} }},
	},
	model.Map: {
		{6, false, func(d *drawing, _ int, _ model.Object) model.Operation {
			return model.MapSet{Key: pick(d.t, "key", d.use.keys...), Value: d.value()}
		}},
		{1, true, func(*drawing, int, model.Object) model.Operation { return model.MapClearAll{} }},
	},
}

// reading lists the operations without an effect, the shared one first.
var reading = map[model.Kind][]operation{
	model.Counter: {
		{3, false, func(*drawing, int, model.Object) model.Operation { return model.CounterGet{} }},
		{1, false, func(*drawing, int, model.Object) model.Operation { return model.CounterAdd{} }},
	},
	model.Register: {
		{1, false, func(*drawing, int, model.Object) model.Operation { return model.RegisterRead{} }},
		{1, false, func(*drawing, int, model.Object) model.Operation { return model.RegisterRead{Exclusive: true} }},
	},
	model.List: {
		{1, false, func(*drawing, int, model.Object) model.Operation { return model.ListGet{} }},
	},
	model.Map: {
		{1, false, func(d *drawing, _ int, _ model.Object) model.Operation {
			return model.MapGet{Key: pick(d.t, "key", d.use.keys...)}
		}},
	},
}

// value is what the next step writes: no other step of the plan writes it.
func (d *drawing) value() string { return "v" + strconv.Itoa(d.nextID()) }

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

// lookAt is the read that shows what an operation changed, through a shared
// handler where there is one.
func lookAt(op model.Operation) model.Operation {
	switch op := op.(type) {
	case model.MapSet:
		return model.MapGet{Key: op.Key}
	case model.MapClearAll:
		return model.MapGet{Key: "a"}
	}
	switch op.Kind() {
	case model.Counter:
		return model.CounterGet{}
	case model.List:
		return model.ListGet{}
	default:
		return model.RegisterRead{}
	}
}

// writtenBy is the value that an operation of a register may leave there.
func writtenBy(op model.Operation) (value string, writes bool) {
	switch op := op.(type) {
	case model.RegisterWrite:
		return op.Value, true
	case model.RegisterCompareAndSet:
		return op.Value, true
	}
	return "", false
}
