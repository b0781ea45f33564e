package simulated_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/runtime/simulated"
	"retain/service"
)

// watch collects evidence as "tag 1 entered held".
func (r *rig) watch() (seen func() []string, cancel func()) {
	var mu sync.Mutex
	var all []string
	cancel = r.Observe(func(e service.Evidence) {
		text := fmt.Sprintf("%s %d %s", e.Tag, e.Attempt, e.Reading)
		if e.Held {
			text += " held"
		}
		mu.Lock()
		defer mu.Unlock()
		all = append(all, text)
	})
	return func() []string {
		synctest.Wait()
		mu.Lock()
		defer mu.Unlock()
		taken := all
		all = nil
		return taken
	}, cancel
}

func TestEvidenceFollowsAnInvocation(t *testing.T) {
	bubble(t, simulated.Options{}, func(t *testing.T, r *rig) {
		seen, cancel := r.watch()
		for _, c := range []struct {
			path, body string
			effect     bool
		}{
			{"/Counter/c/add", "0", true},
			{"/Counter/c/get", "", false},
			{"/Counter/c/addThenFail", "1", true},
			{"/Register/r/compareAndSet", `{"expect":"x","value":"y"}`, false},
			{"/Register/r/compareAndSet", `{"expect":"","value":"y"}`, true},
			{"/ListObject/l/clear", "", true},
			{"/ListObject/l/get", "", false},
			{"/MapObject/m/set", `{"key":"k","value":"v"}`, true},
			{"/RetainCanary/c/ping", "", false},
		} {
			require.NoError(t, r.call(c.path, c.body, sending{tag: "t"}).err)
			want := []string{"t 1 entered", "t 1 effect", "t 1 finished"}
			if !c.effect {
				want = []string{"t 1 entered", "t 1 finished"}
			}
			assert.Equal(t, want, seen(), c)
		}
		r.want("1", "/Counter/c/get", "")
		assert.Empty(t, seen(), "without a tag it is nobody's")
		cancel()
		r.want("1", "/Counter/c/get", "", sending{tag: "t"})
		assert.Empty(t, seen(), "after the cancel")
	})
}

func TestEvidenceTellsAttemptsApart(t *testing.T) {
	bubble(t, simulated.Options{}, func(t *testing.T, r *rig) {
		seen, cancel := r.watch()
		defer cancel()
		for _, c := range []struct {
			at    service.Position
			first []string
		}{
			{service.Before, []string{"t 1 entered held", "t 1 broken"}},
			{service.After, []string{"t 1 entered", "t 1 effect held", "t 1 broken"}},
		} {
			_, answer := r.held(c.at, "/Counter/"+string(c.at)+"/add", "1", sending{key: "k", tag: "t"})
			r.kill()
			assert.Error(t, (<-answer).err)
			assert.Equal(t, c.first, seen())
			r.start()
			assert.Equal(t, []string{"t 2 entered", "t 2 effect", "t 2 finished"}, seen())
			r.want(`{"oldValue":0,"newValue":1}`, "/Counter/"+string(c.at)+"/add", "1", sending{key: "k", tag: "t"})
			assert.Empty(t, seen(), "the stored answer enters nothing")
		}
	})
}

func TestTheGateBeforeKeepsTheEffectBack(t *testing.T) {
	bubble(t, simulated.Options{}, func(t *testing.T, r *rig) {
		g, answer := r.held(service.Before, "/Register/r/write", `"a"`, sending{tag: "t"})
		r.want(`""`, "/Register/r/read", "")
		g.Open()
		assert.Equal(t, 200, (<-answer).status)
		r.want(`"a"`, "/Register/r/read", "")
	})
}

func TestTheGateAfterHoldsReadsToo(t *testing.T) {
	bubble(t, simulated.Options{}, func(t *testing.T, r *rig) {
		seen, cancel := r.watch()
		defer cancel()
		g, answer := r.held(service.After, "/Register/r/read", "", sending{tag: "t"})
		r.want("", "/Register/r/write", `"a"`)
		g.Open()
		assert.Equal(t, `""`, (<-answer).body)
		assert.Equal(t, []string{"t 1 entered", "t 1 finished held"}, seen())
	})
}

func TestAGateHoldsOneEntryOfOneTag(t *testing.T) {
	bubble(t, simulated.Options{}, func(t *testing.T, r *rig) {
		g, first := r.held(service.Before, "/Counter/c/add", "1", sending{tag: "t"})
		r.want(`{"oldValue":0,"newValue":1}`, "/Counter/d/add", "1", sending{tag: "t"})
		r.want(`{"oldValue":0,"newValue":1}`, "/Counter/e/add", "1", sending{tag: "other"})
		g.Open()
		g.Open()
		assert.Equal(t, 200, (<-first).status)

		unused := r.Arm("u", service.After)
		unused.Open()
		r.want(`{"oldValue":1,"newValue":2}`, "/Counter/c/add", "1", sending{tag: "u"})
		assert.NotPanics(t, unused.Open)
		select {
		case <-unused.Held():
			assert.Fail(t, "a gate that was open held something")
		default:
		}
	})
}

func TestBothGatesOfATagHoldInTurn(t *testing.T) {
	bubble(t, simulated.Options{}, func(t *testing.T, r *rig) {
		after := r.Arm("t", service.After)
		before, answer := r.held(service.Before, "/Register/r/write", `"a"`, sending{tag: "t"})
		r.want(`""`, "/Register/r/read", "")
		before.Open()
		<-after.Held()
		r.want(`"a"`, "/Register/r/read", "")
		after.Open()
		assert.Equal(t, 200, (<-answer).status)
	})
}

func TestOpenAllOpensArmedAndHoldingGates(t *testing.T) {
	bubble(t, simulated.Options{}, func(t *testing.T, r *rig) {
		_, answer := r.held(service.Before, "/Counter/c/add", "1", sending{tag: "t"})
		r.Arm("armed", service.Before)
		r.OpenAll()
		assert.Equal(t, 200, (<-answer).status)
		r.want(`{"oldValue":1,"newValue":2}`, "/Counter/c/add", "1", sending{tag: "armed"})
	})
}

func TestAGateLetsGoAfterItsLongestTime(t *testing.T) {
	o := simulated.Options{Timings: simulated.Timings{MaxHold: time.Minute}}
	bubble(t, o, func(t *testing.T, r *rig) {
		began := time.Now()
		_, answer := r.held(service.After, "/Counter/c/add", "1", sending{tag: "t"})
		assert.Equal(t, 200, (<-answer).status)
		assert.InDelta(t, time.Minute, time.Since(began), float64(time.Second))
	})
}

// TestAnEntryThatComesLateIsTheFirst: what waited in the queue when the server
// died is entered for the first time in the next life, and held there.
func TestAnEntryThatComesLateIsTheFirst(t *testing.T) {
	bubble(t, simulated.Options{}, func(t *testing.T, r *rig) {
		_, first := r.held(service.Before, "/Counter/c/add", "1", sending{tag: "t"})
		g := r.Arm("queued", service.Before)
		queued := r.background("/Counter/c/add", "1", sending{tag: "queued"})
		time.Sleep(time.Millisecond) // accepted
		require.NoError(t, r.Kill(context.Background()))
		assert.Error(t, (<-first).err)
		assert.Error(t, (<-queued).err)
		r.start()
		<-g.Held()
		r.want("1", "/Counter/c/get", "")
		g.Open()
		r.want(`{"oldValue":2,"newValue":3}`, "/Counter/c/add", "1")
	})
}
