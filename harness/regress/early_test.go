package regress

import (
	"fmt"
	"path/filepath"
	"strings"
	"sync"
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
	"retain/runtime"
	"retain/runtime/simulated"
)

// An execution ends early if the holder keeps failing in one way. The reduced plan is
// then executed once with the whole bound.
func TestShrinkEndsEarlyWhenTheSameHolderFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		filler := model.Object{Kind: model.Register}
		steps := append([]generators.Step{}, harnesstest.ClearedAtAKill...)
		for id := 6; id < 30; id++ {
			steps = append(steps, harnesstest.Operate(id, 2+id%2, filler, model.RegisterWrite{Value: fmt.Sprint("v", id)}))
		}
		bounds := harness.Bounds{Recovery: 20 * time.Second, Completion: 30 * time.Second}
		o := session.Options{
			Plans: 1, Bounds: bounds, Late: -1, Dir: t.TempDir(),
			Draw: func(int) generators.Plan { return generators.Plan{Steps: steps} },
			Open: sessiontest.Opening(simulated.Options{Bugs: []simulated.Bug{simulated.StuckRetry}, Rate: 1}, func(*harnesstest.Wired) {}),
		}
		r := sessiontest.Failing(t, o)
		require.Empty(t, r.Outcome.Liveness.Early, "never for a first verdict")
		began := time.Now()
		s, err := Shrink(t.Context(), o, r, ShrinkOptions{Time: 2 * time.Minute, Runs: 5, RateTime: time.Minute, AskUntil: began.Add(3 * time.Minute)})
		require.NoError(t, err)
		require.NoError(t, s.Problem)
		assert.Equal(t, generators.Minimal, s.Ending)
		assert.LessOrEqual(t, len(s.Best.Steps), 2)
		assert.Less(t, time.Since(began), 3*time.Minute)
		require.NotNil(t, s.Early)
		assert.Equal(t, "the same call failed in the same way 4 times more", s.Early.Sign)
		assert.Equal(t, bounds.Completion, s.Early.Bound)
		assert.Equal(t, 1, s.Early.Whole.Failures)
		assert.False(t, s.Early.Refuted)
		require.NotNil(t, s.Run)
		assert.Empty(t, s.Run.Outcome.Liveness.Early, "the reported run waited for the whole bound")
		assert.GreaterOrEqual(t, s.Run.Outcome.Liveness.Held.UnchangedMs, bounds.Completion.Milliseconds())
		assert.Equal(t, "clearAll()", s.Run.Outcome.Liveness.Held.Holder.Op)
		assert.NotEmpty(t, s.Run.Where, "it was asked about")
		assert.Positive(t, s.Rate.Failures)
		assert.Equal(t, r.HeldBy().Culprit().Key(), CaseOf(model.Guarantee{Code: model.OperationFinishes}, s, Subject{}, runtime.Identity{}, "").Culprit)
		assert.FileExists(t, filepath.Join(r.Dir, ReducedFactsFile))
	})
}

// The text may contain ids, alternate between two failures, or differ each time.
func TestShrinkAcceptsAFailureWhoseTextChanges(t *testing.T) {
	for name, c := range map[string]struct {
		failing func(int) string
		sign    string
	}{
		"ids":          {func(n int) string { return fmt.Sprintf("[500] request %x-9f of inv_1%d", n*7919, n) }, "the same call failed in the same way 4 times more"},
		"two in turns": {func(n int) string { return []string{"[500] boom", "[502] bang"}[n%2] }, "the same call failed in the same way 4 times more"},
		"other words":  {func(n int) string { return "[500] " + strings.Repeat("w", n) }, "the same call failed with other words each time, 4 times more"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := session.Options{
					Plans: 1, Bounds: harness.Bounds{Recovery: 20 * time.Second, Completion: 30 * time.Second}, Late: -1, Dir: t.TempDir(),
					Draw: func(int) generators.Plan { return generators.Plan{Steps: harnesstest.ClearedAtAKill} },
					Open: sessiontest.Opening(simulated.Options{Bugs: []simulated.Bug{simulated.StuckRetry}, Rate: 1, Failing: c.failing}, func(*harnesstest.Wired) {}),
				}
				r := sessiontest.Failing(t, o)
				s, err := Shrink(t.Context(), o, r, ShrinkOptions{Runs: 3})
				require.NoError(t, err)
				assert.Equal(t, generators.Minimal, s.Ending)
				assert.LessOrEqual(t, len(s.Best.Steps), 2)
				require.NotNil(t, s.Early)
				assert.Equal(t, c.sign, s.Early.Sign)
				assert.Equal(t, 1, s.Early.Whole.Failures)
				assert.Equal(t, r.HeldBy().Culprit().Key(), s.Run.HeldBy().Culprit().Key())
			})
		})
	}
}

// The plan before the reduction stands.
func TestShrinkRefutesAnEarlySignThatTheBoundDoesNotConfirm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		delay := time.Hour              // of the answers to the last reads
		defer time.Sleep(2 * time.Hour) // until the last of them came
		o := session.Options{
			Plans: 1, Bounds: harness.Bounds{Recovery: 20 * time.Second, Completion: 9 * time.Second}, Late: -1, Dir: t.TempDir(),
			Draw: func(int) generators.Plan {
				return generators.Plan{Steps: []generators.Step{
					harnesstest.Operate(1, 0, harnesstest.Map, model.MapGet{Key: "a"}), harnesstest.Operate(2, 0, harnesstest.Map, model.MapGet{Key: "a"})}}
			},
			Open: sessiontest.Opening(simulated.Options{}, func(w *harnesstest.Wired) {
				var first sync.Map
				delay := delay // that of this server: connections of the one before still answer
				w.Answering = func(tag string) error {
					if !strings.Contains(tag, "/look-") {
						return nil
					}
					at, _ := first.LoadOrStore(tag, time.Now())
					time.Sleep(time.Until(at.(time.Time).Add(delay))) // on the simulated clock
					return nil
				}
			}),
		}
		r := sessiontest.Failing(t, o)
		require.Equal(t, "nobody", r.HeldBy().Culprit().Text())
		delay = 7 * time.Second
		s, err := Shrink(t.Context(), o, r, ShrinkOptions{Runs: 5})
		require.NoError(t, err)
		require.NotNil(t, s.Early)
		assert.True(t, s.Early.Refuted)
		assert.Nil(t, s.Run)
		assert.Zero(t, s.FailsAgain().Failures)
	})
}

// Operations that waited for others do not count.
func TestEarlyBoundExceedsTheSlowestOperation(t *testing.T) {
	took := func(from, to int64) model.Invoked {
		at := func(seconds int64) model.Instant { return model.Instant{Seq: seconds, Ns: seconds * 1e8} }
		return model.Invoked{Outcome: model.OK, Call: at(from), Return: at(to)}
	}
	h := &model.History{
		Operations: []model.Invoked{took(1, 5), took(6, 90), took(100, 180), {Outcome: model.Ambiguous, Return: model.Forever}},
		Evidence:   []model.Observation{{ID: 2, Held: true}},
		Faults:     []model.Fault{{Kind: "kill", Begin: model.Instant{Seq: 150, Ns: 15e9}, End: model.Instant{Seq: 151, Ns: 15e9}}},
	}
	for i := range h.Operations {
		h.Operations[i].ID = i + 1
	}
	assert.Equal(t, 400*time.Millisecond, slowest(h), "without the one at a gate and the one that met a kill")
	r := &harness.Run{Outcome: &harness.Outcome{History: h, Liveness: &harness.Liveness{Held: &harness.Holding{State: harness.Nobody}}}}
	assert.Equal(t, 4*time.Second, EarlyStopFor(r, 30*time.Second).Unchanged)
	assert.Equal(t, 2*time.Second, EarlyStopFor(r, 3*time.Second).Unchanged)
	assert.Equal(t, time.Second, EarlyStopFor(r, time.Second).Unchanged)
	h.Operations[0].Return.Ns = 20e9
	h.Operations[2].Outcome = model.Ambiguous
	h.Faults = nil
	assert.Equal(t, 10*time.Second, EarlyStopFor(r, 30*time.Second).Unchanged)
	r.Outcome.Liveness.Held = nil
	assert.Zero(t, EarlyStopFor(r, 30*time.Second), "nobody knows why")
}
