package proxy

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"retain/service"
)

// stand lets an attempt of the operation enter and pass its before position.
func stand(p *Proxy, ctx context.Context, tag string) <-chan error {
	a := p.enter(6, tag, "inv-"+tag, never)
	passed := make(chan error, 1)
	go func() {
		err := a.pass(ctx, service.Before, func() { a.report(service.Entered) })
		a.leave(false)
		passed <- err
	}()
	return passed
}

// A gate holds the first entry, once, and tells its evidence before it is seen
// to hold.
func TestGateHoldsOnce(t *testing.T) {
	p := testProxy()
	seen := observe(p)
	g := p.Arm("op", service.Before)
	require.NoError(t, <-stand(p, t.Context(), "other"))
	first := stand(p, t.Context(), "op")
	<-g.Held()
	assert.Equal(t, []string{"entered!"}, seen.of("op"))
	require.NoError(t, <-stand(p, t.Context(), "op"), "the second entry passes")
	assert.Empty(t, first)
	g.Open()
	g.Open()
	require.NoError(t, <-first)
	assert.Equal(t, []string{"entered!", "entered"}, seen.of("op"))
	assert.EqualValues(t, 1, p.Stats().Holds)
	assert.Empty(t, p.gates.all())
}

func TestGateOpenDisarms(t *testing.T) {
	p := testProxy()
	g := p.Arm("op", service.Before)
	g.Open()
	assert.Empty(t, p.gates.armed)
	require.NoError(t, <-stand(p, t.Context(), "op"))
	assert.False(t, closed(g.Held()))
}

// OpenAll opens what is armed and what holds, and leaves the cuts.
func TestOpenAllOpensEveryGate(t *testing.T) {
	p := testProxy()
	holding, armed := p.Arm("a", service.Before), p.Arm("b", service.Before)
	p.Break("c", service.Before)
	a := stand(p, t.Context(), "a")
	<-holding.Held()
	p.OpenAll()
	require.NoError(t, <-a)
	require.NoError(t, <-stand(p, t.Context(), "b"))
	assert.False(t, closed(armed.Held()))
	require.ErrorIs(t, <-stand(p, t.Context(), "c"), errCut)
	require.NoError(t, <-stand(p, t.Context(), "c"), "a cut strikes once")
}

func TestCancelledBreakDoesNotStrike(t *testing.T) {
	p := testProxy()
	p.Break("op", service.Before)()
	require.NoError(t, <-stand(p, t.Context(), "op"))
	assert.Zero(t, p.Stats().Cuts)
}

// A gate whose stream dies lets go of it for good: the attempt does not go on.
func TestGateIsUsedUpWhenItsStreamDies(t *testing.T) {
	p := testProxy()
	g := p.Arm("op", service.Before)
	ctx, die := context.WithCancel(t.Context())
	a := stand(p, ctx, "op")
	<-g.Held()
	die()
	require.ErrorIs(t, <-a, errGone)
	require.NoError(t, <-stand(p, t.Context(), "op"), "it is used up")
}

// Dead and opened at once: dead wins, whether the stream's context knows of it or
// only the socket does.
func TestGateOpenedForAGoneStreamReportsGone(t *testing.T) {
	for _, known := range []bool{true, false} {
		p := testProxy()
		g := p.gates.arm("op", service.Before, false)
		ctx, die := context.WithCancel(t.Context())
		passed := make(chan passage, 1)
		go func() {
			passed <- g.hold(ctx, time.Minute, func() bool {
				if known {
					die()
				}
				return !known
			})
		}()
		<-g.Held()
		g.Open()
		assert.Equal(t, gone, <-passed)
		die()
	}
}

func TestGateExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := testProxy()
		var notice string
		p.notice = func(line string) { notice = line }
		p.Arm("op", service.Before)
		began := time.Now()
		require.NoError(t, <-stand(p, t.Context(), "op"))
		assert.Equal(t, DefaultMaxHold, time.Since(began))
		assert.EqualValues(t, 1, p.Stats().Expired)
		assert.Equal(t, "a gate held op before its effect for 10s and let it go", notice)
	})
}

// A gate after the effect waits for the attempt that gets there, if the ones
// before it were suspended; if they broke, it is used up.
func TestGateStaysArmedOverASuspension(t *testing.T) {
	for _, suspended := range []bool{true, false} {
		p := testProxy()
		g := p.Arm("op", service.After)
		a := p.enter(6, "op", "inv", never)
		assert.True(t, a.waits(service.After))
		a.leave(suspended)
		b := p.enter(6, "op", "inv", never)
		assert.Equal(t, suspended, b.waits(service.After))
		g.Open()
		b.leave(true)
		assert.False(t, p.enter(6, "op", "inv", never).waits(service.After))
		assert.Empty(t, p.gates.armed)
	}
}

func TestGatesHoldConcurrently(t *testing.T) {
	p := testProxy()
	seen := observe(p)
	var all sync.WaitGroup
	for i := range 200 {
		tag := fmt.Sprint("op-", i)
		g := p.Arm(tag, service.Before)
		all.Go(func() { assert.NoError(t, <-stand(p, t.Context(), tag)) })
		all.Go(func() { <-g.Held(); g.Open() })
	}
	all.Wait()
	assert.Len(t, seen.all, 200)
	assert.Empty(t, p.gates.all())
}

// A gate that is opened in the moment before the attempt comes holds nothing.
func TestGateOpenedAtEntryDoesNotHold(t *testing.T) {
	p := testProxy()
	g := p.Arm("op", service.Before)
	a := p.enter(6, "op", "inv", never)
	g.Open()
	require.NoError(t, a.pass(t.Context(), service.Before, func() { a.report(service.Entered) }))
	assert.False(t, closed(g.Held()))
	assert.Zero(t, p.Stats().Holds)
}

func TestCancelledObserversAreNotCalled(t *testing.T) {
	var o observers
	var a, b int
	cancelA := o.add(func(service.Evidence) { a++ })
	cancelB := o.add(func(service.Evidence) { b++ })
	o.tell(service.Evidence{})
	cancelA()
	cancelA()
	o.tell(service.Evidence{})
	cancelB()
	o.tell(service.Evidence{})
	assert.Equal(t, [2]int{1, 2}, [2]int{a, b})
}

// Entries are counted per invocation, over more than one generation, in bounded
// memory.
func TestEntriesAreCountedPerInvocationInBoundedMemory(t *testing.T) {
	var c entries
	assert.Equal(t, 1, c.next("mine"))
	for i := range remembered {
		c.next(fmt.Sprint(i))
	}
	assert.Equal(t, 2, c.next("mine"))
	for i := range remembered {
		c.next(fmt.Sprint("more-", i))
	}
	assert.Equal(t, 3, c.next("mine"))
	assert.LessOrEqual(t, len(c.young)+len(c.old), 2*remembered)
}
