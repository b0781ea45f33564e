package harness

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"retain/generators"
	"retain/model"
	"retain/service"
)

// instant is one on which both clocks agree.
func instant(n int64) model.Instant { return model.Instant{Seq: n, Ns: n} }

// invoked is an operation of the program with one attempt.
func invoked(id int, op model.Operation, from, to int64) model.Invoked {
	return model.Invoked{
		ID: id, Phase: model.Program, Op: op, Call: instant(from), Return: instant(to), Outcome: model.OK,
		Attempts: []model.Attempt{{N: 1, Start: instant(from), End: instant(to), Wrote: true}},
	}
}

// The history has a kill at 100, a start from 110 to 150, a stop at 200, a pause that is
// resumed, and the closing kill. The start at 110 changes the class. A kill before the
// program is none of its faults.
func TestSituationsAreCountedByPosition(t *testing.T) {
	h := &model.History{
		Operations: []model.Invoked{
			invoked(1, model.ListAppend{Value: "a"}, 10, 20),                                                             // answered before the kill
			invoked(2, model.RegisterWrite{Value: "b"}, 30, 101),                                                         // in flight, no effect yet
			invoked(3, model.MapClearAll{}, 40, 102),                                                                     // in flight, after its effect
			invoked(4, model.ListClear{}, 50, 210),                                                                       // across the kill and the stop
			invoked(5, model.CounterReset{}, 120, 160),                                                                   // called while it comes back
			invoked(6, model.CounterGet{}, 155, 158),                                                                     // the first after
			invoked(7, model.CounterAdd{Delta: 1}, 170, 180),                                                             // not the first
			invoked(8, model.CounterAdd{}, 320, 330),                                                                     // after the pause, before the closing kill
			{ID: 9, Phase: model.Look, Op: model.ListGet{}, Call: instant(450), Return: instant(451), Outcome: model.OK}, // not the program's
		},
		Faults: []model.Fault{
			{Kind: "kill", Begin: instant(2), End: instant(3)}, {Kind: "start", Begin: instant(4), End: instant(5)}, // for the plan's configuration
			{Step: 1, Kind: "kill", Begin: instant(100), End: instant(103)}, {Step: 2, Kind: "start", Begin: instant(110), End: instant(150)},
			{Step: 3, Kind: "stop", Begin: instant(200), End: instant(220)}, {Step: 4, Kind: "start", Begin: instant(230), End: instant(250)},
			{Step: 5, Kind: "pause", Begin: instant(300), End: instant(301)}, {Step: 6, Kind: "resume", Begin: instant(310), End: instant(311)},
			{Kind: "kill", Begin: instant(400), End: instant(401)},
		},
		Recoveries: []model.Recovery{{Spawned: 4, Probe: 5}, {Spawned: 110, Probe: 150}, {Spawned: 230, Probe: 250}, {Spawned: 410, Probe: 420}},
		Evidence: []model.Observation{
			{At: instant(45), ID: 3, Reading: string(service.Effect)}, {At: instant(105), ID: 2, Reading: string(service.Effect)},
		},
	}
	plan := generators.Plan{
		Config: generators.Config{Server: "suspend-50ms"},
		Steps:  []generators.Step{generators.Inject{ID: 2, Fault: model.Start, Start: generators.StartConfig{State: generators.LazyState}}},
	}
	before, after := generators.Class{Suspending: true}, generators.Class{Lazy: true, Suspending: true}
	s := func(op string, f model.FaultKind, m generators.Moment, c generators.Class) generators.Situation {
		return generators.Situation{Operation: op, Fault: f, Moment: m, Class: c}
	}
	assert.ElementsMatch(t, []generators.Situation{
		s("list append", model.Kill, generators.Acknowledged, before),
		s("register write", model.Kill, generators.BeforeEffect, before),
		s("map clearAll", model.Kill, generators.AfterEffect, before),
		s("list clear", model.Kill, generators.BeforeEffect, before),
		s("list clear", model.Kill, generators.Spanning, before),
		s("list clear", model.Stop, generators.BeforeEffect, after),
		s("list clear", model.Pause, generators.Acknowledged, after),
		s("counter reset", model.Kill, generators.Recovering, after),
		s("counter get", model.Kill, generators.FirstAfter, after),
		s("register write", model.Stop, generators.Acknowledged, after),
		s("map clearAll", model.Stop, generators.Acknowledged, after),
		s("counter reset", model.Stop, generators.Acknowledged, after),
		s("counter get", model.Stop, generators.Acknowledged, after),
		s("counter add", model.Stop, generators.Acknowledged, after),
		s("counter add(0)", model.Pause, generators.FirstAfter, after),
		s("counter add(0)", model.Kill, generators.Acknowledged, after),
	}, Situations(plan, h))
}
