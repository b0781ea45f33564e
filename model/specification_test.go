package model_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"retain/model"
)

// The specification of every object, as scripts: operation => answer, state.
func TestSpecificationsAnswerTheirScripts(t *testing.T) {
	for _, script := range []struct {
		kind  model.Kind
		steps [][3]string
	}{
		{model.Counter, [][3]string{
			{"get()", "0", "0"},
			{"add(2)", "0->2", "2"},
			{"add(0)", "2->2", "2"},
			{"addThenFail(3)", "error(500)", "5"}, // the addition stays
			{"get()", "5", "5"},
			{"add(9007199254740992)", "5->9007199254740997", "9007199254740997"},
			{"reset()", "ok", "0"},
			{"get()", "0", "0"},
			{"add(1)", "0->1", "1"},
		}},
		{model.Register, [][3]string{
			{"read()", `""`, `""`},
			{`compareAndSet("x","a")`, `""`, `""`}, // it answers what it saw, and did nothing
			{`compareAndSet("","a")`, `""`, `"a"`},
			{"read()", `"a"`, `"a"`},
			{"readExclusive()", `"a"`, `"a"`},
			{`compareAndSet("","b")`, `"a"`, `"a"`},
			{`compareAndSet("a","a")`, `"a"`, `"a"`},
			{`write("c")`, "ok", `"c"`},
			{"clear()", "ok", `""`},
			{"clear()", "ok", `""`},
			{`compareAndSet("","d")`, `""`, `"d"`},
		}},
		{model.List, [][3]string{
			{"get()", "[]", "[]"},
			{"clear()", "[]", "[]"},
			{`append("b")`, "ok", `["b"]`},
			{`append("a")`, "ok", `["b","a"]`},
			{`append("b")`, "ok", `["b","a","b"]`},
			{"get()", `["b","a","b"]`, `["b","a","b"]`},
			{"clear()", `["b","a","b"]`, "[]"},
			{`append("c")`, "ok", `["c"]`},
		}},
		{model.Map, [][3]string{
			{`get("a")`, `""`, "{}"},
			{"clearAll()", "{}", "{}"},
			{`set("b","1")`, "ok", `{"b":"1"}`},
			{`set("a","2")`, "ok", `{"a":"2","b":"1"}`},
			{`set("b","3")`, "ok", `{"a":"2","b":"3"}`},
			{`get("b")`, `"3"`, `{"a":"2","b":"3"}`},
			{`get("c")`, `""`, `{"a":"2","b":"3"}`},
			{"clearAll()", `{"a":"2","b":"3"}`, "{}"},
			{`get("a")`, `""`, "{}"},
		}},
	} {
		t.Run(string(script.kind), func(t *testing.T) {
			state := script.kind.Initial()
			for i, step := range script.steps {
				op, err := model.ParseOperation(script.kind, step[0])
				require.NoError(t, err)
				want, err := model.ParseAnswer(step[1])
				require.NoError(t, err)

				var answer model.Answer
				state, answer = op.Apply(state)
				assert.True(t, answer.Equal(want), "%d: %s answers %s, not %s", i, op, answer, want)
				assert.Equal(t, step[2], state.String(), "%d: after %s", i, op)
			}
		})
	}
}

func TestReadOnlyOperationsChangeNothing(t *testing.T) {
	for _, k := range model.Kinds() {
		t.Run(string(k), rapid.MakeCheck(func(t *rapid.T) {
			ops := rapid.SliceOfN(operations(k), 0, 6).Draw(t, "operations")
			states := run(k, ops)
			for i, op := range ops {
				if op.ReadOnly() && !states[i].Equal(states[i+1]) {
					t.Fatalf("%s changes %s to %s", op, states[i], states[i+1])
				}
			}
		}))
	}
	for _, op := range []model.Operation{
		model.CounterAdd{Delta: 1}, model.CounterAddThenFail{Delta: 1}, model.CounterReset{},
		model.RegisterWrite{Value: "b"}, model.RegisterCompareAndSet{Expect: "a", Value: "b"}, model.RegisterClear{},
		model.ListAppend{Value: "b"}, model.ListClear{}, model.MapSet{Key: "b", Value: "b"}, model.MapClearAll{},
	} {
		before := run(op.Kind(), seeded[op.Kind()])[1]
		after, _ := op.Apply(before)
		assert.False(t, op.ReadOnly(), op)
		assert.False(t, before.Equal(after), op)
	}
	for _, op := range []model.Operation{
		model.CounterAdd{}, model.CounterGet{}, model.RegisterRead{}, model.RegisterRead{Exclusive: true}, model.ListGet{}, model.MapGet{Key: "a"},
	} {
		assert.True(t, op.ReadOnly(), op)
	}
}

// seeded gives each kind one operation that leaves something to change.
var seeded = map[model.Kind][]model.Operation{
	model.Counter:  {model.CounterAdd{Delta: 5}},
	model.Register: {model.RegisterWrite{Value: "a"}},
	model.List:     {model.ListAppend{Value: "a"}},
	model.Map:      {model.MapSet{Key: "a", Value: "a"}},
}

// A state does not change when operations are applied to it later; states of equal text
// are equal and have equal hashes, however they came about.
func TestStatesAreImmutableAndComparable(t *testing.T) {
	for _, k := range model.Kinds() {
		t.Run(string(k), rapid.MakeCheck(func(t *rapid.T) {
			draw := rapid.SliceOfN(operations(k), 0, 8)
			states := run(k, draw.Draw(t, "operations"))
			texts := make([]string, len(states))
			for i, s := range states {
				texts[i] = s.String()
			}
			for _, s := range states { // branch off everywhere
				for _, op := range draw.Draw(t, "more") {
					states = append(states, first(op.Apply(s)))
					texts = append(texts, states[len(states)-1].String())
				}
			}
			for i, a := range states {
				if a.String() != texts[i] {
					t.Fatalf("%s became %s", texts[i], a)
				}
				for j, b := range states {
					same := texts[i] == texts[j]
					if a.Equal(b) != same {
						t.Fatalf("%s equals %s: %v", a, b, a.Equal(b))
					}
					if same && a.Hash() != b.Hash() {
						t.Fatalf("%s has two hashes", a)
					}
				}
			}
		}))
	}
}

func first(s model.State, _ model.Answer) model.State { return s }

// Hashes tell the states that a check meets apart: a hash that did not would cost
// time, not verdicts.
func TestHashesOfDifferentStatesDiffer(t *testing.T) {
	hashes := map[model.Kind]map[uint64]bool{}
	states := map[model.Kind]model.State{}
	for _, k := range []model.Kind{model.Counter, model.Register, model.List, model.Map} {
		hashes[k], states[k] = map[uint64]bool{}, k.Initial()
	}
	for i := range 500 {
		v := fmt.Sprint(i)
		for _, op := range []model.Operation{
			model.CounterAdd{Delta: 1}, model.RegisterWrite{Value: v}, model.ListAppend{Value: v}, model.MapSet{Key: v, Value: "x"},
		} {
			k := op.Kind()
			states[k], _ = op.Apply(states[k])
			hashes[k][states[k].Hash()] = true
		}
	}
	for k, different := range hashes {
		assert.Equal(t, 500, len(different), k)
	}
	ab := run(model.Map, []model.Operation{model.MapSet{Key: "a", Value: "b"}, model.MapSet{Key: "b", Value: "a"}})[2]
	aa := run(model.Map, []model.Operation{model.MapSet{Key: "a", Value: "a"}, model.MapSet{Key: "b", Value: "b"}})[2]
	assert.NotEqual(t, ab.Hash(), aa.Hash())
}

func TestListsShareTheirElements(t *testing.T) {
	var s model.State = model.ListState{}
	for range 50_000 {
		s, _ = model.ListAppend{Value: "v"}.Apply(s)
	}
	list := s.(model.ListState)
	assert.Equal(t, 50_000, list.Len())
	assert.Equal(t, "v", list.Last())
	assert.Empty(t, model.ListState{}.Last())
	more, _ := model.ListAppend{Value: "w"}.Apply(s)
	assert.Less(t, testing.AllocsPerRun(10, func() { _ = first(model.ListAppend{Value: "w"}.Apply(s)).Equal(more) }), 4.0)
}
