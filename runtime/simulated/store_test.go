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

func lifeOf(s *store) *life {
	l := &life{store: s, ready: []chan struct{}{make(chan struct{})}}
	s.begin(l)
	return l
}

func add(s *store, l *life, key string) *invocation {
	h, _ := find("Counter", "add")
	inv, _ := s.accept(l, &request{handler: h, objectKey: "c", key: key, op: model.CounterAdd{Delta: 1}})
	return inv
}

// TestNothingOfALifeChangesTheStoreAfterItsEnd: what is in the store when a
// server is killed is what was durable, whatever its goroutines still do.
func TestNothingOfALifeChangesTheStoreAfterItsEnd(t *testing.T) {
	s := storeOf()
	l := lifeOf(s)
	inv := add(s, l, "k")
	require.NotNil(t, inv)
	s.end(l, true)
	for _, next := range []func(){func() {}, func() { lifeOf(s) }} {
		next() // between two lives, and in the next
		assert.Nil(t, add(s, l, "other"))
		_, ok := s.apply(l, inv)
		assert.False(t, ok)
		assert.False(t, s.finish(l, inv))
		assert.False(t, s.send(l, inv))
		assert.Nil(t, s.next(l, inv.object))
		s.resume(l, 0)
		s.end(l, true)
		assert.False(t, inv.applied || inv.sent || inv.crashed)
		assert.Equal(t, model.CounterState(0), inv.object.state)
		assert.Equal(t, []*invocation{inv}, inv.object.open)
		assert.Len(t, s.byID, 1)
	}
}

// TestAnAnswerIsAcknowledgedBeforeItIsNoted: a client may kill the server as soon
// as it has its answer. The write is as lost as any other.
func TestAnAnswerIsAcknowledgedBeforeItIsNoted(t *testing.T) {
	for _, noted := range []bool{true, false} {
		s := storeOf(LostWrite)
		l := lifeOf(s)
		inv := add(s, l, "k")
		_, ok := s.apply(l, inv)
		require.True(t, ok && s.finish(l, inv) && s.send(l, inv))
		s.end(l, true)
		if noted {
			s.acknowledge(inv)
		}
		s.ended(true)
		assert.Equal(t, noted, inv.object.state == model.CounterState(0))
	}
}

// TestStuckKeyNeedsACall: an object that the last life did not touch is spared.
func TestStuckKeyNeedsACall(t *testing.T) {
	s := storeOf()
	l := lifeOf(s)
	inv := add(s, l, "")
	_, ok := s.apply(l, inv)
	require.True(t, ok)
	require.True(t, s.finish(l, inv))
	s.end(l, true)
	s.end(lifeOf(s), true)
	s.bugs.on[StuckKey] = true // from now on
	s.end(lifeOf(s), true)
	assert.False(t, inv.object.stuck)
	add(s, lifeOf(s), "")
	s.end(s.life, true)
	lifeOf(s)
	assert.True(t, inv.object.stuck)
}

func TestTimingsTakeTheDefaultFieldByField(t *testing.T) {
	got := Timings{Port: time.Second, Latency: -1}.orDefault()
	want := defaultTimings
	want.Port, want.Latency = time.Second, 0
	assert.Equal(t, want, got)
}

func TestChanceIsEvenAndNeverTheSame(t *testing.T) {
	low, seen := 0, map[float64]bool{}
	for i := range uint64(10_000) {
		draw := chance(1).of("bug", i)
		require.GreaterOrEqual(t, draw, 0.0)
		require.Less(t, draw, 1.0)
		if draw < 0.2 {
			low++
		}
		seen[draw] = true
	}
	assert.InDelta(t, 2000, low, 150)
	assert.Len(t, seen, 10_000)
	assert.NotEqual(t, chance(1).of("bug", 1), chance(2).of("bug", 1))
	assert.NotEqual(t, chance(1).of("bug", 1), chance(1).of("bag", 1))
}
