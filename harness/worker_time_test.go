package harness

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/generators"
	"retain/harness/internal/harnesstest"
	"retain/model"
	"retain/runtime/simulated"
)

func TestStopwatchCountsEachMomentOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewStopwatch(PartWaiting)
		ctx := WithStopwatch(t.Context(), s)
		time.Sleep(time.Second)
		leave := EnterPart(ctx, PartLedger)
		time.Sleep(2 * time.Second)
		closed := EnterPart(ctx, PartClosing)
		time.Sleep(3 * time.Second)
		closed()
		time.Sleep(4 * time.Second)
		leave()
		time.Sleep(5 * time.Second)
		assert.Equal(t, map[Part]time.Duration{PartWaiting: 6 * time.Second, PartLedger: 6 * time.Second, PartClosing: 3 * time.Second}, s.Spent())
	})
	EnterPart(t.Context(), PartLedger)() // without a stopwatch it does nothing
}

// timedRun executes a plan on a slow server, on a simulated clock, and gives the parts of its time.
func timedRun(t *testing.T, p generators.Plan, check func(out *Outcome, spent map[Part]time.Duration)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s, _ := WiredSystem(t, simulated.Options{Timings: harnesstest.Slow})
		watch := NewStopwatch(PartOther)
		out, err := Execute(WithStopwatch(context.Background(), watch), s, p, Execution{ID: "run", Path: t.TempDir() + "/history.jsonl", Bounds: quick})
		require.NoError(t, err)
		require.Nil(t, out.Liveness)
		spent := watch.Spent()
		assert.Equal(t, out.Took, WorkerTime{Spent: spent}.Total(), "each moment is in one part: %v", spent)
		check(out, spent)
	})
}

// The history measures the restarts by itself.
func TestPartsOfARunAreThoseOfItsHistory(t *testing.T) {
	for name, l := range map[string]generators.Load{"no load": {}, "a load": {Clients: 8, Objects: 8, Seed: 7, Between: 300}} {
		t.Run(name, func(t *testing.T) {
			timedRun(t, generators.Plan{Load: l, Steps: restarts(2)}, func(out *Outcome, spent map[Part]time.Duration) {
				var ending, starting, probed time.Duration
				for _, f := range out.History.Faults {
					if f.Ends() {
						ending += time.Duration(f.End.Ns - f.Begin.Ns)
					}
				}
				require.Len(t, out.History.Recoveries, 3)
				for _, r := range out.History.Recoveries {
					starting += time.Duration(r.Port - r.Spawned)
					probed += time.Duration(r.Probe - r.Port)
				}
				assert.Equal(t, ending, spent[PartEnding])
				assert.Equal(t, starting, spent[PartStarting])
				assert.GreaterOrEqual(t, spent[PartReady], probed)
				assert.Less(t, spent[PartReady], probed+2*harnesstest.Slow.Ready+50*time.Millisecond, "and the wait before the program")
				assert.Positive(t, spent[PartReads])
				assert.Equal(t, l.Clients > 0, spent[PartLoad] > 0, "%v", spent)
			})
		})
	}
}

// The load has its operations while no client of the program has anything to do.
func TestProgramThatWaitsForItsLoadIsLoadTime(t *testing.T) {
	plan := generators.Plan{Load: generators.Load{Clients: 8, Objects: 8, Seed: 7, Between: 1000}, Steps: []generators.Step{
		harnesstest.Operate(1, 0, counter, model.CounterAdd{Delta: 1}),
		harnesstest.Inject(2, model.Kill, generators.WhileOpen{Step: 1}),
		harnesstest.Inject(3, model.Start, generators.InPlace{}),
	}}
	timedRun(t, plan, func(out *Outcome, spent map[Part]time.Duration) {
		assert.Greater(t, spent[PartLoad], 10*spent[PartProgram], "the step that the fault strikes waits for the load: %v", spent)
	})
}
