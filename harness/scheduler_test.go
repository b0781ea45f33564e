package harness

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/generators"
	"retain/model"
	"retain/runtime"
	"retain/runtime/simulated"
	"retain/service"
)

// clocked runs a test on a simulated clock, with a system on slow timings.
func clocked(t *testing.T, test func(t *testing.T, s *System, w *Wired)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s, w := WiredSystem(t, simulated.Options{Timings: slow, Settings: runtime.Settings{Partitions: 4}})
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

func TestWhatStandsBehindAHeldOperationIsNotWaitedFor(t *testing.T) {
	clocked(t, func(t *testing.T, s *System, _ *Wired) {
		out := play(t, s, generators.Config{},
			operate(1, 0, register, model.RegisterWrite{Value: "v1"}),
			operate(2, 1, register, model.RegisterRead{Exclusive: true}),
			operate(3, 2, register, model.RegisterWrite{Value: "v3"}),
			operate(4, 3, register, model.RegisterRead{}),
			inject(5, generators.Kill, generators.AtGate{Step: 1, After: true}),
			inject(6, generators.Start, generators.InPlace{}))
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

// TestAnotherObjectIsWaitedFor: only what waits behind the held operation can't
// go on.
func TestAnotherObjectIsWaitedFor(t *testing.T) {
	clocked(t, func(t *testing.T, s *System, _ *Wired) {
		other := model.Object{Kind: model.Register, N: 1}
		out := play(t, s, generators.Config{},
			operate(1, 0, register, model.RegisterWrite{Value: "v1"}),
			operate(2, 1, other, model.RegisterWrite{Value: "v2"}),
			operate(3, 1, other, model.RegisterRead{Exclusive: true}),
			inject(4, generators.Kill, generators.AtGate{Step: 1}),
			inject(5, generators.Start, generators.InPlace{}))
		assert.True(t, out.openDuring(1, 4))
		assert.Less(t, out.step(3).Return.Seq, out.fault(4).Begin.Seq)
	})
}

// TestInPlaceWaitsForAnOpenOperation that is held by somebody else than the plan;
// WhileOpen does not.
func TestWhoWaitsForAnOpenOperation(t *testing.T) {
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
			clocked(t, func(t *testing.T, s *System, w *Wired) {
				gates := []service.Gate{w.Arm("run/1", service.Before), w.Arm("run/2", service.Before)}
				go func() {
					time.Sleep(500 * time.Millisecond) // on the simulated clock
					for _, g := range gates {
						g.Open()
					}
				}()
				other := model.Object{Kind: model.Register, N: 1}
				out := play(t, s, generators.Config{},
					operate(1, 0, register, model.RegisterWrite{Value: "v1"}),
					operate(2, 1, other, model.RegisterWrite{Value: "v2"}),
					inject(3, generators.Kill, c.when),
					inject(4, generators.Start, generators.InPlace{}))
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

// TestATriggerWhoseStepIsOverIsDueAtOnce: it waits for nobody else either.
func TestATriggerWhoseStepIsOverIsDueAtOnce(t *testing.T) {
	for _, when := range []generators.Trigger{generators.WhileOpen{Step: 1}, generators.AtGate{Step: 1}} {
		clocked(t, func(t *testing.T, s *System, w *Wired) {
			g := w.Arm("run/4", service.Before) // the plan does not know it
			defer g.Open()
			out := play(t, s, generators.Config{},
				operate(1, 0, register, model.RegisterWrite{Value: "v1"}),
				inject(2, generators.Stop, generators.InPlace{}),
				inject(3, generators.Start, generators.InPlace{}),
				operate(4, 1, counter, model.CounterAdd{Delta: 1}),
				inject(5, generators.Kill, when),
				inject(6, generators.Start, generators.InPlace{}))
			assert.NotEqual(t, model.LeftOpen, out.step(1).Reason)
			assert.Greater(t, out.step(4).Return.Seq, out.fault(5).Begin.Seq)
		})
	}
}

// TestWhenNobodyCanGoOnTheNextFaultIsDue, whatever its trigger waits for.
func TestWhenNobodyCanGoOnTheNextFaultIsDue(t *testing.T) {
	for _, when := range []generators.Trigger{generators.WhileOpen{Step: 2}, generators.AtGate{Step: 2, After: true}, generators.InPlace{}} {
		for _, c := range []generators.Config{{}, {PushOn: true}} {
			clocked(t, func(t *testing.T, s *System, _ *Wired) {
				out := play(t, s, c,
					inject(1, generators.Kill, generators.InPlace{}),
					operate(2, 0, counter, model.CounterAdd{Delta: 1}),
					operate(3, 1, counter, model.CounterAdd{Delta: 1}),
					inject(4, generators.Kill, when), // nothing to kill
					inject(5, generators.Start, generators.InPlace{}),
					operate(6, 0, counter, model.CounterGet{}))
				assert.Zero(t, out.fault(4), "it did nothing")
				assert.Contains(t, out.History.Notes, "step 4, kill: nothing to do")
				for _, id := range []int{2, 3, 6} { // a call that pushes on may get a 503
					assert.NotEqual(t, model.LeftOpen, out.step(id).Reason, "step %d", id)
				}
			})
		}
	}
}

// TestClientsPushOnOrWait while the runtime is away.
func TestClientsPushOnOrWait(t *testing.T) {
	steps := []generators.Step{
		inject(1, generators.Kill, generators.InPlace{}),
		operate(2, 0, counter, model.CounterAdd{Delta: 1}),
		inject(3, generators.Start, generators.InPlace{}),
		operate(4, 1, counter, model.CounterAdd{Delta: 1}),
	}
	clocked(t, func(t *testing.T, s *System, _ *Wired) {
		out := play(t, s, generators.Config{}, steps...)
		for _, id := range []int{2, 4} {
			assert.Greater(t, out.step(id).Call.Seq, out.fault(3).End.Seq, "step %d", id)
			assert.Len(t, out.step(id).Attempts, 1)
		}
	})
	clocked(t, func(t *testing.T, s *System, _ *Wired) {
		out := play(t, s, generators.Config{PushOn: true}, steps...)
		first := out.step(2).Attempts[0]
		assert.Less(t, first.End.Seq, out.fault(3).Begin.Seq, "it called a server that was down")
		assert.Equal(t, model.NotSent, first.Reason)
		assert.False(t, first.Wrote)
		assert.Greater(t, out.step(4).Call.Seq, out.fault(3).Begin.Seq, "what stands after the line waits for it")
		assert.Less(t, out.step(4).Call.Seq, out.fault(3).End.Seq, "and not for readiness")
		assert.True(t, out.step(2).MayHaveRun(), "it went on with the next life")
	})
}

// TestAFaultDuringAStart comes at its milestone, or its offset later.
func TestAFaultDuringAStart(t *testing.T) {
	ms := time.Millisecond
	for name, c := range map[string]struct {
		when generators.Starting
		// after is the time from the spawn, 0 for the milestone's.
		after time.Duration
		// before lists what the start had not reached.
		before []generators.Milestone
	}{
		"spawned":             {generators.Starting{Milestone: generators.Spawned}, 0, []generators.Milestone{generators.Port, generators.Health, generators.Canary}},
		"port":                {generators.Starting{Milestone: generators.Port}, 0, []generators.Milestone{generators.Health, generators.Canary}},
		"health":              {generators.Starting{Milestone: generators.Health}, 0, []generators.Milestone{generators.Canary}},
		"canary":              {generators.Starting{Milestone: generators.Canary}, 0, []generators.Milestone{generators.Canary}},
		"an offset":           {generators.Starting{Milestone: generators.Spawned, OffsetMs: 7}, 7 * ms, []generators.Milestone{generators.Port}},
		"an offset, later on": {generators.Starting{Milestone: generators.Health, OffsetMs: 30}, 0, []generators.Milestone{generators.Canary}},
	} {
		t.Run(name, func(t *testing.T) {
			clocked(t, func(t *testing.T, s *System, _ *Wired) {
				out := play(t, s, generators.Config{},
					operate(1, 0, register, model.RegisterWrite{Value: "v1"}),
					operate(2, 0, counter, model.CounterAdd{Delta: 1}),
					inject(3, generators.Kill, generators.InPlace{}),
					inject(4, generators.Start, generators.InPlace{}),
					inject(5, generators.Kill, c.when),
					inject(6, generators.Start, generators.InPlace{}))
				kill, start, r := out.fault(5), out.fault(4), out.History.Recoveries[0]
				assert.Greater(t, kill.Begin.Seq, start.Begin.Seq)
				assert.Less(t, kill.Begin.Seq, start.End.Seq, "the start was under way")
				assert.Equal(t, "ended before it was ready", start.Detail)
				came := map[generators.Milestone]int64{generators.Spawned: r.Spawned, generators.Port: r.Port, generators.Health: r.Health, generators.Canary: r.Canary}
				for _, m := range c.before {
					assert.Zero(t, came[m], "%s", m)
				}
				switch offset := int64(c.when.OffsetMs) * int64(ms); {
				case c.when.Milestone != generators.Canary:
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

// TestAnOffsetCountsFromTheMilestone, not from when the fault's turn came.
func TestAnOffsetCountsFromTheMilestone(t *testing.T) {
	clocked(t, func(t *testing.T, s *System, _ *Wired) {
		out := play(t, s, generators.Config{},
			operate(1, 0, register, model.RegisterWrite{Value: "v1"}),
			inject(2, generators.Kill, generators.InPlace{}),
			inject(3, generators.Start, generators.InPlace{}),
			inject(4, generators.Start, generators.Starting{Milestone: generators.Health}), // does nothing, at 20 ms
			inject(5, generators.Kill, generators.Starting{Milestone: generators.Spawned, OffsetMs: 40}),
			inject(6, generators.Start, generators.InPlace{}))
		r := out.History.Recoveries[0]
		assert.Equal(t, r.Spawned+int64(40*time.Millisecond), out.fault(5).Begin.Ns)
	})
}

// TestAStartThatIsOverMakesItsTriggersDue: the offset's rest too.
func TestAStartThatIsOverMakesItsTriggersDue(t *testing.T) {
	clocked(t, func(t *testing.T, s *System, _ *Wired) {
		out := play(t, s, generators.Config{NoClosingKill: true},
			operate(1, 0, register, model.RegisterWrite{Value: "v1"}),
			inject(2, generators.Kill, generators.Starting{Milestone: generators.Health, OffsetMs: 1000}), // no start at all
			inject(3, generators.Start, generators.InPlace{}),
			inject(4, generators.Kill, generators.Starting{Milestone: generators.Spawned, OffsetMs: 1000}),
			inject(5, generators.Start, generators.InPlace{}))
		assert.Less(t, out.fault(2).Begin.Ns, int64(300*time.Millisecond))
		assert.Equal(t, "ready", out.fault(3).Detail)
		assert.Equal(t, out.fault(3).End.Ns, out.fault(4).Begin.Ns)
	})
}

// TestAStartEndsBeforeTheNextFault unless the fault is about it.
func TestAStartEndsBeforeTheNextFault(t *testing.T) {
	clocked(t, func(t *testing.T, s *System, _ *Wired) {
		out := play(t, s, generators.Config{PushOn: true},
			inject(1, generators.Kill, generators.InPlace{}),
			inject(2, generators.Start, generators.InPlace{}),
			inject(3, generators.Stop, generators.InPlace{}))
		assert.Equal(t, "ready", out.fault(2).Detail)
		assert.Greater(t, out.fault(3).Begin.Seq, out.fault(2).End.Seq)
	})
	clocked(t, func(t *testing.T, s *System, _ *Wired) {
		out := play(t, s, generators.Config{PushOn: true, Retry: true},
			inject(1, generators.Kill, generators.InPlace{}),
			inject(2, generators.Start, generators.InPlace{}),
			operate(3, 0, counter, model.CounterAdd{Delta: 1}),
			inject(4, generators.Kill, generators.WhileOpen{Step: 3}),
			inject(5, generators.Start, generators.InPlace{}))
		assert.Equal(t, "ended before it was ready", out.fault(2).Detail, "the call was open before the start was over")
		assert.True(t, out.openDuring(3, 4))
	})
}

// TestAStopOpensItsGateOrHolds.
func TestAStopOpensItsGateOrHolds(t *testing.T) {
	for _, hold := range []bool{false, true} {
		for _, after := range []bool{false, true} {
			clocked(t, func(t *testing.T, s *System, _ *Wired) {
				out := play(t, s, generators.Config{NoClosingKill: true},
					operate(1, 0, register, model.RegisterWrite{Value: "v1"}),
					generators.Inject{ID: 2, Fault: generators.Stop, When: generators.AtGate{Step: 1, After: after}, HoldThroughStop: hold},
					inject(3, generators.Start, generators.InPlace{}))
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

// TestAPausedRuntimeGoesOnWhenItIsResumed, and a client that waits for readiness
// waits for that.
func TestAPausedRuntimeGoesOnWhenItIsResumed(t *testing.T) {
	clocked(t, func(t *testing.T, s *System, _ *Wired) {
		out := play(t, s, generators.Config{},
			operate(1, 0, counter, model.CounterAdd{Delta: 1}),
			inject(2, generators.Pause, generators.InPlace{}),
			operate(3, 0, counter, model.CounterAdd{Delta: 1}),
			inject(4, generators.Pause, generators.InPlace{}), // nothing to do
			inject(5, generators.Resume, generators.InPlace{}),
			operate(6, 1, counter, model.CounterGet{}))
		assert.Greater(t, out.step(3).Call.Seq, out.fault(5).Begin.Seq)
		assert.Zero(t, out.fault(4))
		assert.Contains(t, out.History.Notes, "step 4, pause: nothing to do")
		for _, id := range []int{1, 3, 6} {
			assert.Equal(t, model.OK, out.step(id).Outcome)
		}
	})
	clocked(t, func(t *testing.T, s *System, _ *Wired) { // killed in its sleep
		out := play(t, s, generators.Config{PushOn: true},
			inject(1, generators.Pause, generators.InPlace{}),
			operate(2, 0, counter, model.CounterAdd{Delta: 1}),
			inject(3, generators.Kill, generators.InPlace{}),
			inject(4, generators.Start, generators.InPlace{}))
		assert.True(t, out.openDuring(2, 3))
		assert.Equal(t, model.Ambiguous, out.step(2).Outcome)
	})
	clocked(t, func(t *testing.T, s *System, _ *Wired) { // and woken by the heal
		out := play(t, s, generators.Config{PushOn: true},
			inject(1, generators.Pause, generators.InPlace{}),
			operate(2, 0, counter, model.CounterAdd{Delta: 1}))
		assert.Equal(t, model.OK, out.step(2).Outcome)
		assert.Equal(t, "resume", out.History.Faults[1].Kind)
	})
}

// TestAStopThatEndedInAKillIsAKill.
func TestAStopThatEndedInAKillIsAKill(t *testing.T) {
	clocked(t, func(t *testing.T, s *System, _ *Wired) {
		s.Runtime = killingStops{s.Runtime.(*Wired)}
		out := play(t, s, generators.Config{NoClosingKill: true},
			operate(1, 0, counter, model.CounterAdd{Delta: 1}),
			inject(2, generators.Stop, generators.InPlace{}),
			inject(3, generators.Start, generators.InPlace{}))
		assert.Equal(t, "kill", out.fault(2).Kind)
		assert.Equal(t, "killed after 0s", out.fault(2).Detail)
	})
}

// killingStops is a runtime whose stops run out of patience.
type killingStops struct{ *Wired }

func (k killingStops) Stop(ctx context.Context) (runtime.Exit, error) {
	return runtime.Exit{Code: -1, Killed: true}, k.Wired.Kill(ctx)
}

// TestThePlanIsHealed whatever state it leaves behind, and killed once more
// before it is read, unless the plan says not to.
func TestThePlanIsHealed(t *testing.T) {
	for name, end := range map[string]generators.FaultKind{"stopped": generators.Stop, "killed": generators.Kill, "paused": generators.Pause} {
		for _, kill := range []bool{true, false} {
			t.Run(name, func(t *testing.T) {
				clocked(t, func(t *testing.T, s *System, _ *Wired) {
					out := play(t, s, generators.Config{NoClosingKill: !kill},
						operate(1, 0, counter, model.CounterAdd{Delta: 1}),
						inject(2, end, generators.InPlace{}),
						operate(3, 0, counter, model.CounterAdd{Delta: 1}),
						operate(4, 1, counter, model.CounterGet{}))
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

// TestACutProgramWithAGateThatWaits: the client whose operation a gate is armed
// for is through, and others still wait for that gate.
func TestACutProgramWithAGateThatWaits(t *testing.T) {
	plan := generators.Plan{Steps: []generators.Step{
		operate(1, 1, register, model.RegisterWrite{Value: "v1"}),
		operate(2, 2, register, model.RegisterRead{}),
		inject(3, generators.Kill, generators.AtGate{Step: 1}),
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

// TestARestartIsNotHeldUpByWhatTheKillEnded: after a kill nothing stands at a
// gate, so a client that sends its operation again is waited for.
func TestARestartIsNotHeldUpByWhatTheKillEnded(t *testing.T) {
	clocked(t, func(t *testing.T, s *System, _ *Wired) {
		out := play(t, s, generators.Config{Retry: true, PushOn: true},
			operate(1, 0, counter, model.CounterAdd{Delta: 1}),
			operate(2, 1, register, model.RegisterRead{}),
			inject(3, generators.Kill, generators.WhileOpen{Step: 9}), // at once
			inject(4, generators.Start, generators.InPlace{}),
			inject(5, generators.Kill, generators.AtGate{Step: 1, After: true}),
			inject(6, generators.Start, generators.InPlace{}),
			inject(7, generators.Stop, generators.InPlace{}))
		assert.True(t, out.openDuring(1, 5))
		assert.Less(t, out.step(1).Return.Seq, out.fault(7).Begin.Seq, "the stop waited for the retry")
		assert.Equal(t, model.OK, out.step(1).Outcome)
	})
}
