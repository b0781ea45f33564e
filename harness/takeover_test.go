package harness

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
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

var (
	lazy       = generators.StartConfig{State: generators.LazyState, Suspension: generators.SuspendNever}
	suspending = generators.StartConfig{Suspension: generators.SuspendAtOnce}
)

// starts is a wired system that is up, with a configuration.
func starts(t *testing.T, c generators.StartConfig) (*System, *harnesstest.Wired) {
	w := &harnesstest.Wired{Runtime: simulated.New(simulated.Options{Nonce: "n"})}
	s := &System{Runtime: w, Control: w, Nonce: "n", Contract: simulated.Contract(), Config: c}
	require.NoError(t, s.Boot(t.Context()))
	t.Cleanup(func() { require.NoError(t, s.Shutdown(context.Background())) })
	return s, w
}

// envs are the environments of starts with these configurations.
func envs(all ...generators.StartConfig) (out []runtime.StartOptions) {
	for _, c := range all {
		out = append(out, runtime.StartOptions{Env: c.Env()})
	}
	return out
}

// recorded are the configurations of the starts in a history.
func recorded(h *model.History) (out []generators.StartConfig) {
	for _, f := range h.Faults {
		if f.Kind.Starts() {
			c, err := generators.DecodeStartConfig(f.Start)
			if err != nil {
				panic(err)
			}
			out = append(out, c)
		}
	}
	return out
}

func TestRestartUsesTheConfigurationOfItsStep(t *testing.T) {
	s, w := starts(t, lazy)
	restarts := func(id int, start generators.StartConfig) []generators.Step {
		return []generators.Step{
			harnesstest.Inject(id, model.Kill, generators.InPlace{}),
			generators.Inject{ID: id + 1, Fault: model.Start, When: generators.InPlace{}, Start: start},
			harnesstest.Operate(id+2, 0, counter, model.CounterAdd{Delta: 1}),
		}
	}
	var steps []generators.Step
	steps = append(steps, restarts(1, generators.StartConfig{})...)
	steps = append(steps, restarts(4, suspending)...)
	steps = append(steps, restarts(7, generators.StartConfig{})...)
	steps = append(steps, harnesstest.Inject(10, model.Kill, generators.InPlace{})) // the heal starts it
	out := play(t, s, generators.Config{Start: lazy}, steps...)
	require.Nil(t, out.Liveness)

	both := lazy.With(suspending)
	assert.Equal(t, generators.StartConfig{State: generators.LazyState, Suspension: generators.SuspendAtOnce}, both,
		"a start step changes what it names and nothing else")
	want := []generators.StartConfig{lazy, lazy, both, both, both, both} // boot, steps, heal, closing start
	assert.Equal(t, envs(want...), w.Started())
	assert.Equal(t, want[1:], recorded(out.History))
	assert.Equal(t, both, s.Config)

	i, err := Continue(s, out, quick)
	require.NoError(t, err)
	require.NoError(t, i.Watched(t.Context(), i.Restart))
	h, err := i.Close()
	require.NoError(t, err)
	assert.Equal(t, both, recorded(h)[len(recorded(h))-1], "the ledger's start has the last plan's configuration")
}

func TestStartStepThatDoesNotApplyChangesNoConfiguration(t *testing.T) {
	s, w := starts(t, lazy)
	play(t, s, generators.Config{Start: lazy}, generators.Inject{ID: 1, Fault: model.Start, When: generators.InPlace{}, Start: suspending})
	assert.Equal(t, envs(lazy, lazy), w.Started(), "the boot and the closing start")
}

func TestPlanTakesAServerOfAnotherConfigurationOver(t *testing.T) {
	for _, c := range []struct {
		by, ended model.FaultKind
	}{{"", model.Kill}, {model.Kill, model.Kill}, {model.Stop, model.Stop}} {
		t.Run(string(c.by), func(t *testing.T) {
			s, w := starts(t, generators.StartConfig{State: generators.LazyState, OneTimer: true})
			add := harnesstest.Operate(1, 0, counter, model.CounterAdd{Delta: 1})
			out := play(t, s, generators.Config{Start: suspending, TakeOver: c.by}, add)
			assert.Equal(t, envs(generators.StartConfig{State: generators.LazyState, OneTimer: true}, suspending, suspending), w.Started(),
				"nothing of what it ran stays")
			require.Len(t, out.History.Faults, 4, "the take-over and the closing kill")
			assert.Equal(t, c.ended, out.History.Faults[0].Kind)
			assert.Zero(t, out.History.Faults[0].Step)
			assert.True(t, TakesOver(out.History, out.History.Faults[0]))
			assert.False(t, TakesOver(out.History, out.History.Faults[2]))
			assert.Less(t, out.History.Faults[1].End.Seq, out.step(1).Call.Seq, "it is over when the program begins")

			tally := TallyOf(0, out.History)
			assert.Equal(t, map[model.FaultKind]int{model.Kill: 1, model.Start: 1}, tally.Faults, "of the plan itself")
			assert.Len(t, tally.Recoveries, 1)
			assert.Equal(t, 1, tally.TakeOvers)

			again := play(t, s, generators.Config{Start: suspending, TakeOver: c.by}, add)
			assert.Len(t, again.History.Faults, 2, "a server with the plan's configuration goes on")
			assert.Zero(t, TallyOf(0, again.History).TakeOvers)
		})
	}
}

func TestHealBeforeTheFirstOperationIsNoTakeOver(t *testing.T) {
	s, _ := starts(t, generators.StartConfig{})
	out := play(t, s, generators.Config{}, harnesstest.Inject(1, model.Kill, generators.InPlace{}), harnesstest.Operate(2, 0, counter, model.CounterAdd{Delta: 1}))
	h := out.History
	require.Len(t, h.Faults, 4, "the kill of the plan, the start of the heal, and the closing kill")
	require.Zero(t, h.Faults[1].Step)
	require.Less(t, h.Faults[1].Begin.Ns, h.Operations[0].Call.Ns)
	for _, f := range h.Faults {
		assert.False(t, TakesOver(h, f))
	}
	tally := TallyOf(0, h)
	assert.Zero(t, tally.TakeOvers)
	assert.Equal(t, map[model.FaultKind]int{model.Kill: 2, model.Start: 2}, tally.Faults)
	assert.Len(t, tally.Recoveries, 2)
}

func TestServerThatDoesNotComeBackFromATakeOverIsAViolationOfThePlan(t *testing.T) {
	s, w := starts(t, generators.StartConfig{})
	plan := generators.Plan{Config: generators.Config{Start: lazy}, Steps: []generators.Step{
		harnesstest.Operate(1, 0, counter, model.CounterAdd{Delta: 1}),
	}}
	w.Pinging = func(context.Context) error {
		if w.Starts.Load() > 1 {
			return errors.New("not with this configuration")
		}
		return nil
	}
	bounds := Bounds{Recovery: 500 * time.Millisecond, Completion: time.Second}
	out, err := Execute(t.Context(), s, plan, Execution{ID: "run", Path: t.TempDir() + "/history.jsonl", Bounds: bounds})
	require.NoError(t, err)
	require.NotNil(t, out.Liveness)
	assert.Equal(t, model.RuntimeComesBack, out.Liveness.Guarantee.Code)
	assert.Equal(t, []generators.StartConfig{lazy}, recorded(out.History))
	assert.Empty(t, out.History.Operations, "the program has not begun")
	assert.NotEmpty(t, s.Retired)
}

// A start that hangs is ended by the bound of a recovery, and the error says that.
func TestStartThatHangsIsAnErrorWithItsBound(t *testing.T) {
	s, w := starts(t, generators.StartConfig{})
	w.Starting = func(ctx context.Context) error {
		if w.Starts.Load() == 1 {
			return nil
		}
		<-ctx.Done()
		return ctx.Err()
	}
	plan := generators.Plan{Config: generators.Config{Start: lazy}, Steps: []generators.Step{harnesstest.Operate(1, 0, counter, model.CounterAdd{Delta: 1})}}
	_, err := Execute(t.Context(), s, plan, Execution{ID: "run", Path: t.TempDir() + "/history.jsonl", Bounds: Bounds{Recovery: 400 * time.Millisecond, Completion: time.Second}})
	assert.ErrorContains(t, err, "start the runtime: context canceled: the bound has passed")
}

// A machine without time for the handlers answers no probe within its bound, and handlers that
// were called for probes before still finish. That is no violation; finishing for ever is one.
func TestRuntimeWhoseHandlersFinishCallsIsWaitedForBeyondItsBound(t *testing.T) {
	for _, c := range []struct {
		name     string
		finish   bool
		answers  time.Duration // when probes are answered, after the start
		comes    bool
		least    time.Duration
		detailed string
	}{
		{"slow", true, 600 * time.Millisecond, true, 600 * time.Millisecond, ""},
		{"slow and never ready", true, time.Hour, false, 1200 * time.Millisecond, "and 800ms more in which handlers finished calls"},
		{"silent", false, 600 * time.Millisecond, false, 400 * time.Millisecond, "the bound has passed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, w := starts(t, generators.StartConfig{})
			plan := generators.Plan{Config: generators.Config{Start: lazy}, Steps: []generators.Step{
				harnesstest.Operate(1, 0, counter, model.CounterAdd{Delta: 1}),
			}}
			control := &toldControl{Control: s.Control}
			s.Control = control
			var second atomic.Int64
			w.Pinging = func(context.Context) error {
				if w.Starts.Load() == 1 {
					return nil
				}
				second.CompareAndSwap(0, time.Now().UnixNano())
				if time.Since(time.Unix(0, second.Load())) > c.answers {
					return nil
				}
				if c.finish {
					control.tell(service.Evidence{Tag: "probe-1", Invocation: "inv_1", Attempt: 1, Reading: service.Finished})
				}
				return errors.New("given up")
			}
			bounds := Bounds{Recovery: 400 * time.Millisecond, Completion: time.Second}
			out, err := Execute(t.Context(), s, plan, Execution{ID: "run", Path: t.TempDir() + "/history.jsonl", Bounds: bounds})
			require.NoError(t, err)
			assert.GreaterOrEqual(t, time.Since(time.Unix(0, second.Load())), c.least-50*time.Millisecond)
			if c.comes {
				assert.Nil(t, out.Liveness)
				return
			}
			require.NotNil(t, out.Liveness)
			assert.Equal(t, model.RuntimeComesBack, out.Liveness.Guarantee.Code)
			assert.Contains(t, out.Liveness.Detail, c.detailed)
		})
	}
}

// toldControl reports evidence that a test makes up beside that of a control.
type toldControl struct {
	service.Control
	mu    sync.Mutex
	hears []func(service.Evidence)
}

func (c *toldControl) Observe(f func(service.Evidence)) func() {
	c.mu.Lock()
	c.hears = append(c.hears, f)
	c.mu.Unlock()
	return c.Control.Observe(f)
}

func (c *toldControl) tell(e service.Evidence) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, f := range c.hears {
		f(e)
	}
}
