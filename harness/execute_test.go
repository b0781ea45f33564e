package harness

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"retain/checker"
	"retain/generators"
	"retain/harness/internal/harnesstest"
	"retain/model"
	"retain/runtime/ingress"
	"retain/runtime/simulated"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	counter  = model.Object{Kind: model.Counter}
	register = model.Object{Kind: model.Register}
)

// system is a simulated runtime that is up.
func system(t *testing.T, bugs ...simulated.Bug) *System {
	r := simulated.New(simulated.Options{Nonce: "n", Bugs: bugs, Rate: 1, Seed: 1})
	s := &System{Runtime: r, Control: r, Nonce: "n", Contract: simulated.Contract()}
	require.NoError(t, s.Boot(t.Context()))
	t.Cleanup(func() { require.NoError(t, s.Shutdown(t.Context())) })
	return s
}

var quick = Bounds{Recovery: 20 * time.Second, Completion: time.Second}

// play runs steps on a system.
func play(t *testing.T, s *System, c generators.Config, steps ...generators.Step) *Outcome {
	return playPlan(t, s, generators.Plan{Config: c, Steps: steps})
}

// playPlan runs a plan on a system and checks what holds for every run: the history on
// disk is the one in memory, and it is well-formed.
func playPlan(t *testing.T, s *System, plan generators.Plan) *Outcome {
	require.NoError(t, generators.Validate(plan))
	path := filepath.Join(t.TempDir(), "history.jsonl")
	out, err := Execute(t.Context(), s, plan, Execution{ID: "run", Path: path, Bounds: quick})
	require.NoError(t, err)
	file, err := os.Open(path)
	require.NoError(t, err)
	defer file.Close()
	onDisk, err := model.ReadHistory(file)
	require.NoError(t, err)
	require.True(t, reflect.DeepEqual(out.History, onDisk), "the history on disk is another one")
	require.NoError(t, onDisk.Validate())
	return out
}

// step is the operation of a step.
func (o *Outcome) step(id int) model.Invoked {
	for _, op := range o.History.Operations {
		if op.Step == id {
			return op
		}
	}
	return model.Invoked{}
}

// fault is the fault of a step.
func (o *Outcome) fault(id int) model.Fault {
	for _, f := range o.History.Faults {
		if f.Step == id {
			return f
		}
	}
	return model.Fault{}
}

func TestFaultIsABarrierForLaterSteps(t *testing.T) {
	for name, c := range map[string]generators.Config{"waiting": {}, "pushing on": {PushOn: true}} {
		t.Run(name, func(t *testing.T) {
			out := play(t, system(t), c,
				harnesstest.Operate(1, 0, counter, model.CounterAdd{Delta: 1}),
				harnesstest.Operate(2, 1, counter, model.CounterAdd{Delta: 1}),
				harnesstest.Inject(3, model.Stop, generators.InPlace{}),
				harnesstest.Inject(4, model.Start, generators.InPlace{}),
				harnesstest.Operate(5, 1, counter, model.CounterGet{}))
			for _, id := range []int{1, 2} {
				assert.Less(t, out.step(id).Return.Seq, out.fault(3).Begin.Seq, "what stands before a fault in place has returned")
			}
			assert.Greater(t, out.step(5).Call.Seq, out.fault(4).Begin.Seq)
			if !c.PushOn {
				assert.Greater(t, out.step(5).Call.Seq, out.fault(4).End.Seq, "the client waited until the runtime was ready")
				assert.Equal(t, model.OK, out.step(5).Outcome)
			} // one that pushes on may find a connection of the incarnation before
			assert.Equal(t, model.Answer(model.Integer(2)), out.step(5).In(model.Resolved).Answer)
		})
	}
}

func TestGateHoldsItsOperationUntilTheFault(t *testing.T) {
	for _, after := range []bool{false, true} {
		for _, fault := range []model.FaultKind{model.Stop, model.Kill} {
			t.Run(generators.FaultPoint{Fault: fault, After: after}.String(), func(t *testing.T) {
				out := play(t, system(t), generators.Config{},
					harnesstest.Operate(1, 0, register, model.RegisterWrite{Value: "v1"}),
					harnesstest.Operate(2, 1, register, model.RegisterRead{}),
					harnesstest.Inject(3, fault, generators.AtGate{Step: 1, After: after}),
					harnesstest.Inject(4, model.Start, generators.InPlace{}))
				write, read, at := out.step(1), out.step(2), out.fault(3).Begin
				assert.Greater(t, write.Return.Seq, at.Seq, "the write was open when the fault began")
				assert.Less(t, read.Return.Seq, at.Seq, "the read was not")
				want := model.Text("")
				if after {
					want = "v1"
				}
				assert.Equal(t, model.Answer(want), read.Answer, "a shared reader beside the gate sees what is there")
				tally := TallyOf(0, out.History)
				assert.Equal(t, 1, tally.FaultPoints[generators.FaultPoint{Fault: fault, After: after}])
			})
		}
	}
}

func TestWhileOpenFaultStrikesDuringTheOperation(t *testing.T) {
	out := play(t, system(t), generators.Config{},
		harnesstest.Operate(1, 0, counter, model.CounterAdd{Delta: 1}),
		harnesstest.Inject(2, model.Kill, generators.WhileOpen{Step: 1}),
		harnesstest.Inject(3, model.Start, generators.InPlace{}))
	assert.Less(t, out.step(1).Call.Seq, out.fault(2).Begin.Seq)
}

func TestInapplicableStepsAreNoOps(t *testing.T) {
	out := play(t, system(t), generators.Config{NoClosingKill: true},
		harnesstest.Inject(1, model.Start, generators.InPlace{}),
		harnesstest.Inject(2, model.Resume, generators.InPlace{}),
		harnesstest.Inject(3, model.Kill, generators.InPlace{}),
		harnesstest.Inject(4, model.Stop, generators.InPlace{}),
		harnesstest.Operate(5, 0, counter, model.CounterAdd{Delta: 1})) // the plan ends with the runtime down
	assert.Equal(t, model.OK, out.step(5).Outcome, "the heal starts the runtime, and the client goes on")
	assert.Equal(t, []model.FaultKind{"kill", "start"}, []model.FaultKind{out.History.Faults[0].Kind, out.History.Faults[1].Kind})
	assert.Len(t, out.History.Faults, 2)
}

func TestServerKilledDuringItsStartIsNoticed(t *testing.T) {
	for range 20 { // the client must not sleep through the short incarnation
		out := play(t, system(t), generators.Config{PushOn: true},
			harnesstest.Inject(1, model.Kill, generators.InPlace{}),
			harnesstest.Operate(2, 0, counter, model.CounterAdd{Delta: 1}),
			harnesstest.Inject(3, model.Start, generators.InPlace{}),
			harnesstest.Inject(4, model.Kill, generators.Starting{Milestone: generators.Spawned}),
			harnesstest.Inject(5, model.Start, generators.InPlace{}))
		assert.NotEqual(t, model.LeftOpen, out.step(2).Reason)
	}
}

func TestPausedServerHoldsRequests(t *testing.T) {
	out := play(t, system(t), generators.Config{PushOn: true},
		harnesstest.Inject(1, model.Pause, generators.InPlace{}),
		harnesstest.Operate(2, 0, counter, model.CounterAdd{Delta: 1}),
		harnesstest.Inject(3, model.Resume, generators.InPlace{}))
	assert.Less(t, out.step(2).Call.Seq, out.fault(3).Begin.Seq)
	assert.Greater(t, out.step(2).Return.Seq, out.fault(3).Begin.Seq)
	assert.Equal(t, model.OK, out.step(2).Outcome)
}

// ambiguousWrite is a write that a kill leaves ambiguous.
func ambiguousWrite() []generators.Step {
	return []generators.Step{
		harnesstest.Operate(1, 0, register, model.RegisterWrite{Value: "v1"}),
		harnesstest.Operate(2, 1, register, model.RegisterRead{}),
		harnesstest.Inject(3, model.Kill, generators.AtGate{Step: 1, After: true}),
		harnesstest.Inject(4, model.Start, generators.InPlace{}),
		harnesstest.Operate(5, 0, register, model.RegisterRead{}),
	}
}

func TestObjectsAreReadBeforeAnyResend(t *testing.T) {
	out := play(t, system(t), generators.Config{}, ambiguousWrite()...)
	write := out.step(1)
	require.Equal(t, model.Ambiguous, write.Outcome)
	require.NotNil(t, write.Resolution)
	require.Len(t, write.Attempts, 2)
	looks := 0
	for _, o := range out.History.Operations {
		switch o.Phase {
		case model.Look:
			looks++
			assert.Less(t, o.Return.Seq, write.Attempts[1].Start.Seq)
		case model.Closing:
			assert.Greater(t, o.Call.Seq, write.Resolution.At.Seq)
		}
	}
	assert.Equal(t, 2, looks, "a register is read shared and exclusive")
	assert.Equal(t, "0.1", out.step(5).Process, "after an ambiguous outcome the client goes on as a new process")
}

func TestUnkeyedOperationIsNeverResent(t *testing.T) {
	for name, c := range map[string]generators.Config{
		"unkeyed": {Unkeyed: true, Retry: true}, "left open": {Resolve: generators.LeaveOpen},
	} {
		t.Run(name, func(t *testing.T) {
			write := play(t, system(t), c, ambiguousWrite()...).step(1)
			assert.Equal(t, model.Ambiguous, write.Outcome)
			assert.Len(t, write.Attempts, 1)
			assert.Nil(t, write.Resolution)
		})
	}
}

func TestLookUpResolvesWithoutResending(t *testing.T) {
	write := play(t, system(t), generators.Config{Resolve: generators.LookUp}, ambiguousWrite()...).step(1)
	assert.Len(t, write.Attempts, 1)
	require.NotNil(t, write.Resolution)
	assert.Equal(t, "lookup", write.Resolution.By)
}

func TestDirtyReadIsFoundThoughAResendRepairsIt(t *testing.T) {
	out := play(t, system(t, simulated.DirtyRead), generators.Config{NoClosingKill: true}, ambiguousWrite()...)
	last := out.History.Operations[len(out.History.Operations)-1]
	assert.Equal(t, model.Answer(model.Text("v1")), last.Answer, "the re-send repaired it")
	result := checker.Check(out.History, checker.Options{})
	require.Equal(t, checker.Violation, result.Verdict)
	assert.Equal(t, checker.StateGuarantee, result.Broken().Class)
}

func TestStuckKeyIsALivenessViolation(t *testing.T) {
	s := system(t, simulated.StuckKey)
	plan := generators.StartAndStop(model.Kill)
	out, err := Execute(t.Context(), s, plan, Execution{ID: "run", Path: filepath.Join(t.TempDir(), "h"), Bounds: quick})
	require.NoError(t, err)
	require.NotNil(t, out.Liveness)
	assert.Equal(t, "an accepted operation finishes", out.Liveness.Guarantee.String())
	assert.NotEmpty(t, s.Retired)
}

func TestAnswerOfAnotherServerIsAHarnessError(t *testing.T) {
	s := system(t)
	s.Nonce = "another"
	_, err := Execute(t.Context(), s, generators.StartAndStop(model.Kill), Execution{ID: "run", Path: filepath.Join(t.TempDir(), "h"), Bounds: quick})
	require.ErrorIs(t, err, ingress.ErrWrongServer)
	s.Nonce = "n"
}

// A history that can't be written ends the run, with one error.
func TestFullDiskIsReportedOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "h")
	rec, err := newRecorder(path, model.Header{Version: model.HistoryVersion, Run: "run"})
	require.NoError(t, err)
	require.NoError(t, rec.file.Close()) // nothing can be written any more
	_, err = record(t.Context(), system(t), generators.StartAndStop(model.Kill), rec, Execution{ID: "run", Path: path, Bounds: quick})
	require.ErrorIs(t, err, os.ErrClosed)
	assert.Equal(t, 1, strings.Count(err.Error(), "write the history"), err)
}

func TestAnsweredOperationIsNotOpen(t *testing.T) {
	out := play(t, system(t), generators.Config{Resolve: generators.LeaveOpen}, ambiguousWrite()...)
	h := *out.History
	h.Evidence = nil
	for _, e := range out.History.Evidence {
		if e.Reading != "finished" {
			h.Evidence = append(h.Evidence, e)
		}
	}
	assert.Equal(t, 1, openInvocations(&h), "the reads were answered, the write was not")
}
