package model_test

import (
	"pgregory.net/rapid"

	"retain/model"
)

// text draws strings of every sort that are valid UTF-8, from one character on.
var text = rapid.StringN(1, 12, -1)

var delta = rapid.Int64Range(0, 1<<53)

// ways are those to draw an operation of each kind. A new kind's stand in
// kind_NAME_test.go and register there.
var ways = map[model.Kind]func(t *rapid.T) []func() model.Operation{}

func registerWays(k model.Kind, of func(t *rapid.T) []func() model.Operation) model.Kind {
	ways[k] = of
	return k
}

var _ = registerWays(model.Counter, func(t *rapid.T) []func() model.Operation {
	return []func() model.Operation{
		func() model.Operation { return model.CounterAdd{Delta: delta.Draw(t, "delta")} },
		func() model.Operation { return model.CounterAddThenFail{Delta: delta.Draw(t, "delta")} },
		func() model.Operation { return model.CounterGet{} },
		func() model.Operation { return model.CounterReset{} },
	}
})

var _ = registerWays(model.Register, func(t *rapid.T) []func() model.Operation {
	return []func() model.Operation{
		func() model.Operation { return model.RegisterRead{Exclusive: rapid.Bool().Draw(t, "exclusive")} },
		func() model.Operation { return model.RegisterWrite{Value: text.Draw(t, "text")} },
		func() model.Operation {
			return model.RegisterCompareAndSet{Expect: rapid.StringN(0, 3, -1).Draw(t, "expect"), Value: text.Draw(t, "text")}
		},
		func() model.Operation { return model.RegisterClear{} },
	}
})

var _ = registerWays(model.List, func(t *rapid.T) []func() model.Operation {
	return []func() model.Operation{
		func() model.Operation { return model.ListAppend{Value: text.Draw(t, "text")} },
		func() model.Operation { return model.ListGet{} },
		func() model.Operation { return model.ListClear{} },
	}
})

var _ = registerWays(model.Map, func(t *rapid.T) []func() model.Operation {
	return []func() model.Operation{
		func() model.Operation { return model.MapSet{Key: text.Draw(t, "text"), Value: text.Draw(t, "text")} },
		func() model.Operation { return model.MapGet{Key: text.Draw(t, "text")} },
		func() model.Operation { return model.MapClearAll{} },
	}
})

// operations draws operations of one kind.
func operations(k model.Kind) *rapid.Generator[model.Operation] {
	return rapid.Custom(func(t *rapid.T) model.Operation {
		if ways[k] == nil {
			t.Fatalf("the tests draw no operation of a %s: add model/kind_%s_test.go", k, k)
		}
		return rapid.SampledFrom(ways[k](t)).Draw(t, "way")()
	})
}

var kind = rapid.SampledFrom(model.Kinds())

var object = rapid.Custom(func(t *rapid.T) model.Object {
	return model.Object{Kind: kind.Draw(t, "kind"), N: rapid.IntRange(0, 1000).Draw(t, "n")}
})

// answers draws answers of every type, as reading them gives them.
var answers = rapid.Custom(func(t *rapid.T) model.Answer {
	s := rapid.String()
	number := rapid.Int64()
	return rapid.SampledFrom([]func() model.Answer{
		func() model.Answer { return model.Done{} },
		func() model.Answer { return model.Integer(number.Draw(t, "n")) },
		func() model.Answer { return model.Change{Old: number.Draw(t, "old"), New: number.Draw(t, "new")} },
		func() model.Answer { return model.Text(s.Draw(t, "text")) },
		func() model.Answer {
			return append(model.Texts{}, rapid.SliceOfN(s, 0, 5).Draw(t, "texts")...)
		},
		func() model.Answer { return entries(rapid.MapOfN(s, s, 0, 5).Draw(t, "entries")) },
		func() model.Answer {
			return model.Failure{Code: rapid.IntRange(0, 599).Draw(t, "code"), Message: s.Draw(t, "message")}
		},
		func() model.Answer {
			return model.Receipt{Number: rapid.Int64Range(1, 1<<53).Draw(t, "number"), Value: text.Draw(t, "value")}.Failure()
		},
		func() model.Answer {
			return model.Receipt{Number: rapid.Int64Range(1, 1<<53).Draw(t, "number"), Value: text.Draw(t, "value")}
		},
		func() model.Answer { return model.Unknown{} },
		func() model.Answer { return model.Unfinished{} },
		func() model.Answer {
			return model.Garbled(rapid.SliceOfN(rapid.Byte(), 0, 12).Draw(t, "body"))
		},
	}).Draw(t, "answer")()
})

// entries are those that clearing a map of them answers.
func entries(m map[string]string) model.Entries {
	state := model.Map.Initial()
	for k, v := range m {
		state, _ = model.MapSet{Key: k, Value: v}.Apply(state)
	}
	_, answer := model.MapClearAll{}.Apply(state)
	return answer.(model.Entries)
}

// run applies operations one after the other and gives every state on the way.
func run(k model.Kind, ops []model.Operation) []model.State {
	states := []model.State{k.Initial()}
	for _, op := range ops {
		next, _ := op.Apply(states[len(states)-1])
		states = append(states, next)
	}
	return states
}
