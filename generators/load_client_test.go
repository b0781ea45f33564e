package generators

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/model"
)

// someLoads are loads of every shape.
func someLoads() []Load {
	var out []Load
	for seed := range uint64(3) {
		for _, clients := range []int{1, 8, 64} {
			for _, objects := range []int{1, 2, 8, 64} {
				for _, reads := range []int{0, 20, 100} {
					if objects <= clients {
						out = append(out, Load{Clients: clients, Objects: objects, Seed: seed, Reads: reads})
					}
				}
			}
		}
	}
	for _, o := range Names() {
		out = append(out, Load{Clients: 8, Objects: 2, Operations: []string{o}})
	}
	return out
}

// runLoad lets the clients take turns on the model, n operations each.
func runLoad(l Load, n int, each func(client int, o model.Object, op model.Operation, state model.State)) {
	states := map[model.Object]model.State{}
	clients := make([]*LoadClient, l.Clients)
	for c := range clients {
		clients[c] = l.Client(c)
	}
	for range n {
		for c, client := range clients {
			o, op := client.Next()
			if states[o] == nil {
				states[o] = o.Kind.Initial()
			}
			next, answer := op.Apply(states[o])
			states[o] = next
			client.Saw(op, answer)
			each(c, o, op, next)
		}
	}
}

func TestLoadOperationsFollowFromSeedClientNumberAndWhatWasSeen(t *testing.T) {
	for _, l := range someLoads() {
		var first, second []model.Operation
		runLoad(l, 20, func(_ int, _ model.Object, op model.Operation, _ model.State) { first = append(first, op) })
		runLoad(l, 20, func(_ int, _ model.Object, op model.Operation, _ model.State) { second = append(second, op) })
		require.Equal(t, first, second)
	}
	l := Load{Clients: 4, Objects: 4, Seed: 7, Operations: []string{"register write", "register compareAndSet", "register read"}}
	blind, seeing := l.Client(1), l.Client(1)
	swaps := 0
	seeing.Saw(model.RegisterRead{}, model.Text("there"))
	for range 200 {
		_, want := blind.Next()
		blind.Saw(want, nil)
		_, got := seeing.Next()
		if swap, is := got.(model.RegisterCompareAndSet); is {
			swaps++
			require.Equal(t, "there", swap.Expect)
			swap.Expect = ""
			got = swap
		}
		require.Equal(t, want, got, "but for what it expects")
		seeing.Saw(model.RegisterRead{}, model.Text("there"))
	}
	require.NotZero(t, swaps)
}

func TestLoadValuesAreDistinctAndObjectsAreItsOwn(t *testing.T) {
	for _, l := range someLoads() {
		require.NoError(t, l.validate())
		values := map[string]bool{}
		objects := Plan{Load: l}.LoadObjects()
		require.Len(t, objects, l.Objects)
		used := map[model.Object]bool{}
		runLoad(l, fewer(50), func(_ int, o model.Object, op model.Operation, _ model.State) {
			require.Contains(t, objects, o)
			require.True(t, IsLoadObject(o))
			require.Equal(t, o.Kind, op.Kind())
			require.LessOrEqual(t, model.Addition(op), int64(1))
			used[o] = true
			for _, v := range valuesOf(op) {
				require.False(t, values[v], "%v writes a value again", op)
				values[v] = true
			}
		})
		require.Len(t, used, l.Objects)
	}
}

func valuesOf(op model.Operation) []string {
	switch op := op.(type) {
	case model.RegisterWrite:
		return []string{op.Value}
	case model.RegisterCompareAndSet:
		return []string{op.Value}
	case model.ListAppend:
		return []string{op.Value}
	case model.MapSet:
		return []string{op.Value}
	}
	return nil
}

func TestOneClientOfAnObjectClearsItAndAnswersStayShort(t *testing.T) {
	for _, l := range someLoads() {
		clears := map[model.Object]map[int]bool{}
		runLoad(l, fewer(200), func(c int, o model.Object, op model.Operation, state model.State) {
			if model.EffectOf(op) == model.Clears {
				if clears[o] == nil {
					clears[o] = map[int]bool{}
				}
				clears[o][c] = true
				if o.Kind == model.Counter || o.Kind == model.Map {
					require.LessOrEqual(t, l.Clients, l.Objects*4, "a reset or clearAll of many clients' object")
				}
			}
			if list, is := state.(model.ListState); is && l.Operations == nil {
				require.LessOrEqual(t, list.Len(), max(mostElements, l.Clients), "%+v", l)
			}
		})
		for o, by := range clears {
			assert.Len(t, by, 1, "%s of %+v", o, l)
		}
	}
}

func TestReadsOfALoadAreItsShare(t *testing.T) {
	for _, share := range []int{10, 50, 100} {
		reads, all := 0, 0
		l := Load{Clients: 8, Objects: 8, Seed: 3, Operations: []string{"counter add", "counter get", "map set", "map get"}, Reads: share}
		runLoad(l, 500, func(_ int, _ model.Object, op model.Operation, _ model.State) {
			if all++; op.ReadOnly() {
				reads++
			}
		})
		assert.InDelta(t, float64(share)/100, float64(reads)/float64(all), 0.03)
	}
}

func TestLoadNamesThePartsOfItsObjects(t *testing.T) {
	l := Load{Clients: 8, Objects: 8}
	for _, o := range (Plan{Load: l}).LoadObjects() {
		whole := o.Kind.Spec().WholeReads(l.OperationsOn(o))
		runLoad(l, 100, func(_ int, on model.Object, op model.Operation, _ model.State) {
			if set, is := op.(model.MapSet); is && on == o {
				require.Contains(t, whole, model.Operation(model.MapGet{Key: set.Key}))
			}
		})
		assert.Equal(t, o.Kind == model.Map, len(l.OperationsOn(o)) > 0)
	}
	assert.Nil(t, l.OperationsOn(model.Object{Kind: model.Map}))
	assert.Nil(t, Load{}.OperationsOn(model.Object{Kind: model.Map, N: FirstLoadObject}))
}
