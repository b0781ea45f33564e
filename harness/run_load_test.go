package harness

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/checker"
	"retain/generators"
	"retain/harness/internal/harnesstest"
	"retain/model"
	"retain/runtime/ingress"
	"retain/runtime/simulated"
)

// playLoaded runs steps beside a load, as [play] does without one.
func playLoaded(t *testing.T, s *System, c generators.Config, l generators.Load, steps ...generators.Step) *Outcome {
	return playPlan(t, s, generators.Plan{Config: c, Load: l, Steps: steps})
}

// restarts are a kill with its start and a stop with its start, of which the triggers
// wait for operations of the load.
func restarts(inFlight int) []generators.Step {
	return []generators.Step{
		harnesstest.Operate(1, 0, counter, model.CounterAdd{Delta: 1}),
		harnesstest.Inject(2, model.Kill, generators.InFlight{Operations: inFlight}),
		harnesstest.Inject(3, model.Start, generators.InPlace{}),
		harnesstest.Operate(4, 0, counter, model.CounterGet{}),
		harnesstest.Inject(5, model.Stop, generators.InFlight{Operations: inFlight}),
		harnesstest.Inject(6, model.Start, generators.InPlace{}),
	}
}

// shapes are loads from all on one key to a key each.
func shapes(between int) map[string]generators.Load {
	out := map[string]generators.Load{}
	for _, objects := range []int{1, 4, 32} {
		out[fmt.Sprintf("32 clients, %d objects", objects)] = generators.Load{Clients: 32, Objects: objects, Seed: 7, Between: between}
	}
	return out
}

// loadOperations are those of a run's load.
func loadOperations(h *model.History) (all []model.Invoked) {
	for _, o := range h.Operations {
		if o.Phase == model.Load {
			all = append(all, o)
		}
	}
	return all
}

func TestLoadedPlanPassesAndItsLoadRunsBesideTheProgram(t *testing.T) {
	between := 200
	if testing.Short() {
		between = 50
	}
	for name, l := range shapes(between) {
		for how, c := range map[string]generators.Config{
			"left ambiguous": {}, "sent again at once": {Retry: true, PushOn: true}, "looked up": {Resolve: generators.LookUp}, "left open": {Resolve: generators.LeaveOpen},
		} {
			t.Run(name+", "+how, func(t *testing.T) {
				out := playLoaded(t, system(t), c, l, restarts(8)...)
				require.Nil(t, out.Liveness)
				result := checker.Check(out.History, checker.Options{})
				require.Equal(t, checker.Pass, result.Verdict, result.Reason)
				ops := loadOperations(out.History)
				assert.GreaterOrEqual(t, len(ops), 2*between, "between two faults")
				version := 2
				if slices.ContainsFunc(out.Plan.LoadObjects(), func(o model.Object) bool { return o.Kind == model.Mailbox }) {
					version = model.HistoryVersion
				}
				assert.Equal(t, version, out.History.Version)
				for _, o := range ops {
					require.NotEmpty(t, o.Key)
					require.True(t, generators.IsLoadObject(o.Object))
				}
				for _, o := range out.Plan.LoadObjects() {
					assert.True(t, wasLookedAt(out.History, o), "%s is not read", o)
				}
			})
		}
	}
}

func wasLookedAt(h *model.History, o model.Object) bool {
	for _, read := range h.Operations {
		if read.Phase == model.Look && read.Object == o && read.Outcome == model.OK {
			return true
		}
	}
	return false
}

func TestFaultWaitsForTheLoad(t *testing.T) {
	out := playLoaded(t, system(t), generators.Config{}, generators.Load{Clients: 16, Objects: 4, Seed: 1, Between: 300}, restarts(10)...)
	answered, since := 0, int64(0)
	for _, id := range []int{2, 5} {
		f := out.fault(id)
		open := 0
		answered = 0
		for _, o := range loadOperations(out.History) {
			if o.Outcome == model.OK && o.Return.Seq > since && o.Return.Seq < f.Begin.Seq {
				answered++
			}
			for range openFaults(&o, []model.Fault{f}) {
				open++
			}
		}
		assert.GreaterOrEqual(t, answered, 300, "between the faults")
		assert.GreaterOrEqual(t, open, 5, "in flight at the %s", f.Kind)
		since = out.fault(3).End.Seq
	}
}

func TestPlanWithALoadAndNoProgram(t *testing.T) {
	t.Run("with faults", func(t *testing.T) {
		out := playLoaded(t, system(t), generators.Config{}, generators.Load{Clients: 8, Objects: 8, Seed: 1, Between: 50},
			harnesstest.Inject(1, model.Kill, generators.InFlight{Operations: 4}), harnesstest.Inject(2, model.Start, generators.InPlace{}))
		assert.Equal(t, checker.Pass, checker.Check(out.History, checker.Options{}).Verdict)
		assert.GreaterOrEqual(t, len(loadOperations(out.History)), 50)
	})
	t.Run("with the closing kill alone", func(t *testing.T) {
		out := playLoaded(t, system(t), generators.Config{}, generators.Load{Clients: 8, Objects: 8, Seed: 1, Between: 50})
		assert.Equal(t, checker.Pass, checker.Check(out.History, checker.Options{}).Verdict)
		assert.GreaterOrEqual(t, len(loadOperations(out.History)), 50)
		assert.Len(t, out.History.Faults, 2)
	})
}

// Only a load keeps numbers from the program.
func TestAnyNumberIsTheProgramsWithoutALoad(t *testing.T) {
	object := model.Object{Kind: model.Counter, N: generators.FirstLoadObject}
	out := play(t, system(t), generators.Config{}, harnesstest.Operate(1, 0, object, model.CounterAdd{Delta: 1}),
		harnesstest.Inject(2, model.Kill, generators.InPlace{}), harnesstest.Inject(3, model.Start, generators.InPlace{}),
		harnesstest.Operate(4, 0, object, model.CounterGet{}))
	tally := TallyOf(0, out.History)
	assert.Equal(t, len(out.History.Operations), tally.Operations)
	assert.Positive(t, tally.ReadBack)
	assert.Zero(t, tally.Load)
}

func TestManyClientsOnOneKeyAreNotStuck(t *testing.T) {
	out := playLoaded(t, system(t), generators.Config{}, generators.Load{Clients: 64, Objects: 1, Seed: 3, Between: 300}, restarts(40)...)
	require.Nil(t, out.Liveness)
	result := checker.Check(out.History, checker.Options{})
	require.Equal(t, checker.Pass, result.Verdict, result.Reason)
	for _, note := range out.History.Notes {
		assert.NotContains(t, note, "left out")
	}
	assert.Less(t, out.Took, 20*time.Second)
}

// notByLoads are the planted bugs that a load does not meet, and what shows them.
var notByLoads = map[simulated.Bug]string{
	simulated.UnknownAtStart:     "a load asks for nothing before the server is ready: TestOnlyAPeekComesBeforeTheServerIsReady shows it",
	simulated.EndedReturns:       "a load ends no invocation: TestEndedInvocationThatReturnsIsFound shows it",
	simulated.LastCompletionWins: "a client of a load completes each awakeable once: TestPlantedBugsAreFound shows it",
}

// Loads find what the simulated runtime has planted, without any program.
func TestLoadFindsEveryPlantedBug(t *testing.T) {
	for _, d := range simulated.Bugs() {
		t.Run(string(d.Bug), func(t *testing.T) {
			if shown := notByLoads[d.Bug]; shown != "" {
				t.Skip(shown)
			}
			for seed := range uint64(8) {
				l := generators.Load{Clients: 24, Objects: len(model.Kinds()), Seed: seed, Between: 150}
				out := playLoaded(t, system(t, d.Bug), generators.Config{}, l,
					harnesstest.Inject(1, model.Kill, generators.InFlight{Operations: 6}),
					harnesstest.Inject(2, model.Start, generators.InPlace{}),
					harnesstest.Inject(3, model.Stop, generators.InFlight{Operations: 6}),
					harnesstest.Inject(4, model.Start, generators.InPlace{}))
				if out.Liveness != nil || checker.Check(out.History, checker.Options{}).Verdict == checker.Violation {
					return
				}
			}
			t.Errorf("a load does not find that %s", d.Does)
		})
	}
}

// Whether a handler that writes runs at the kill is chance: several seeds are tried.
func TestHandlerOfALoadThatNeverEndsIsReportedWithItsHolder(t *testing.T) {
	var out *Outcome
	for seed := uint64(1); seed <= 8 && (out == nil || out.Liveness == nil); seed++ {
		l := generators.Load{Clients: 12, Objects: 2, Seed: seed, Between: 100}
		out = playLoaded(t, system(t, simulated.StuckRetry), generators.Config{}, l,
			harnesstest.Inject(1, model.Kill, generators.InFlight{Operations: 6}),
			harnesstest.Inject(2, model.Start, generators.InPlace{}),
			harnesstest.Inject(3, model.Kill, generators.InPlace{})) // comes too late: the load is cut short
	}
	require.NotNil(t, out.Liveness)
	assert.Equal(t, model.OperationFinishes, out.Liveness.Guarantee.Code)
	require.NotNil(t, out.Liveness.Held)
	require.NotNil(t, out.Liveness.Held.Holder)
	assert.Equal(t, model.Load, out.Liveness.Held.Holder.Phase)
	assert.Regexp(t, `^client \d+ of the load$`, out.Liveness.Held.Holder.Of())
	holder := out.History.Operations[out.Liveness.Operation-1]
	assert.True(t, generators.IsLoadObject(holder.Object))
}

// A load whose requests the server accepts and never answers holds no fault up for longer
// than an operation may take.
func TestLoadWithoutAnswersHangsNoPlan(t *testing.T) {
	s := system(t)
	w := &harnesstest.Wired{Runtime: s.Runtime.(*simulated.Runtime), Answering: func(tag string) error {
		if strings.Contains(tag, "load-") {
			return harnesstest.ErrCut
		}
		return nil
	}}
	s.Runtime = w
	out := playLoaded(t, s, generators.Config{Resolve: generators.LeaveOpen, NoClosingKill: true}, generators.Load{Clients: 2, Objects: 2, Seed: 1, Between: 1000},
		harnesstest.Inject(1, model.Kill, generators.InPlace{}), harnesstest.Inject(2, model.Start, generators.InPlace{}))
	assert.Len(t, out.History.Faults, 2)
	assert.Less(t, out.Took, 10*quick.Completion)
}

// loadedRun is a run in a state that a test sets, without a server.
func loadedRun(l generators.Load, steps ...generators.Step) *run {
	r := newRun(&System{}, generators.Plan{Load: l, Steps: steps}, &recorder{}, "run", quick)
	r.becomesReady()
	return r
}

func TestOperationsOfALoadWakeNobodyButTheLastThatIsWaitedFor(t *testing.T) {
	r := loadedRun(generators.Load{Clients: 64, Objects: 64, Between: 100})
	before := r.changed
	answer := func() {
		written, ended := r.flightOf(&pending{load: true, call: ingress.Call{Op: model.CounterAdd{Delta: 1}}})
		written()
		ended(true)
	}
	for range 99 {
		answer()
	}
	assert.True(t, before == r.changed, "nobody was woken")
	answer()
	assert.False(t, before == r.changed, "the hundredth is waited for")
	before = r.changed
	answer()
	assert.True(t, before == r.changed)
	assert.Zero(t, r.load.inFlight)
}

// The transport may send a request again, and may tell of it when its attempt is over.
func TestAttemptIsInFlightOnceAndNotBeyondItsEnd(t *testing.T) {
	r := loadedRun(generators.Load{Clients: 8, Objects: 8, Between: 100})
	written, ended := r.flightOf(&pending{load: true, call: ingress.Call{Op: model.CounterAdd{Delta: 1}}})
	assert.Zero(t, r.load.inFlight, "its request has not left")
	written()
	written()
	assert.Equal(t, 1, r.load.inFlight)
	ended(false)
	assert.Zero(t, r.load.inFlight)
	written()
	assert.Zero(t, r.load.inFlight, "it is over")
	assert.Zero(t, r.load.answered)

	_, unsent := r.flightOf(&pending{load: true, call: ingress.Call{Op: model.CounterAdd{Delta: 1}}})
	unsent(false)
	assert.Zero(t, r.load.inFlight, "a request that never left was not counted")
}

func TestWhatAFaultWaitsForOfTheLoad(t *testing.T) {
	kill := func(when generators.Trigger) generators.Inject {
		return generators.Inject{Fault: model.Kill, When: when}
	}
	eight := generators.Load{Clients: 8, Objects: 8, Between: 100}
	for name, c := range map[string]struct {
		load     generators.Load
		fault    generators.Inject
		state    model.Condition
		service  model.Condition
		answered int
		inFlight int
		ignored  bool
		loaded   bool
	}{
		"without load":                        {fault: kill(generators.InFlight{Operations: 3}), state: ready, loaded: true},
		"too few answers":                     {load: eight, fault: kill(generators.InPlace{}), state: ready, answered: 99},
		"enough answers":                      {load: eight, fault: kill(generators.InPlace{}), state: ready, answered: 100, loaded: true},
		"down":                                {load: eight, fault: kill(generators.InFlight{Operations: 3}), state: down, loaded: true},
		"paused":                              {load: eight, fault: kill(generators.InFlight{Operations: 3}), state: model.Paused, loaded: true},
		"a service that is frozen":            {load: eight, fault: kill(generators.InFlight{Operations: 3}), state: ready, service: model.Freeze.Spec().To, loaded: true},
		"no answers within the bound":         {load: eight, fault: kill(generators.InFlight{Operations: 3}), state: ready, ignored: true, loaded: true},
		"too few in flight":                   {load: eight, fault: kill(generators.InFlight{Operations: 3}), state: ready, answered: 100, inFlight: 2},
		"as many in flight":                   {load: eight, fault: kill(generators.InFlight{Operations: 3}), state: ready, answered: 100, inFlight: 3, loaded: true},
		"in flight and too few answers":       {load: eight, fault: kill(generators.InFlight{Operations: 3}), state: ready, answered: 99, inFlight: 8},
		"never so many in flight":             {load: eight, fault: kill(generators.InFlight{Operations: 8}), state: ready, answered: 260, inFlight: 7, loaded: true},
		"more than there are clients":         {load: eight, fault: kill(generators.InFlight{Operations: 9}), state: ready, answered: 100, loaded: true},
		"a start that is over":                {load: eight, fault: kill(generators.Starting{Milestone: generators.Port}), state: ready, loaded: true},
		"a fault that does not end it":        {load: eight, fault: generators.Inject{Fault: model.Pause, When: generators.InPlace{}}, state: ready, loaded: true},
		"a pause while so many are in flight": {load: eight, fault: generators.Inject{Fault: model.Pause, When: generators.InFlight{Operations: 3}}, state: ready, inFlight: 2},
	} {
		t.Run(name, func(t *testing.T) {
			r := loadedRun(c.load)
			r.service = c.service
			r.state, r.load.answered, r.load.inFlight, r.load.ignored = c.state, c.answered, c.inFlight, c.ignored
			assert.Equal(t, c.loaded, r.loaded(c.fault))
		})
	}
}

func TestStepThatAFaultStrikesWaitsForTheLoadWithIt(t *testing.T) {
	for name, when := range map[string]generators.Trigger{"while open": generators.WhileOpen{Step: 2}, "at a gate": generators.AtGate{Step: 2, After: true}} {
		t.Run(name, func(t *testing.T) {
			out := playLoaded(t, system(t), generators.Config{}, generators.Load{Clients: 16, Objects: 16, Seed: 5, Between: 200},
				harnesstest.Operate(1, 0, counter, model.CounterAdd{Delta: 1}),
				harnesstest.Operate(2, 0, register, model.RegisterWrite{Value: "v2"}),
				harnesstest.Inject(3, model.Kill, when),
				harnesstest.Inject(4, model.Start, generators.InPlace{}))
			answered := 0
			for _, o := range loadOperations(out.History) {
				if o.Outcome == model.OK && o.Return.Seq < out.step(2).Call.Seq {
					answered++
				}
			}
			assert.GreaterOrEqual(t, answered, 200, "before the step")
			assert.Less(t, out.step(2).Call.Seq, out.fault(3).Begin.Seq)
			if _, gated := when.(generators.AtGate); gated { // the other may be answered by then
				assert.Greater(t, out.step(2).Return.Seq, out.fault(3).Begin.Seq, "it was open when the fault began")
			}
		})
	}
}
