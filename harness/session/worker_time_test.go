package session_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/generators"
	"retain/harness"
	"retain/harness/internal/harnesstest"
	"retain/harness/internal/sessiontest"
	"retain/harness/session"
	"retain/model"
	"retain/runtime/simulated"
)

// conductTimed conducts a session of two workers on slow servers and a simulated clock.
func conductTimed(t *testing.T, draw func(int) generators.Plan, check func(*session.Result)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		result, err := session.Conduct(t.Context(), session.Options{
			Plans: 7, Workers: 2, Draw: draw, Dir: t.TempDir(), Bounds: sessiontest.Quick, Late: -1,
			Open: sessiontest.Open(simulated.Options{Timings: harnesstest.Slow}),
		})
		require.NoError(t, err)
		assert.Equal(t, harness.Pass, result.Verdict, result.Failures)
		check(result)
	})
}

func TestPartsOfWorkerTimeSumToTheWallTime(t *testing.T) {
	conductTimed(t, sessiontest.PlainPlan, func(r *session.Result) {
		assert.Equal(t, 2, r.WorkerTime.Workers)
		assert.InEpsilon(t, 2*r.Took.Seconds(), r.WorkerTime.Total().Seconds(), 0.02, "%v", r.WorkerTime.Spent)
		assert.Less(t, r.WorkerTime.Spent[harness.PartOther], r.Took/50, "all but a rest has a part of its own")
		assert.Positive(t, r.WorkerTime.Spent[harness.PartWaiting], "the worker without the seventh plan waits")
		assert.Zero(t, r.WorkerTime.Spent[harness.PartLoad])
	})
}

func TestRestartsOfPlansAreTimedApartFromTheLedger(t *testing.T) {
	conductTimed(t, sessiontest.PlainPlan, func(r *session.Result) {
		restarts := time.Duration(len(r.Tally.Recoveries))
		require.EqualValues(t, 7*sessiontest.KillsOfAPlan, restarts)
		spent := r.WorkerTime.Spent
		assert.GreaterOrEqual(t, spent[harness.PartStarting], restarts*harnesstest.Slow.Port)
		assert.Less(t, spent[harness.PartStarting], restarts*harnesstest.Slow.Health)
		assert.GreaterOrEqual(t, spent[harness.PartReady], restarts*(harnesstest.Slow.Ready-harnesstest.Slow.Port))
		assert.GreaterOrEqual(t, spent[harness.PartLedger], 2*harnesstest.Slow.Ready, "each worker's server is started once more")
	})
}

func TestSessionWithLoadsHasLoadTime(t *testing.T) {
	draw := func(int) generators.Plan {
		p := generators.StartAndStop(model.Kill)
		p.Load = generators.Load{Clients: 8, Objects: 8, Seed: 7, Between: 400}
		return p
	}
	conductTimed(t, draw, func(r *session.Result) {
		assert.InEpsilon(t, 2*r.Took.Seconds(), r.WorkerTime.Total().Seconds(), 0.02, "%v", r.WorkerTime.Spent)
		assert.Positive(t, r.WorkerTime.Spent[harness.PartLoad])
	})
}
