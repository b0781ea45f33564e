package simulated

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/model"
	"retain/runtime"
)

// storeOf is the store of a runtime that serves nothing, so that what it does
// follows from the calls of a test alone.
func storeOf(bugs ...Bug) *store {
	r := New(Options{Bugs: bugs, Rate: 1, Settings: runtime.Settings{Partitions: 1}})
	return r.store
}

func beginOn(s *store) *incarnation {
	i := &incarnation{store: s, ready: []chan struct{}{make(chan struct{})}}
	s.begin(i)
	return i
}

func add(s *store, i *incarnation, key string) *invocation {
	h, _ := find("Counter", "add")
	inv, _ := s.accept(i, &request{handler: h, objectKey: "c", key: key, op: model.CounterAdd{Delta: 1}})
	return inv
}

// Its goroutines may still run, but the store keeps what was durable at the kill.
func TestEndedIncarnationLeavesTheStoreAlone(t *testing.T) {
	s := storeOf()
	i := beginOn(s)
	inv := add(s, i, "k")
	require.NotNil(t, inv)
	s.end(i, true)
	for _, next := range []func(){func() {}, func() { beginOn(s) }} {
		next() // between two incarnations, and in the next
		assert.Nil(t, add(s, i, "other"))
		_, ok := s.apply(i, inv)
		assert.False(t, ok)
		assert.False(t, s.finish(i, inv))
		assert.False(t, s.send(i, inv))
		assert.Nil(t, s.next(i, inv.object))
		s.resume(i, 0)
		s.end(i, true)
		assert.False(t, inv.applied || inv.sent || inv.crashed)
		assert.Equal(t, model.CounterState(0), inv.object.state)
		assert.Equal(t, []*invocation{inv}, inv.object.open)
		assert.Len(t, s.byID, 1)
	}
}

// A client may kill the server as soon as it has its answer. The write is then as lost
// as any other.
func TestAnswerCountsAsAcknowledgedWhenSent(t *testing.T) {
	for _, noted := range []bool{true, false} {
		s := storeOf(LostWrite)
		i := beginOn(s)
		inv := add(s, i, "k")
		_, ok := s.apply(i, inv)
		require.True(t, ok && s.finish(i, inv) && s.send(i, inv))
		s.end(i, true)
		if noted {
			s.acknowledge(inv)
		}
		s.ended(true)
		assert.Equal(t, noted, inv.object.state == model.CounterState(0))
	}
}

// The last incarnation did not call the object.
func TestStuckKeySparesObjectsWithoutACall(t *testing.T) {
	s := storeOf()
	i := beginOn(s)
	inv := add(s, i, "")
	_, ok := s.apply(i, inv)
	require.True(t, ok)
	require.True(t, s.finish(i, inv))
	s.end(i, true)
	s.end(beginOn(s), true)
	s.bugs.on[StuckKey] = true // from now on
	s.end(beginOn(s), true)
	assert.False(t, inv.object.stuck)
	add(s, beginOn(s), "")
	s.end(s.current, true)
	beginOn(s)
	assert.True(t, inv.object.stuck)
}

func TestZeroTimingsTakeTheirDefault(t *testing.T) {
	got := Timings{Port: time.Second, Latency: -1}.orDefault()
	want := defaultTimings
	want.Port, want.Latency = time.Second, 0
	assert.Equal(t, want, got)
}

func TestRandomIsUniformAndDiffersBySite(t *testing.T) {
	low, seen := 0, map[float64]bool{}
	for i := range uint64(10_000) {
		draw := random(1).of("bug", i)
		require.GreaterOrEqual(t, draw, 0.0)
		require.Less(t, draw, 1.0)
		if draw < 0.2 {
			low++
		}
		seen[draw] = true
	}
	assert.InDelta(t, 2000, low, 150)
	assert.Len(t, seen, 10_000)
	assert.NotEqual(t, random(1).of("bug", 1), random(2).of("bug", 1))
	assert.NotEqual(t, random(1).of("bug", 1), random(1).of("bag", 1))
}
