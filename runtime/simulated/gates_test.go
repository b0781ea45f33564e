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
			require.NoError(t, r.call(c.path, c.body, sending{Tag: "t"}).Err)
			want := []string{"t 1 entered", "t 1 effect", "t 1 finished"}
			if !c.effect {
				want = []string{"t 1 entered", "t 1 finished"}
			}
			assert.Equal(t, want, seen(), c)
		}
		r.want("1", "/Counter/c/get", "")
		assert.Empty(t, seen(), "without a tag it is nobody's")
		cancel()
		r.want("1", "/Counter/c/get", "", sending{Tag: "t"})
		assert.Empty(t, seen(), "after the cancel")
	})
}

func TestEvidenceNumbersTheAttempts(t *testing.T) {
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
			_, answer := r.held(c.at, "/Counter/"+string(c.at)+"/add", "1", sending{Key: "k", Tag: "t"})
			r.kill()
			assert.Error(t, (<-answer).Err)
			assert.Equal(t, c.first, seen())
			r.start()
			assert.Equal(t, []string{"t 2 entered", "t 2 effect", "t 2 finished"}, seen())
			r.want(`{"oldValue":0,"newValue":1}`, "/Counter/"+string(c.at)+"/add", "1", sending{Key: "k", Tag: "t"})
			assert.Empty(t, seen(), "the stored answer enters nothing")
		}
	})
}

func TestGateBeforeDelaysTheEffect(t *testing.T) {
	bubble(t, simulated.Options{}, func(t *testing.T, r *rig) {
		g, answer := r.held(service.Before, "/Register/r/write", `"a"`, sending{Tag: "t"})
		r.want(`""`, "/Register/r/read", "")
		g.Open()
		assert.Equal(t, 200, (<-answer).Status)
		r.want(`"a"`, "/Register/r/read", "")
	})
}

func TestGateAfterHoldsReadsToo(t *testing.T) {
	bubble(t, simulated.Options{}, func(t *testing.T, r *rig) {
		seen, cancel := r.watch()
		defer cancel()
		g, answer := r.held(service.After, "/Register/r/read", "", sending{Tag: "t"})
		r.want("", "/Register/r/write", `"a"`)
		g.Open()
		assert.Equal(t, `""`, (<-answer).Body)
		assert.Equal(t, []string{"t 1 entered", "t 1 finished held"}, seen())
	})
}

func TestGateHoldsOneEntryOfItsTag(t *testing.T) {
	bubble(t, simulated.Options{}, func(t *testing.T, r *rig) {
		g, first := r.held(service.Before, "/Counter/c/add", "1", sending{Tag: "t"})
		r.want(`{"oldValue":0,"newValue":1}`, "/Counter/d/add", "1", sending{Tag: "t"})
		r.want(`{"oldValue":0,"newValue":1}`, "/Counter/e/add", "1", sending{Tag: "other"})
		g.Open()
		g.Open()
		assert.Equal(t, 200, (<-first).Status)

		unused := r.Arm("u", service.After)
		unused.Open()
		r.want(`{"oldValue":1,"newValue":2}`, "/Counter/c/add", "1", sending{Tag: "u"})
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
		before, answer := r.held(service.Before, "/Register/r/write", `"a"`, sending{Tag: "t"})
		r.want(`""`, "/Register/r/read", "")
		before.Open()
		<-after.Held()
		r.want(`"a"`, "/Register/r/read", "")
		after.Open()
		assert.Equal(t, 200, (<-answer).Status)
	})
}

func TestOpenAllOpensArmedAndHoldingGates(t *testing.T) {
	bubble(t, simulated.Options{}, func(t *testing.T, r *rig) {
		_, answer := r.held(service.Before, "/Counter/c/add", "1", sending{Tag: "t"})
		r.Arm("armed", service.Before)
		r.OpenAll()
		assert.Equal(t, 200, (<-answer).Status)
		r.want(`{"oldValue":1,"newValue":2}`, "/Counter/c/add", "1", sending{Tag: "armed"})
	})
}

func TestGateOpensAfterItsMaximum(t *testing.T) {
	o := simulated.Options{Timings: simulated.Timings{MaxHold: time.Minute}}
	bubble(t, o, func(t *testing.T, r *rig) {
		began := time.Now()
		_, answer := r.held(service.After, "/Counter/c/add", "1", sending{Tag: "t"})
		assert.Equal(t, 200, (<-answer).Status)
		assert.InDelta(t, time.Minute, time.Since(began), float64(time.Second))
	})
}

// An operation that waited in the queue at a kill is entered in the next incarnation for
// the first time, and held there.
func TestGateHoldsAnEntryDelayedByARestart(t *testing.T) {
	bubble(t, simulated.Options{}, func(t *testing.T, r *rig) {
		_, first := r.held(service.Before, "/Counter/c/add", "1", sending{Tag: "t"})
		g := r.Arm("queued", service.Before)
		queued := r.background("/Counter/c/add", "1", sending{Tag: "queued"})
		time.Sleep(time.Millisecond) // accepted
		require.NoError(t, r.Kill(context.Background()))
		assert.Error(t, (<-first).Err)
		assert.Error(t, (<-queued).Err)
		r.start()
		<-g.Held()
		r.want("1", "/Counter/c/get", "")
		g.Open()
		r.want(`{"oldValue":2,"newValue":3}`, "/Counter/c/add", "1")
	})
}
