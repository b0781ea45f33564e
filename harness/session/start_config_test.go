package session_test

import (
	"context"
	"errors"
	"sync"
	"testing"
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

var (
	lazy      = generators.StartConfig{State: generators.LazyState, Suspension: generators.SuspendNever}
	suspended = generators.StartConfig{State: generators.EagerState, Suspension: generators.SuspendAtOnce}
)

// planOn is the plain plan with a configuration.
func planOn(partitions int, c generators.StartConfig) generators.Plan {
	p := sessiontest.PlainPlan(0)
	p.Config.Partitions, p.Config.Start = partitions, c
	return p
}

// servers keeps the wired servers of a session.
type servers struct {
	mu  sync.Mutex
	all []*harnesstest.Wired
}

func (s *servers) add(w *harnesstest.Wired) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = append(s.all, w)
}

// Data that was written with vqueues is never served without them, nor other data with them.
func TestPlansWithVQueuesHaveServersOfTheirOwn(t *testing.T) {
	var mu sync.Mutex
	var settings []map[string]string // of each server, in the order of their numbers
	open := sessiontest.Open(simulated.Options{})
	served := map[int]int{}
	result, err := session.Conduct(t.Context(), session.Options{
		Open: func(ctx context.Context, s runtime.Settings) (*harness.System, error) {
			mu.Lock()
			defer mu.Unlock()
			settings = append(settings, s.Env)
			return open(ctx, s)
		},
		Plans: 12, Dir: t.TempDir(), Bounds: sessiontest.Quick,
		Draw: func(n int) generators.Plan {
			p := planOn(4, []generators.StartConfig{lazy, suspended}[n%2])
			p.Config.VQueues = n%3 == 0
			if n%4 == 3 { // the same by name
				p = p.On("vqueues-4")
			}
			return p
		},
		OnRun: func(r harness.Run) {
			mu.Lock()
			defer mu.Unlock()
			served[r.Runtime]++
			want := ""
			if r.Plan.Config.Provisioned().VQueues {
				want = "true"
			}
			assert.Equal(t, want, settings[r.Runtime-1][runtime.EnvVQueues], "plan %d", r.Number)
		},
	})
	require.NoError(t, err)
	require.Equal(t, harness.Pass, result.Verdict, result.Failures)
	assert.Len(t, settings, 2, "one with vqueues, one without")
	assert.Equal(t, map[int]int{1: 6, 2: 6}, served)
	assert.Equal(t, 6, result.Tally.Coverage.VQueues)
}

func TestPlansOfAllClassesShareAServer(t *testing.T) {
	var opened servers
	configs := []generators.StartConfig{lazy, lazy, suspended, {}, lazy}
	result := sessiontest.Conduct(t, session.Options{
		Plans: 2 * len(configs),
		Draw: func(n int) generators.Plan {
			return planOn([]int{1, 4}[n/len(configs)], configs[n%len(configs)])
		},
	}, opened.add)
	require.Equal(t, harness.Pass, result.Verdict, result.Failures)
	require.Len(t, opened.all, 2, "one for each number of partitions")
	assert.Equal(t, 2*3, result.Tally.TakeOvers, "lazy, suspended, nothing set, lazy")
	assert.Equal(t, map[int]int{1: 5, 4: 5}, result.Tally.Coverage.Partitions)
	assert.Equal(t, map[generators.Class]int{{}: 2, {Lazy: true}: 6, {Suspending: true}: 2}, result.Tally.Coverage.Plans)
	for _, w := range opened.all {
		var classes []generators.StartConfig
		for _, o := range w.Started() {
			for _, c := range []generators.StartConfig{lazy, suspended, {}} {
				if assert.ObjectsAreEqual(c.Env(), o.Env) && (len(classes) == 0 || classes[len(classes)-1] != c) {
					classes = append(classes, c)
				}
			}
		}
		assert.Equal(t, []generators.StartConfig{lazy, suspended, {}, lazy}, classes)
	}
	assert.GreaterOrEqual(t, result.Ledger.Objects, len(configs), "the ledger reads what plans of every configuration left on a server")
}

// A named configuration and its fields are one configuration.
func TestNamedPlanNeedsNoTakeOverBesideItsFields(t *testing.T) {
	var opened servers
	result := sessiontest.Conduct(t, session.Options{Plans: 2, Draw: func(n int) generators.Plan {
		if n == 0 {
			return planOn(24, lazy)
		}
		p := sessiontest.PlainPlan(0)
		p.Config.Server, p.Config.Partitions = "lazy-state", 0
		return p
	}}, opened.add)
	require.Equal(t, harness.Pass, result.Verdict, result.Failures)
	assert.Len(t, opened.all, 1)
	assert.Zero(t, result.Tally.TakeOvers)
	for _, o := range opened.all[0].Started() {
		assert.Equal(t, lazy.Env(), o.Env)
	}
}

// The server is up and silent with one configuration: the plan that takes it over
// violates, and is kept with its history.
func TestTakeOverThatTheServerDoesNotSurviveIsAViolation(t *testing.T) {
	o := session.Options{
		Plans: 2, Bounds: harness.Bounds{Recovery: 500 * time.Millisecond, Completion: time.Second},
		Draw: func(n int) generators.Plan { return planOn(4, []generators.StartConfig{lazy, suspended}[n]) },
	}
	result := sessiontest.Conduct(t, o, func(w *harnesstest.Wired) {
		w.Pinging = func(context.Context) error {
			if last := w.Started(); assert.ObjectsAreEqual(suspended.Env(), last[len(last)-1].Env) {
				return errors.New("silent")
			}
			return nil
		}
	})
	require.Equal(t, harness.Violation, result.Verdict)
	require.Len(t, result.Failures, 1)
	r := result.Failures[0]
	assert.Equal(t, 1, r.Number)
	assert.Equal(t, model.RuntimeComesBack, r.Guarantee().Code)
	require.NotEmpty(t, r.Dir, "it is kept")
	f := sessiontest.ReadFinding(t, r)
	assert.Equal(t, suspended, f.Config.Start)
	assert.Contains(t, f.Settings, "INACTIVITY_TIMEOUT=0s")
	require.Len(t, r.Outcome.History.Faults, 2)
	assert.JSONEq(t, `{"state":"eager","suspension":"at once"}`, string(r.Outcome.History.Faults[1].Start))
}

func TestReplayBootsAFreshServerWithThePlansConfiguration(t *testing.T) {
	var opened servers
	dir := t.TempDir()
	p := planOn(4, suspended)
	p.Config.TakeOver = model.Stop
	result, err := session.Rerun(t.Context(), session.Options{
		Open: sessiontest.Opening(simulated.Options{}, opened.add), Bounds: sessiontest.Quick, Dir: dir, Late: -1,
	}, p, session.RerunOptions{})
	require.NoError(t, err)
	require.Equal(t, harness.Pass, result.Verdict, result.Failures)
	require.Len(t, opened.all, 1)
	assert.Zero(t, result.Tally.TakeOvers, "there is nothing to take over")
	assert.Len(t, opened.all[0].Started(), 3)
	for _, o := range opened.all[0].Started() {
		assert.Equal(t, suspended.Env(), o.Env)
	}
}
