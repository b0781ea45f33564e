package harness

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/checker"
	"retain/generators"
	"retain/harness/internal/harnesstest"
	"retain/model"
	"retain/runtime"
	"retain/runtime/simulated"
	"retain/service"
)

// servedSystem is a simulated runtime whose service can have every fault.
func servedSystem(t *testing.T, bugs ...simulated.Bug) *System {
	s := system(t, bugs...)
	r := s.Runtime.(*simulated.Runtime)
	s.Service = r.Process()
	s.Redeploy = func(context.Context, runtime.Endpoints) error { r.Redeploy(); return nil }
	return s
}

// serviceFaults are those that are done to the service and undo no other.
func serviceFaults() (out []model.FaultKind) {
	for _, k := range model.FaultKinds() {
		if k.OfService() && !k.Undoes() {
			out = append(out, k)
		}
	}
	return out
}

// entries are those of an operation, by the proxy's evidence.
func (o *Outcome) entries(id int) (out []string) {
	op := o.step(id)
	for _, e := range o.History.Evidence {
		if e.ID == op.ID {
			out = append(out, string(rune('0'+e.Entry))+" "+e.Reading)
		}
	}
	return out
}

// The client sees nothing of a fault of the service but time: the operation that it meets has
// one answer, in one attempt of its own, and the history a legal order.
func TestFaultsOfServiceCostTimeOnly(t *testing.T) {
	breaks := map[model.FaultKind]bool{model.Cut: true, model.Refuse: true, model.Crash: true, model.Move: true, model.Redeploy: true}
	for _, k := range serviceFaults() {
		for _, after := range []bool{false, true} {
			t.Run(string(k), func(t *testing.T) {
				steps := []generators.Step{
					harnesstest.Operate(1, 0, counter, model.CounterAdd{Delta: 1}),
					harnesstest.Inject(2, k, generators.AtGate{Step: 1, After: after}),
					harnesstest.Operate(3, 1, counter, model.CounterAdd{Delta: 1}),
				}
				if undo := k.Spec().Undo; undo != "" {
					steps = append(steps, harnesstest.Inject(4, undo, generators.InPlace{}))
				}
				out := play(t, servedSystem(t), generators.Config{}, steps...)
				for _, id := range []int{1, 3} {
					assert.Equal(t, model.OK, out.step(id).Outcome)
					assert.Len(t, out.step(id).Attempts, 1)
				}
				require.NotEqual(t, model.Forever, out.fault(2).End)
				if breaks[k] {
					assert.Contains(t, out.entries(1), "1 broken")
					assert.Contains(t, out.entries(1), "2 finished")
				} else {
					assert.NotContains(t, out.entries(1), "1 broken")
				}
				assert.Equal(t, checker.Pass, checker.Check(out.History, checker.Options{}).Verdict)
				moment := generators.BeforeEffect
				if after {
					moment = generators.AfterEffect
				}
				want := generators.Situation{Operation: "counter add", Fault: k, Moment: moment}
				if k != model.Delay || !after {
					assert.Contains(t, Situations(out.Plan, out.History), want)
				}
			})
		}
	}
}

// The end of a cut says which attempt it met. The first cut stands where no attempt can
// be retried: it would meet that.
func TestCutNamesTheAttempt(t *testing.T) {
	first := play(t, servedSystem(t), generators.Config{},
		harnesstest.Inject(1, model.Cut, generators.InPlace{}),
		harnesstest.Operate(2, 0, counter, model.CounterAdd{Delta: 1}))
	assert.Equal(t, "attempt 1 of operation 1 before its effect", first.fault(1).Detail)

	out := play(t, servedSystem(t), generators.Config{},
		harnesstest.Operate(1, 0, counter, model.CounterAdd{Delta: 1}),
		harnesstest.Inject(2, model.Cut, generators.AtGate{Step: 1, After: true}),
		harnesstest.Operate(3, 0, counter, model.CounterAdd{Delta: 1}))
	assert.Equal(t, "attempt 1 of operation 1 after its effect", out.fault(2).Detail)
	assert.Equal(t, []model.Struck{{ID: 1, Entry: 1, Reading: "effect"}}, out.fault(2).Struck)
	entries := Entries(out.History, 1)[1]
	require.Len(t, entries, 2)
	assert.True(t, entries[0].Broken)
	assert.Equal(t, model.Cut, entries[0].Fault)
	assert.Equal(t, service.Finished, entries[1].Reading)

	last := play(t, servedSystem(t), generators.Config{}, harnesstest.Inject(1, model.Cut, generators.InPlace{}))
	assert.Equal(t, "met no attempt", last.fault(1).Detail, "no operation follows")
}

// A service that is away comes back before the server starts or stops, and at the heal.
func TestServiceComesBackBeforeTheServer(t *testing.T) {
	for _, k := range []model.FaultKind{model.Refuse, model.Stall, model.Freeze} {
		t.Run(string(k), func(t *testing.T) {
			undo := k.Spec().Undo
			kinds := func(out *Outcome) (all []model.FaultKind) {
				for _, f := range out.History.Faults {
					all = append(all, f.Kind)
				}
				return all
			}
			s := servedSystem(t)
			out := play(t, s, generators.Config{PushOn: true},
				harnesstest.Operate(1, 0, counter, model.CounterAdd{Delta: 1}),
				harnesstest.Inject(2, k, generators.AtGate{Step: 1}),
				harnesstest.Inject(3, model.Kill, generators.InPlace{}),
				harnesstest.Inject(4, model.Start, generators.InPlace{}))
			assert.Equal(t, []model.FaultKind{k, model.Kill, undo, model.Start, model.Kill, model.Start}, kinds(out))
			out = play(t, s, generators.Config{NoClosingKill: true},
				harnesstest.Operate(1, 0, counter, model.CounterAdd{Delta: 1}),
				harnesstest.Inject(2, k, generators.AtGate{Step: 1}))
			assert.Equal(t, []model.FaultKind{k, undo}, kinds(out), "the heal")
			assert.Equal(t, model.OK, out.step(1).Outcome)
		})
	}
}

func TestServiceOfOthersHasNoProcessToKill(t *testing.T) {
	out := play(t, system(t), generators.Config{},
		harnesstest.Operate(1, 0, counter, model.CounterAdd{Delta: 1}),
		harnesstest.Inject(2, model.Crash, generators.AtGate{Step: 1}),
		harnesstest.Inject(3, model.Redeploy, generators.InPlace{}))
	assert.Contains(t, out.History.Notes, "step 2, crash: retain did not start the service's process")
	assert.Contains(t, out.History.Notes, "step 3, redeploy: this deployment can't move")
	assert.Equal(t, model.OK, out.step(1).Outcome)
}

// What needs the process of the handlers does nothing without one, and is not drawn there; all
// else is done, and drawn.
func TestFaultsOfAProcessAreNotDrawnWhereThereIsNone(t *testing.T) {
	s := servedSystem(t)
	s.Service = nil
	excluded := WithoutProcess()
	require.NoError(t, excluded.Check())
	for i, k := range serviceFaults() {
		out := play(t, s, generators.Config{NoClosingKill: true},
			harnesstest.Operate(1, 0, counter, model.CounterAdd{Delta: int64(i + 1)}), harnesstest.Inject(2, k, generators.InPlace{}))
		idle := slices.Contains(out.History.Notes, "step 2, "+string(k)+": retain did not start the service's process")
		assert.Equal(t, idle, excluded.ExcludesFault(k), k)
	}
	drawn := map[model.FaultKind]bool{}
	for n := range 200 {
		for _, step := range generators.Draw(3, n, generators.Options{ServiceFaults: 1, Exclude: excluded}).Steps {
			if f, is := step.(generators.Inject); is {
				drawn[f.Fault] = true
			}
		}
	}
	for _, k := range serviceFaults() {
		assert.NotEqual(t, excluded.ExcludesFault(k), drawn[k], k)
	}
	assert.False(t, drawn[model.Thaw], "there is nothing to thaw")
}

// An operation that a service kept waiting is not stuck: its bound counts from the service's
// return.
func TestBoundsCountFromTheServicesReturn(t *testing.T) {
	r := newRun(servedSystem(t), generators.Plan{}, newTestRecorder(t), "run", quick)
	sent := time.Now()
	assert.False(t, r.disturbedSince(sent))
	require.NoError(t, r.inject(t.Context(), generators.Inject{Fault: model.Stall}, func() {}), "it does nothing: no server is ready")
	assert.False(t, r.disturbedSince(sent))
	r.state = ready
	require.NoError(t, r.inject(t.Context(), generators.Inject{Fault: model.Stall}, func() {}))
	assert.True(t, r.disturbedSince(time.Now()), "as long as it lasts")
	require.NoError(t, r.inject(t.Context(), generators.Inject{Fault: model.Release}, func() {}))
	assert.True(t, r.disturbedSince(sent))
	assert.False(t, r.disturbedSince(time.Now().Add(time.Millisecond)))
}

// What a run leaves of a fault is gone with it: the next one is served.
func TestRunThatFailsLeavesTheServiceReady(t *testing.T) {
	s := servedSystem(t)
	r := newRun(s, generators.Plan{}, newTestRecorder(t), "run", quick)
	r.state = ready
	require.NoError(t, r.inject(t.Context(), generators.Inject{Fault: model.Refuse}, func() {}))
	require.NoError(t, r.inject(t.Context(), generators.Inject{Fault: model.Cut, When: generators.InPlace{}}, func() {}))
	r.leaveService()
	out := play(t, s, generators.Config{}, harnesstest.Operate(1, 0, counter, model.CounterAdd{Delta: 1}))
	assert.Equal(t, []string{"1 entered", "1 effect", "1 finished"}, out.entries(1))
}

// A share of a load's attempts is struck, and none of the program's.
func TestCutUnderLoadStrikesTheLoad(t *testing.T) {
	r := newRun(servedSystem(t), generators.Plan{}, newTestRecorder(t), "run", quick)
	matches, n := r.attemptsOf(generators.Inject{Fault: model.Cut, When: generators.InFlight{Operations: 8}})
	assert.Equal(t, 3, n)
	assert.True(t, matches("run/load-2-1"))
	assert.False(t, matches("run/2"))
	matches, n = r.attemptsOf(generators.Inject{Fault: model.Cut, When: generators.InPlace{}})
	assert.Equal(t, 1, n)
	assert.True(t, matches("run/2"))
	assert.False(t, matches("run/load-2-1"))
	assert.False(t, matches("other/2"))
}

// A bug that strikes where attempts are broken is found by a cut, without any fault of the
// server.
func TestDoubleEffectAtACutIsAViolation(t *testing.T) {
	out := play(t, servedSystem(t, simulated.DoubleApply), generators.Config{NoClosingKill: true},
		harnesstest.Operate(1, 0, counter, model.CounterAdd{Delta: 1}),
		harnesstest.Inject(2, model.Cut, generators.AtGate{Step: 1, After: true}),
		harnesstest.Operate(3, 0, counter, model.CounterGet{}))
	assert.Equal(t, checker.Violation, checker.Check(out.History, checker.Options{}).Verdict)
}
