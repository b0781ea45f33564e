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
	"retain/model"
	"retain/runtime/ingress"
	"retain/runtime/simulated"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	counter  = model.Object{Kind: model.Counter}
	register = model.Object{Kind: model.Register}
)

func operate(id, client int, o model.Object, op model.Operation) generators.Step {
	return generators.Operate{ID: id, Client: client, Object: o, Op: op}
}

func inject(id int, fault generators.FaultKind, when generators.Trigger) generators.Step {
	return generators.Inject{ID: id, Fault: fault, When: when}
}

// system is a simulated runtime that is up.
func system(t *testing.T, bugs ...simulated.Bug) *System {
	r := simulated.New(simulated.Options{Nonce: "n", Bugs: bugs, Rate: 1, Seed: 1})
	s := &System{Runtime: r, Control: r, Nonce: "n", Shared: simulated.Shared()}
	require.NoError(t, s.boot(t.Context()))
	t.Cleanup(func() { require.NoError(t, s.shutdown(t.Context())) })
	return s
}

var quick = Bounds{Recovery: 20 * time.Second, Completion: time.Second}

// play runs steps on a system and checks what holds for every run: the history on
// disk is the one in memory, and it is well-formed.
func play(t *testing.T, s *System, c generators.Config, steps ...generators.Step) *Outcome {
	plan := generators.Plan{Config: c, Steps: steps}
	require.NoError(t, generators.Validate(plan))
	path := filepath.Join(t.TempDir(), "history.jsonl")
	out, err := execute(t.Context(), s, plan, "run", path, quick)
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

func TestAFaultIsALineAcrossTheList(t *testing.T) {
	for name, c := range map[string]generators.Config{"waiting": {}, "pushing on": {PushOn: true}} {
		t.Run(name, func(t *testing.T) {
			out := play(t, system(t), c,
				operate(1, 0, counter, model.CounterAdd{Delta: 1}),
				operate(2, 1, counter, model.CounterAdd{Delta: 1}),
				inject(3, generators.Stop, generators.InPlace{}),
				inject(4, generators.Start, generators.InPlace{}),
				operate(5, 1, counter, model.CounterGet{}))
			for _, id := range []int{1, 2} {
				assert.Less(t, out.step(id).Return.Seq, out.fault(3).Begin.Seq, "what stands before a fault in place has returned")
			}
			assert.Greater(t, out.step(5).Call.Seq, out.fault(4).Begin.Seq)
			if !c.PushOn {
				assert.Greater(t, out.step(5).Call.Seq, out.fault(4).End.Seq, "the client waited until the runtime was ready")
				assert.Equal(t, model.OK, out.step(5).Outcome)
			} // one that pushes on may find a connection of the life before
			assert.Equal(t, model.Answer(model.Integer(2)), out.step(5).In(model.Resolved).Answer)
		})
	}
}

func TestAGateHoldsItsOperationUntilTheFault(t *testing.T) {
	for _, after := range []bool{false, true} {
		for _, fault := range []generators.FaultKind{generators.Stop, generators.Kill} {
			t.Run(generators.Cell{Fault: fault, After: after}.String(), func(t *testing.T) {
				out := play(t, system(t), generators.Config{},
					operate(1, 0, register, model.RegisterWrite{Value: "v1"}),
					operate(2, 1, register, model.RegisterRead{}),
					inject(3, fault, generators.AtGate{Step: 1, After: after}),
					inject(4, generators.Start, generators.InPlace{}))
				write, read, at := out.step(1), out.step(2), out.fault(3).Begin
				assert.Greater(t, write.Return.Seq, at.Seq, "the write was open when the fault began")
				assert.Less(t, read.Return.Seq, at.Seq, "the read was not")
				want := model.Text("")
				if after {
					want = "v1"
				}
				assert.Equal(t, model.Answer(want), read.Answer, "a shared reader beside the gate sees what is there")
				tally := tally(0, out.History)
				assert.Equal(t, 1, tally.Cells[generators.Cell{Fault: fault, After: after}])
			})
		}
	}
}

func TestWhileOpenMeetsTheOperationOpen(t *testing.T) {
	out := play(t, system(t), generators.Config{},
		operate(1, 0, counter, model.CounterAdd{Delta: 1}),
		inject(2, generators.Kill, generators.WhileOpen{Step: 1}),
		inject(3, generators.Start, generators.InPlace{}))
	assert.Less(t, out.step(1).Call.Seq, out.fault(2).Begin.Seq)
}

func TestStepsThatCanNotApplyDoNothing(t *testing.T) {
	out := play(t, system(t), generators.Config{NoClosingKill: true},
		inject(1, generators.Start, generators.InPlace{}),
		inject(2, generators.Resume, generators.InPlace{}),
		inject(3, generators.Kill, generators.InPlace{}),
		inject(4, generators.Stop, generators.InPlace{}),
		operate(5, 0, counter, model.CounterAdd{Delta: 1})) // the plan ends with the runtime down
	assert.Equal(t, model.OK, out.step(5).Outcome, "the heal starts the runtime, and the client goes on")
	assert.Equal(t, []string{"kill", "start"}, []string{out.History.Faults[0].Kind, out.History.Faults[1].Kind})
	assert.Len(t, out.History.Faults, 2)
}

func TestAStartThatIsKilledAtOnce(t *testing.T) {
	for range 20 { // the client must not sleep through the short life
		out := play(t, system(t), generators.Config{PushOn: true},
			inject(1, generators.Kill, generators.InPlace{}),
			operate(2, 0, counter, model.CounterAdd{Delta: 1}),
			inject(3, generators.Start, generators.InPlace{}),
			inject(4, generators.Kill, generators.Starting{Milestone: generators.Spawned}),
			inject(5, generators.Start, generators.InPlace{}))
		assert.NotEqual(t, model.Reason(model.LeftOpen), out.step(2).Reason)
	}
}

func TestAPauseHoldsWhatIsSent(t *testing.T) {
	out := play(t, system(t), generators.Config{PushOn: true},
		inject(1, generators.Pause, generators.InPlace{}),
		operate(2, 0, counter, model.CounterAdd{Delta: 1}),
		inject(3, generators.Resume, generators.InPlace{}))
	assert.Less(t, out.step(2).Call.Seq, out.fault(3).Begin.Seq)
	assert.Greater(t, out.step(2).Return.Seq, out.fault(3).Begin.Seq)
	assert.Equal(t, model.OK, out.step(2).Outcome)
}

// ambiguousWrite is a write that a kill leaves ambiguous.
func ambiguousWrite() []generators.Step {
	return []generators.Step{
		operate(1, 0, register, model.RegisterWrite{Value: "v1"}),
		operate(2, 1, register, model.RegisterRead{}),
		inject(3, generators.Kill, generators.AtGate{Step: 1, After: true}),
		inject(4, generators.Start, generators.InPlace{}),
		operate(5, 0, register, model.RegisterRead{}),
	}
}

func TestEverythingIsReadBeforeAnythingIsSentAgain(t *testing.T) {
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

func TestWhatHasNoKeyIsNeverSentAgain(t *testing.T) {
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

func TestALookUpResolvesWithoutSending(t *testing.T) {
	write := play(t, system(t), generators.Config{Resolve: generators.LookUp}, ambiguousWrite()...).step(1)
	assert.Len(t, write.Attempts, 1)
	require.NotNil(t, write.Resolution)
	assert.Equal(t, "lookup", write.Resolution.By)
}

func TestTheDirtyReadIsFoundAlthoughTheResendRepairsIt(t *testing.T) {
	out := play(t, system(t, simulated.DirtyRead), generators.Config{NoClosingKill: true}, ambiguousWrite()...)
	last := out.History.Operations[len(out.History.Operations)-1]
	assert.Equal(t, model.Answer(model.Text("v1")), last.Answer, "the re-send repaired it")
	result := checker.Check(out.History, checker.Options{})
	require.Equal(t, checker.Violation, result.Verdict)
	assert.Equal(t, checker.StateGuarantee, result.Broken().Class)
}

func TestAStuckKeyIsALivenessViolation(t *testing.T) {
	s := system(t, simulated.StuckKey)
	plan := generators.StartAndStop(generators.Kill)
	out, err := execute(t.Context(), s, plan, "run", filepath.Join(t.TempDir(), "h"), quick)
	require.NoError(t, err)
	require.NotNil(t, out.Liveness)
	assert.Equal(t, "an accepted operation finishes", out.Liveness.Guarantee)
	assert.NotEmpty(t, s.retired)
}

func TestAnotherServersAnswerIsTheHarnesssAffair(t *testing.T) {
	s := system(t)
	s.Nonce = "another"
	_, err := execute(t.Context(), s, generators.StartAndStop(generators.Kill), "run", filepath.Join(t.TempDir(), "h"), quick)
	require.ErrorIs(t, err, ingress.ErrWrongServer)
	s.Nonce = "n"
}

// A history that can't be written ends the run, and says so once.
func TestAFullDiskIsToldOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "h")
	rec, err := newRecorder(path, model.Header{Version: model.HistoryVersion, Run: "run"})
	require.NoError(t, err)
	require.NoError(t, rec.file.Close()) // nothing can be written any more
	_, err = record(t.Context(), system(t), generators.StartAndStop(generators.Kill), rec, "run", path, quick)
	require.ErrorIs(t, err, os.ErrClosed)
	assert.Equal(t, 1, strings.Count(err.Error(), "write the history"), err)
}

func TestWhatWasAnsweredIsNotOpen(t *testing.T) {
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
