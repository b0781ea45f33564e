package harness

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/generators"
	"retain/model"
)

// The first kill is at 100, the second at 300; the server runs with lazy state from 110 on.
func TestWritesCountWhereAReadAfterTheNextRestartShowsThem(t *testing.T) {
	on := func(o model.Invoked, object model.Object, answer model.Answer) model.Invoked {
		o.Object, o.Answer = object, answer
		return o
	}
	seen, replaced, lost := model.Object{Kind: model.Register}, model.Object{Kind: model.Register, N: 1}, model.Object{Kind: model.Register, N: 2}
	h := &model.History{
		Operations: []model.Invoked{
			on(invoked(1, model.RegisterWrite{Value: "a"}, 10, 20), seen, model.Done{}),
			on(invoked(2, model.RegisterWrite{Value: "b"}, 10, 20), replaced, model.Done{}),
			on(invoked(3, model.RegisterWrite{Value: "c"}, 30, 40), replaced, model.Done{}),
			on(invoked(4, model.RegisterWrite{Value: "d"}, 10, 20), lost, model.Done{}),
			on(invoked(5, model.RegisterRead{}, 50, 60), seen, model.Text("a")), // before any restart
			on(invoked(6, model.RegisterWrite{Value: "late"}, 120, 130), seen, model.Done{}),
			on(invoked(7, model.RegisterRead{}, 400, 401), seen, model.Text("late")),
			on(invoked(8, model.RegisterRead{}, 400, 401), replaced, model.Text("c")),
			on(invoked(9, model.RegisterRead{}, 400, 401), lost, model.Text("")),
		},
		Faults: []model.Fault{
			{Step: 1, Kind: "kill", Begin: instant(100), End: instant(103)}, {Step: 2, Kind: "start", Begin: instant(110), End: instant(115)},
			{Kind: "kill", Begin: instant(300), End: instant(301)}, {Kind: "start", Begin: instant(310), End: instant(350)},
		},
	}
	plan := generators.Plan{
		Config: generators.Config{Partitions: 4},
		Steps:  []generators.Step{generators.Inject{ID: 2, Fault: model.Start, Start: generators.StartConfig{State: generators.LazyState}}},
	}
	c := CoverageOf(plan, h)
	assert.Equal(t, map[generators.Class]int{{}: 1, {Lazy: true}: 1}, c.Writes, "c of the first class, late of the second; a, b and d were not seen")
	assert.Equal(t, map[generators.Class]int{{}: 1}, c.Plans)
	assert.Equal(t, map[int]int{4: 1}, c.Partitions)
	tested, of := c.Changes()
	assert.Equal(t, []int{2, len(generators.Changes())}, []int{tested, of}, "register writes before each of the kills")
	tested, of = c.ChangesIn(generators.Class{Lazy: true})
	assert.Equal(t, []int{1, len(generators.Changes()) / len(generators.Classes())}, []int{tested, of})
}

// A variable that a person gave goes over what the plan says: the class is that of the
// server which ran.
func TestCoverageIsOfTheServerThatRan(t *testing.T) {
	plan := generators.Plan{
		Config: generators.Config{Partitions: 4, VQueues: true, Start: generators.StartConfig{State: generators.LazyState, Suspension: generators.SuspendAtOnce}},
		Steps:  []generators.Step{generators.Inject{ID: 2, Fault: model.Start, Start: generators.StartConfig{Suspension: generators.SuspendNever}}},
	}
	h := &model.History{
		Operations: []model.Invoked{invoked(1, model.RegisterWrite{Value: "a"}, 10, 20), invoked(2, model.RegisterWrite{Value: "b"}, 120, 130)},
		Faults: []model.Fault{
			{Step: 1, Kind: "kill", Begin: instant(100), End: instant(103)}, {Step: 2, Kind: "start", Begin: instant(110), End: instant(115)},
			{Kind: "kill", Begin: instant(300), End: instant(301)},
		},
	}
	for _, c := range []struct {
		given         map[string]string
		began, ended  generators.Class
		partitions, n int // and how many plans with vqueues
	}{
		{nil, generators.Class{Lazy: true, Suspending: true}, generators.Class{Lazy: true}, 4, 1},
		{map[string]string{"RESTATE_WORKER__INVOKER__INACTIVITY_TIMEOUT": "1h"}, generators.Class{Lazy: true}, generators.Class{Lazy: true}, 4, 1},
		{map[string]string{"restate_worker__invoker__inactivity_timeout": "10 ms"}, generators.Class{Lazy: true, Suspending: true}, generators.Class{Lazy: true, Suspending: true}, 4, 1},
		{map[string]string{"RESTATE_WORKER__INVOKER__EAGER_STATE_SIZE_LIMIT": "1MB", "RESTATE_WORKER__INVOKER__DISABLE_EAGER_STATE": "false"}, generators.Class{Suspending: true}, generators.Class{}, 4, 1},
		{map[string]string{"RESTATE_DEFAULT_NUM_PARTITIONS": "7", "RESTATE_EXPERIMENTAL_ENABLE_VQUEUES": "false"}, generators.Class{Lazy: true, Suspending: true}, generators.Class{Lazy: true}, 7, 0},
	} {
		h.Altered = nil
		for name, value := range c.given {
			h.Altered = append(h.Altered, model.Variable(name, value))
		}
		got := CoverageOf(plan, h)
		assert.Equal(t, map[generators.Class]int{c.began: 1}, got.Plans, c.given)
		assert.Equal(t, map[int]int{c.partitions: 1}, got.Partitions, c.given)
		assert.Equal(t, c.n, got.VQueues, c.given)
		acknowledged := func(class generators.Class) int {
			return got.Situations[generators.Situation{Operation: "register write", Fault: model.Kill, Moment: generators.Acknowledged, Class: class}]
		}
		assert.Equal(t, []int{1, 1}, []int{acknowledged(c.began), acknowledged(c.ended)}, c.given)
	}
}

// The counts of a run with a load are those that looking at every pair gives.
func TestWritesReadBackAreThoseOfEveryPair(t *testing.T) {
	h := playLoaded(t, system(t), generators.Config{Retry: true}, shapes(150)["32 clients, 32 objects"], restarts(8)...).History
	restartBetween := func(from, to model.Instant) bool {
		return slices.ContainsFunc(h.Faults, func(f model.Fault) bool { return f.Ends() && f.Begin.Seq > from.Seq && f.End.Seq < to.Seq })
	}
	shown := func(w model.Invoked) bool {
		return slices.ContainsFunc(h.Operations, func(r model.Invoked) bool {
			return r.Object == w.Object && r.Op.ReadOnly() && model.AskingOf(r.Op).For == nil && model.Shows(r, w) && restartBetween(w.Return, r.Call)
		})
	}
	pairs := 0
	for _, w := range h.Operations {
		if w.Outcome == model.OK && !w.Op.ReadOnly() && shown(w) {
			pairs++
		}
	}
	n := CoverageOf(generators.Plan{}, h).Writes[generators.Class{}]
	require.Positive(t, n)
	assert.LessOrEqual(t, n, pairs, "of the reads after a restart the first ones count")
	assert.Greater(t, 10*n, 9*pairs)
}

func TestSessionLacksClassWithoutWriteBeforeKill(t *testing.T) {
	u := NewTally()
	u.Plans, u.InFlight, u.ReadBack, u.Recoveries = 50, 50, 50, make([]Recovered, 50)
	for _, c := range generators.FaultPoints() {
		u.FaultPoints[c] = 1
	}
	lazy := generators.Class{Lazy: true}
	u.Coverage.Plans[lazy] = plansOfAClass - 1
	assert.Empty(t, u.Missing(), "too few plans of the class")
	u.Coverage.Plans[lazy]++
	assert.Equal(t, []string{"operations acknowledged before a kill, lazy: 0 of 1 needed"}, u.Missing())
	u.Coverage.Situations[generators.Situation{Operation: "map get", Fault: model.Kill, Moment: generators.Acknowledged, Class: lazy}] = 9
	assert.NotEmpty(t, u.Missing(), "a read is no write")
	u.Coverage.Situations[generators.Situation{Operation: "map set", Fault: model.Kill, Moment: generators.Acknowledged, Class: lazy}] = 1
	assert.Empty(t, u.Missing())
}
