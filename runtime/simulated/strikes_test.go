package simulated_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/runtime/simulated"
	"retain/service"
)

func all(string) bool { return true }

// cut strikes one attempt in flight.
var cut = service.Strike{Matches: all, Attempts: 1}

func TestCutAttemptIsTriedAgainWithOneEffect(t *testing.T) {
	for at, want := range map[service.Position][]string{
		service.Before: {"t 1 entered held", "t 1 broken", "t 2 entered", "t 2 effect", "t 2 finished"},
		service.After:  {"t 1 entered", "t 1 effect held", "t 1 broken", "t 2 entered", "t 2 effect", "t 2 finished"},
	} {
		t.Run(string(at), func(t *testing.T) {
			bubble(t, simulated.Options{}, func(t *testing.T, r *rig) {
				seen, cancel := r.watch()
				defer cancel()
				_, answer := r.held(at, "/Counter/c/add", "1", sending{Tag: "t"})
				r.Strike(cut)
				assert.Equal(t, `{"oldValue":0,"newValue":1}`, (<-answer).Body)
				assert.Equal(t, want, seen())
				r.want("1", "/Counter/c/get", "")
			})
		})
	}
}

// A gate that a cut attempt did not reach waits for the next one.
func TestCutAttemptLeavesTheGateThatItDidNotReach(t *testing.T) {
	bubble(t, simulated.Options{}, func(t *testing.T, r *rig) {
		r.Strike(cut)
		g, answer := r.held(service.After, "/Counter/c/add", "1", sending{Tag: "t"})
		g.Open()
		assert.Equal(t, 200, (<-answer).Status)
	})
}

func TestStalledAttemptsGoOnOnceReleased(t *testing.T) {
	bubble(t, simulated.Options{}, func(t *testing.T, r *rig) {
		seen, cancel := r.watch()
		defer cancel()
		release := r.Stall()
		answer := r.background("/Counter/c/add", "1", sending{Tag: "t"})
		time.Sleep(time.Hour)
		synctest.Wait()
		assert.Empty(t, answer)
		release()
		assert.Equal(t, 200, (<-answer).Status)
		assert.Equal(t, []string{"t 1 entered", "t 1 effect", "t 1 finished"}, seen())
	})
}

func TestRefusedAttemptsAreTriedUntilTheyAreAccepted(t *testing.T) {
	bubble(t, simulated.Options{}, func(t *testing.T, r *rig) {
		seen, cancel := r.watch()
		defer cancel()
		_, answer := r.held(service.Before, "/Counter/c/add", "1", sending{Tag: "t"})
		accept, err := r.Refuse()
		require.NoError(t, err)
		_, err = r.Refuse()
		require.Error(t, err)
		time.Sleep(time.Second)
		synctest.Wait()
		assert.Empty(t, answer)
		assert.Equal(t, []string{"t 1 entered held", "t 1 broken"}, seen(), "nothing enters meanwhile")
		require.NoError(t, accept())
		assert.Equal(t, 200, (<-answer).Status)
		assert.Equal(t, []string{"t 2 entered", "t 2 effect", "t 2 finished"}, seen())
	})
}

func TestDelayedAttemptTakesItsTime(t *testing.T) {
	bubble(t, simulated.Options{}, func(t *testing.T, r *rig) {
		r.Strike(service.Strike{Matches: all, Attempts: 1, Delay: time.Minute})
		began := time.Now()
		r.want(`{"oldValue":0,"newValue":1}`, "/Counter/c/add", "1", sending{Tag: "t"})
		assert.GreaterOrEqual(t, time.Since(began), time.Minute)
	})
}

func TestFrozenProcessGoesOnAndARestartedOneBeginsAgain(t *testing.T) {
	bubble(t, simulated.Options{}, func(t *testing.T, r *rig) {
		seen, cancel := r.watch()
		defer cancel()
		require.NoError(t, r.Process().Freeze())
		answer := r.background("/Counter/c/add", "1", sending{Tag: "t"})
		time.Sleep(time.Hour)
		synctest.Wait()
		assert.Empty(t, answer)
		require.NoError(t, r.Process().Restart(t.Context(), false))
		assert.Equal(t, 200, (<-answer).Status)
		assert.Equal(t, []string{"t 1 entered", "t 1 broken", "t 2 entered", "t 2 effect", "t 2 finished"}, seen())
		require.NoError(t, r.Process().Freeze())
		require.NoError(t, r.Process().Thaw())
		r.want("1", "/Counter/c/get", "")
	})
}

// The planted bug strikes at a broken attempt as at a kill.
func TestDoubleApplyStrikesAtACutAttempt(t *testing.T) {
	bubble(t, planted(simulated.DoubleApply), func(t *testing.T, r *rig) {
		_, answer := r.held(service.After, "/Counter/c/add", "1", sending{Tag: "t"})
		r.Strike(cut)
		assert.Equal(t, 200, (<-answer).Status)
		r.want("2", "/Counter/c/get", "")
		r.strikes(1, simulated.DoubleApply)
	})
}
