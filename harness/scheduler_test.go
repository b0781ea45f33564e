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
	"retain/runtime"
	"retain/runtime/simulated"
	"retain/service"
)

// clocked runs a test on a simulated clock, with a system on slow timings.
func clocked(t *testing.T, test func(t *testing.T, s *System, w *harnesstest.Wired)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s, w := WiredSystem(t, simulated.Options{Timings: harnesstest.Slow, Settings: runtime.Settings{Partitions: 4}})
		test(t, s, w)
	})
}

// evidence is the first evidence of a reading of an operation.
func (o *Outcome) evidence(step int, reading service.Reading) (model.Observation, bool) {
	for _, e := range o.History.Evidence {
		if e.ID == o.step(step).ID && e.Reading == string(reading) {
			return e, true
		}
	}
	return model.Observation{}, false
}

// duringFault reports that an operation was open when a fault began.
func (o *Outcome) openDuring(step, fault int) bool {
	op, f := o.step(step), o.fault(fault)
	return op.Call.Seq < f.Begin.Seq && f.Begin.Seq < op.Return.Seq
}

func TestFaultDoesNotWaitForOperationsBehindAGate(t *testing.T) {
	clocked(t, func(t *testing.T, s *System, _ *harnesstest.Wired) {
		out := play(t, s, generators.Config{},
			harnesstest.Operate(1, 0, register, model.RegisterWrite{Value: "v1"}),
			harnesstest.Operate(2, 1, register, model.RegisterRead{Exclusive: true}),
			harnesstest.Operate(3, 2, register, model.RegisterWrite{Value: "v3"}),
			harnesstest.Operate(4, 3, register, model.RegisterRead{}),
			harnesstest.Inject(5, model.Kill, generators.AtGate{Step: 1, After: true}),
			harnesstest.Inject(6, model.Start, generators.InPlace{}))
		for _, step := range []int{1, 2, 3} {
			assert.True(t, out.openDuring(step, 5), "step %d", step)
			assert.Equal(t, model.Ambiguous, out.step(step).Outcome)
		}
		for _, step := range []int{2, 3} {
			entered, ok := out.evidence(step, service.Entered)
			assert.True(t, !ok || entered.At.Seq > out.fault(5).End.Seq, "step %d waited its turn", step)
		}
		assert.Less(t, out.step(4).Return.Seq, out.fault(5).Begin.Seq, "a shared read goes on")
		assert.Equal(t, model.Answer(model.Text("v1")), out.step(4).Answer, "and sees what the held write did")
	})
}

// Only operations behind the held one can not continue.
func TestFaultWaitsForOperationsOnOtherObjects(t *testing.T) {
	clocked(t, func(t *testing.T, s *System, _ *harnesstest.Wired) {
		other := model.Object{Kind: model.Register, N: 1}
		out := play(t, s, generators.Config{},
			harnesstest.Operate(1, 0, register, model.RegisterWrite{Value: "v1"}),
			harnesstest.Operate(2, 1, other, model.RegisterWrite{Value: "v2"}),
			harnesstest.Operate(3, 1, other, model.RegisterRead{Exclusive: true}),
			harnesstest.Inject(4, model.Kill, generators.AtGate{Step: 1}),
			harnesstest.Inject(5, model.Start, generators.InPlace{}))
		assert.True(t, out.openDuring(1, 4))
		assert.Less(t, out.step(3).Return.Seq, out.fault(4).Begin.Seq)
	})
}

// TestInPlaceWaitsForAnOpenOperation that is held by somebody else than the plan;
// WhileOpen does not.
func TestOnlyInPlaceTriggersWaitForOpenOperations(t *testing.T) {
	for name, c := range map[string]struct {
		when generators.Trigger
		open bool
	}{
		"in place does":          {generators.InPlace{}, false},
		"while it is open: not":  {generators.WhileOpen{Step: 1}, true},
		"while another is: not":  {generators.WhileOpen{Step: 2}, true},
		"a step that is gone":    {generators.WhileOpen{Step: 9}, true},
		"a gate's, that is gone": {generators.AtGate{Step: 9}, true},
	} {
		t.Run(name, func(t *testing.T) {
			clocked(t, func(t *testing.T, s *System, w *harnesstest.Wired) {
				gates := []service.Gate{w.Arm("run/1", service.Before), w.Arm("run/2", service.Before)}
				go func() {
					time.Sleep(500 * time.Millisecond) // on the simulated clock
					for _, g := range gates {
						g.Open()
					}
				}()
				other := model.Object{Kind: model.Register, N: 1}
				out := play(t, s, generators.Config{},
					harnesstest.Operate(1, 0, register, model.RegisterWrite{Value: "v1"}),
					harnesstest.Operate(2, 1, other, model.RegisterWrite{Value: "v2"}),
					harnesstest.Inject(3, model.Kill, c.when),
					harnesstest.Inject(4, model.Start, generators.InPlace{}))
				if _, gone := c.when.(generators.InPlace); gone {
					assert.Less(t, out.step(1).Return.Seq, out.fault(3).Begin.Seq)
					assert.Less(t, out.step(2).Return.Seq, out.fault(3).Begin.Seq)
					assert.Greater(t, out.fault(3).Begin.Ns, int64(400*time.Millisecond))
					return
				}
				assert.Less(t, out.fault(3).Begin.Ns, int64(400*time.Millisecond), "nobody waited for the gates")
				if w, ok := c.when.(generators.WhileOpen); ok && w.Step < 9 {
					assert.True(t, out.openDuring(w.Step, 3))
				}
			})
		})
	}
}

// It does not wait for other steps.
func TestTriggerOfAFinishedStepIsDueAtOnce(t *testing.T) {
	for _, when := range []generators.Trigger{generators.WhileOpen{Step: 1}, generators.AtGate{Step: 1}} {
		clocked(t, func(t *testing.T, s *System, w *harnesstest.Wired) {
			g := w.Arm("run/4", service.Before) // the plan does not know it
			defer g.Open()
			out := play(t, s, generators.Config{},
				harnesstest.Operate(1, 0, register, model.RegisterWrite{Value: "v1"}),
				harnesstest.Inject(2, model.Stop, generators.InPlace{}),
				harnesstest.Inject(3, model.Start, generators.InPlace{}),
				harnesstest.Operate(4, 1, counter, model.CounterAdd{Delta: 1}),
				harnesstest.Inject(5, model.Kill, when),
				harnesstest.Inject(6, model.Start, generators.InPlace{}))
			assert.NotEqual(t, model.LeftOpen, out.step(1).Reason)
			assert.Greater(t, out.step(4).Return.Seq, out.fault(5).Begin.Seq)
		})
	}
}

// Its trigger does not matter then.
func TestFaultIsDueWhenNoClientCanContinue(t *testing.T) {
	for _, when := range []generators.Trigger{generators.WhileOpen{Step: 2}, generators.AtGate{Step: 2, After: true}, generators.InPlace{}} {
		for _, c := range []generators.Config{{}, {PushOn: true}} {
			clocked(t, func(t *testing.T, s *System, _ *harnesstest.Wired) {
				out := play(t, s, c,
					harnesstest.Inject(1, model.Kill, generators.InPlace{}),
					harnesstest.Operate(2, 0, counter, model.CounterAdd{Delta: 1}),
					harnesstest.Operate(3, 1, counter, model.CounterAdd{Delta: 1}),
					harnesstest.Inject(4, model.Kill, when), // nothing to kill
					harnesstest.Inject(5, model.Start, generators.InPlace{}),
					harnesstest.Operate(6, 0, counter, model.CounterGet{}))
				assert.Zero(t, out.fault(4), "it did nothing")
				assert.Contains(t, out.History.Notes, "step 4, kill: nothing to do")
				for _, id := range []int{2, 3, 6} { // a call that pushes on may get a 503
					assert.NotEqual(t, model.LeftOpen, out.step(id).Reason, "step %d", id)
				}
			})
		}
	}
}

// The config decides what clients do while the runtime is down.
func TestClientsPushOnOrWaitForReadiness(t *testing.T) {
	steps := []generators.Step{
		harnesstest.Inject(1, model.Kill, generators.InPlace{}),
		harnesstest.Inject(5, model.Kill, generators.InPlace{}), // nothing to kill: what follows begins when the server is gone, not while it goes
		harnesstest.Operate(2, 0, counter, model.CounterAdd{Delta: 1}),
		harnesstest.Inject(3, model.Start, generators.InPlace{}),
		harnesstest.Operate(4, 1, counter, model.CounterAdd{Delta: 1}),
	}
	clocked(t, func(t *testing.T, s *System, _ *harnesstest.Wired) {
		out := play(t, s, generators.Config{}, steps...)
		for _, id := range []int{2, 4} {
			assert.Greater(t, out.step(id).Call.Seq, out.fault(3).End.Seq, "step %d", id)
			assert.Len(t, out.step(id).Attempts, 1)
		}
	})
	clocked(t, func(t *testing.T, s *System, _ *harnesstest.Wired) {
		out := play(t, s, generators.Config{PushOn: true}, steps...)
		first := out.step(2).Attempts[0]
		assert.Less(t, first.End.Seq, out.fault(3).Begin.Seq, "it called a server that was down")
		assert.Equal(t, model.NotSent, first.Reason)
		assert.False(t, first.Wrote)
		assert.Greater(t, out.step(4).Call.Seq, out.fault(3).Begin.Seq, "what stands after the line waits for it")
		assert.Less(t, out.step(4).Call.Seq, out.fault(3).End.Seq, "and not for readiness")
		assert.True(t, out.step(2).MayHaveRun(), "it went on with the next incarnation")
	})
}

// An offset adds to the milestone.
func TestFaultStrikesAtAMilestoneOfAStart(t *testing.T) {
	ms := time.Millisecond
	for name, c := range map[string]struct {
		when generators.Starting
		// after is the time from the spawn, 0 for the milestone's.
		after time.Duration
		// before lists what the start had not reached.
		before []generators.Milestone
	}{
		"spawned":             {generators.Starting{Milestone: generators.Spawned}, 0, []generators.Milestone{generators.Port, generators.Health, generators.FirstProbe}},
		"port":                {generators.Starting{Milestone: generators.Port}, 0, []generators.Milestone{generators.Health, generators.FirstProbe}},
		"health":              {generators.Starting{Milestone: generators.Health}, 0, []generators.Milestone{generators.FirstProbe}},
		"canary":              {generators.Starting{Milestone: generators.FirstProbe}, 0, []generators.Milestone{generators.FirstProbe}},
		"an offset":           {generators.Starting{Milestone: generators.Spawned, OffsetMs: 7}, 7 * ms, []generators.Milestone{generators.Port}},
		"an offset, later on": {generators.Starting{Milestone: generators.Health, OffsetMs: 30}, 0, []generators.Milestone{generators.FirstProbe}},
	} {
		t.Run(name, func(t *testing.T) {
			clocked(t, func(t *testing.T, s *System, _ *harnesstest.Wired) {
				out := play(t, s, generators.Config{},
					harnesstest.Operate(1, 0, register, model.RegisterWrite{Value: "v1"}),
					harnesstest.Operate(2, 0, counter, model.CounterAdd{Delta: 1}),
					harnesstest.Inject(3, model.Kill, generators.InPlace{}),
					harnesstest.Inject(4, model.Start, generators.InPlace{}),
					harnesstest.Inject(5, model.Kill, c.when),
					harnesstest.Inject(6, model.Start, generators.InPlace{}))
				kill, start, r := out.fault(5), out.fault(4), out.History.Recoveries[0]
				assert.Greater(t, kill.Begin.Seq, start.Begin.Seq)
				assert.Less(t, kill.Begin.Seq, start.End.Seq, "the start was under way")
				assert.Equal(t, "ended before it was ready", start.Detail)
				came := map[generators.Milestone]int64{generators.Spawned: r.Spawned, generators.Port: r.Port, generators.Health: r.Health, generators.FirstProbe: r.Probe}
				for _, m := range c.before {
					assert.Zero(t, came[m], "%s", m)
				}
				if c.when.Milestone != generators.FirstProbe {
					offset := int64(c.when.OffsetMs) * int64(ms)
					assert.NotZero(t, came[c.when.Milestone])
					assert.Equal(t, came[c.when.Milestone]+offset, kill.Begin.Ns)
				}
				if c.after > 0 {
					assert.Equal(t, int64(c.after), kill.Begin.Ns-r.Spawned)
				}
			})
		})
	}
}

// It does not count from the turn of the fault.
func TestOffsetCountsFromTheMilestone(t *testing.T) {
	clocked(t, func(t *testing.T, s *System, _ *harnesstest.Wired) {
		out := play(t, s, generators.Config{},
			harnesstest.Operate(1, 0, register, model.RegisterWrite{Value: "v1"}),
			harnesstest.Inject(2, model.Kill, generators.InPlace{}),
			harnesstest.Inject(3, model.Start, generators.InPlace{}),
			harnesstest.Inject(4, model.Start, generators.Starting{Milestone: generators.Health}), // does nothing, at 20 ms
			harnesstest.Inject(5, model.Kill, generators.Starting{Milestone: generators.Spawned, OffsetMs: 40}),
			harnesstest.Inject(6, model.Start, generators.InPlace{}))
		r := out.History.Recoveries[0]
		assert.Equal(t, r.Spawned+int64(40*time.Millisecond), out.fault(5).Begin.Ns)
	})
}

// The rest of an offset is still waited for.
func TestTriggersOfAStartThatIsOverAreDue(t *testing.T) {
	clocked(t, func(t *testing.T, s *System, _ *harnesstest.Wired) {
		out := play(t, s, generators.Config{NoClosingKill: true},
			harnesstest.Operate(1, 0, register, model.RegisterWrite{Value: "v1"}),
			harnesstest.Inject(2, model.Kill, generators.Starting{Milestone: generators.Health, OffsetMs: 1000}), // no start at all
			harnesstest.Inject(3, model.Start, generators.InPlace{}),
			harnesstest.Inject(4, model.Kill, generators.Starting{Milestone: generators.Spawned, OffsetMs: 1000}),
			harnesstest.Inject(5, model.Start, generators.InPlace{}))
		assert.Less(t, out.fault(2).Begin.Ns, int64(300*time.Millisecond))
		assert.Equal(t, "ready", out.fault(3).Detail)
		assert.Equal(t, out.fault(3).End.Ns, out.fault(4).Begin.Ns)
	})
}

// Only a fault whose trigger is the start itself comes earlier.
func TestStartEndsBeforeTheNextFault(t *testing.T) {
	clocked(t, func(t *testing.T, s *System, _ *harnesstest.Wired) {
		out := play(t, s, generators.Config{PushOn: true},
			harnesstest.Inject(1, model.Kill, generators.InPlace{}),
			harnesstest.Inject(2, model.Start, generators.InPlace{}),
			harnesstest.Inject(3, model.Stop, generators.InPlace{}))
		assert.Equal(t, "ready", out.fault(2).Detail)
		assert.Greater(t, out.fault(3).Begin.Seq, out.fault(2).End.Seq)
	})
	clocked(t, func(t *testing.T, s *System, _ *harnesstest.Wired) {
		out := play(t, s, generators.Config{PushOn: true, Retry: true},
			harnesstest.Inject(1, model.Kill, generators.InPlace{}),
			harnesstest.Inject(2, model.Start, generators.InPlace{}),
			harnesstest.Operate(3, 0, counter, model.CounterAdd{Delta: 1}),
			harnesstest.Inject(4, model.Kill, generators.WhileOpen{Step: 3}),
			harnesstest.Inject(5, model.Start, generators.InPlace{}))
		assert.Equal(t, "ended before it was ready", out.fault(2).Detail, "the call was open before the start was over")
		assert.True(t, out.openDuring(3, 4))
	})
}

func TestStopOpensItsGateUnlessItHolds(t *testing.T) {
	for _, hold := range []bool{false, true} {
		for _, after := range []bool{false, true} {
			clocked(t, func(t *testing.T, s *System, _ *harnesstest.Wired) {
				out := play(t, s, generators.Config{NoClosingKill: true},
					harnesstest.Operate(1, 0, register, model.RegisterWrite{Value: "v1"}),
					generators.Inject{ID: 2, Fault: model.Stop, When: generators.AtGate{Step: 1, After: after}, HoldThroughStop: hold},
					harnesstest.Inject(3, model.Start, generators.InPlace{}))
				require.True(t, out.openDuring(1, 2))
				if hold {
					assert.Equal(t, model.Ambiguous, out.step(1).Outcome)
					assert.Equal(t, "exit 0 after 25ms", out.fault(2).Detail, "all of the drain")
				} else {
					assert.Equal(t, model.OK, out.step(1).Outcome, "it finished while the runtime drained")
					assert.Equal(t, "exit 0 after 0s", out.fault(2).Detail)
				}
				e, ok := out.evidence(1, service.Effect)
				assert.True(t, ok)
				assert.Equal(t, after, e.Held && e.At.Seq < out.fault(2).Begin.Seq)
			})
		}
	}
}

// A client that waits for readiness waits for the resume.
func TestPausedServerContinuesAfterResume(t *testing.T) {
	clocked(t, func(t *testing.T, s *System, _ *harnesstest.Wired) {
		out := play(t, s, generators.Config{},
			harnesstest.Operate(1, 0, counter, model.CounterAdd{Delta: 1}),
			harnesstest.Inject(2, model.Pause, generators.InPlace{}),
			harnesstest.Operate(3, 0, counter, model.CounterAdd{Delta: 1}),
			harnesstest.Inject(4, model.Pause, generators.InPlace{}), // nothing to do
			harnesstest.Inject(5, model.Resume, generators.InPlace{}),
			harnesstest.Operate(6, 1, counter, model.CounterGet{}))
		assert.Greater(t, out.step(3).Call.Seq, out.fault(5).Begin.Seq)
		assert.Zero(t, out.fault(4))
		assert.Contains(t, out.History.Notes, "step 4, pause: nothing to do")
		for _, id := range []int{1, 3, 6} {
			assert.Equal(t, model.OK, out.step(id).Outcome)
		}
	})
	clocked(t, func(t *testing.T, s *System, _ *harnesstest.Wired) { // killed in its sleep
		out := play(t, s, generators.Config{PushOn: true},
			harnesstest.Inject(1, model.Pause, generators.InPlace{}),
			harnesstest.Operate(2, 0, counter, model.CounterAdd{Delta: 1}),
			harnesstest.Inject(3, model.Kill, generators.InPlace{}),
			harnesstest.Inject(4, model.Start, generators.InPlace{}))
		assert.True(t, out.openDuring(2, 3))
		assert.Equal(t, model.Ambiguous, out.step(2).Outcome)
	})
	clocked(t, func(t *testing.T, s *System, _ *harnesstest.Wired) { // and woken by the heal
		out := play(t, s, generators.Config{PushOn: true},
			harnesstest.Inject(1, model.Pause, generators.InPlace{}),
			harnesstest.Operate(2, 0, counter, model.CounterAdd{Delta: 1}))
		assert.Equal(t, model.OK, out.step(2).Outcome)
		assert.Equal(t, model.Resume, out.History.Faults[1].Kind)
	})
}

func TestStopThatEndedInSIGKILLIsAKill(t *testing.T) {
	clocked(t, func(t *testing.T, s *System, _ *harnesstest.Wired) {
		s.Runtime = killingStops{s.Runtime.(*harnesstest.Wired)}
		out := play(t, s, generators.Config{NoClosingKill: true},
			harnesstest.Operate(1, 0, counter, model.CounterAdd{Delta: 1}),
			harnesstest.Inject(2, model.Stop, generators.InPlace{}),
			harnesstest.Inject(3, model.Start, generators.InPlace{}))
		assert.Equal(t, model.Kill, out.fault(2).Kind)
		assert.Equal(t, "killed after 0s", out.fault(2).Detail)
	})
}

// killingStops is a runtime whose stops run out of patience.
type killingStops struct{ *harnesstest.Wired }

func (k killingStops) Stop(ctx context.Context) (runtime.Exit, error) {
	return runtime.Exit{Code: -1, Killed: true}, k.Wired.Kill(ctx)
}

// The plan may leave the server stopped, killed or paused. The server is killed once
// more before it is read, unless the plan turns that off.
func TestRunEndsWithAHealedServer(t *testing.T) {
	for name, end := range map[string]model.FaultKind{"stopped": model.Stop, "killed": model.Kill, "paused": model.Pause} {
		for _, kill := range []bool{true, false} {
			t.Run(name, func(t *testing.T) {
				clocked(t, func(t *testing.T, s *System, _ *harnesstest.Wired) {
					out := play(t, s, generators.Config{NoClosingKill: !kill},
						harnesstest.Operate(1, 0, counter, model.CounterAdd{Delta: 1}),
						harnesstest.Inject(2, end, generators.InPlace{}),
						harnesstest.Operate(3, 0, counter, model.CounterAdd{Delta: 1}),
						harnesstest.Operate(4, 1, counter, model.CounterGet{}))
					assert.Equal(t, model.OK, out.step(3).Outcome)
					var closing model.Fault
					for _, f := range out.History.Faults {
						if f.Kind == "kill" && f.Step == 0 {
							closing = f
						}
					}
					assert.Equal(t, kill, closing.Kind == "kill")
					looks := 0
					for _, o := range out.History.Operations {
						if o.Phase == model.Look {
							looks++
							assert.Greater(t, o.Call.Seq, closing.End.Seq)
						} else {
							assert.True(t, !kill || o.Return.Seq < closing.Begin.Seq)
						}
					}
					assert.Equal(t, 2, looks)
				})
			})
		}
	}
}

// The client whose operation the gate is armed for is done. Other clients still wait for
// the gate.
func TestCutProgramEndsWithAnUnusedGate(t *testing.T) {
	plan := generators.Plan{Steps: []generators.Step{
		harnesstest.Operate(1, 1, register, model.RegisterWrite{Value: "v1"}),
		harnesstest.Operate(2, 2, register, model.RegisterRead{}),
		harnesstest.Inject(3, model.Kill, generators.AtGate{Step: 1}),
	}}
	r := newRun(&System{}, plan, &recorder{}, "run", quick)
	r.state, r.cut = ready, true
	r.ops[1].gated = true
	r.clients[1].at = len(plan.Steps)
	r.clients[2].waiting = true
	assert.True(t, r.settled(len(plan.Steps)))

	r.clients[1].at, r.clients[1].waiting = 0, true
	assert.False(t, r.settled(len(plan.Steps)), "it can go on, and then the other one")
}

// A kill releases every gate: the client that sends its operation again can continue.
func TestRestartDoesNotWaitForKilledOperations(t *testing.T) {
	clocked(t, func(t *testing.T, s *System, _ *harnesstest.Wired) {
		out := play(t, s, generators.Config{Retry: true, PushOn: true},
			harnesstest.Operate(1, 0, counter, model.CounterAdd{Delta: 1}),
			harnesstest.Operate(2, 1, register, model.RegisterRead{}),
			harnesstest.Inject(3, model.Kill, generators.WhileOpen{Step: 9}), // at once
			harnesstest.Inject(4, model.Start, generators.InPlace{}),
			harnesstest.Inject(5, model.Kill, generators.AtGate{Step: 1, After: true}),
			harnesstest.Inject(6, model.Start, generators.InPlace{}),
			harnesstest.Inject(7, model.Stop, generators.InPlace{}))
		assert.True(t, out.openDuring(1, 5))
		assert.Less(t, out.step(1).Return.Seq, out.fault(7).Begin.Seq, "the stop waited for the retry")
		assert.Equal(t, model.OK, out.step(1).Outcome)
	})
}
