package campaign

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"retain/generators"
	"retain/model"
	"retain/service"
)

// at is an instant; both clocks agree.
func at(n int64) model.Instant { return model.Instant{Seq: n, Ns: n} }

// invoked is an operation of the program with one attempt.
func invoked(id int, op model.Operation, from, to int64) model.Invoked {
	return model.Invoked{
		ID: id, Phase: model.Program, Op: op, Call: at(from), Return: at(to), Outcome: model.OK,
		Attempts: []model.Attempt{{N: 1, Start: at(from), End: at(to), Wrote: true}},
	}
}

// TestWhereFaultsMeetOperations tells every moment of one history: a kill at 100, a
// start from 110 to 150, a stop at 200, a pause that ends, and the closing kill.
func TestWhereFaultsMeetOperations(t *testing.T) {
	h := &model.History{
		Operations: []model.Invoked{
			invoked(1, model.ListAppend{Value: "a"}, 10, 20),                                                   // answered before the kill
			invoked(2, model.RegisterWrite{Value: "b"}, 30, 101),                                               // in flight, no effect yet
			invoked(3, model.MapClearAll{}, 40, 102),                                                           // in flight, after its effect
			invoked(4, model.ListClear{}, 50, 210),                                                             // across the kill and the stop
			invoked(5, model.CounterReset{}, 120, 160),                                                         // called while it comes back
			invoked(6, model.CounterGet{}, 155, 158),                                                           // the first after
			invoked(7, model.CounterAdd{Delta: 1}, 170, 180),                                                   // not the first
			invoked(8, model.CounterAdd{}, 320, 330),                                                           // after the pause, before the closing kill
			{ID: 9, Phase: model.Look, Op: model.ListGet{}, Call: at(450), Return: at(451), Outcome: model.OK}, // not the program's
		},
		Faults: []model.Fault{
			{Step: 1, Kind: "kill", Begin: at(100), End: at(103)}, {Step: 2, Kind: "start", Begin: at(110), End: at(150)},
			{Step: 3, Kind: "stop", Begin: at(200), End: at(220)}, {Step: 4, Kind: "start", Begin: at(230), End: at(250)},
			{Step: 5, Kind: "pause", Begin: at(300), End: at(301)}, {Step: 6, Kind: "resume", Begin: at(310), End: at(311)},
			{Kind: "kill", Begin: at(400), End: at(401)},
		},
		Recoveries: []model.Recovery{{Spawned: 110, Canary: 150}, {Spawned: 230, Canary: 250}, {Spawned: 410, Canary: 420}},
		Evidence: []model.Observation{
			{At: at(45), ID: 3, Reading: string(service.Effect)}, {At: at(105), ID: 2, Reading: string(service.Effect)},
		},
	}
	s := func(op string, f generators.FaultKind, m generators.Moment) generators.Situation {
		return generators.Situation{Operation: op, Fault: f, Moment: m}
	}
	assert.ElementsMatch(t, []generators.Situation{
		s("list append", generators.Kill, generators.Acknowledged),
		s("register write", generators.Kill, generators.BeforeEffect),
		s("map clearAll", generators.Kill, generators.AfterEffect),
		s("list clear", generators.Kill, generators.BeforeEffect),
		s("list clear", generators.Kill, generators.Spanning),
		s("list clear", generators.Stop, generators.BeforeEffect),
		s("list clear", generators.Pause, generators.Acknowledged),
		s("counter reset", generators.Kill, generators.Recovering),
		s("counter get", generators.Kill, generators.FirstAfter),
		s("register write", generators.Stop, generators.Acknowledged),
		s("map clearAll", generators.Stop, generators.Acknowledged),
		s("counter reset", generators.Stop, generators.Acknowledged),
		s("counter get", generators.Stop, generators.Acknowledged),
		s("counter add", generators.Stop, generators.Acknowledged),
		s("counter add(0)", generators.Pause, generators.FirstAfter),
		s("counter add(0)", generators.Kill, generators.Acknowledged),
	}, situations(h))
	r := recoveries(h)
	assert.Equal(t, []Recovery{
		{Kind: "kill", Spawned: 10, Canary: 50}, {Kind: "stop", Spawned: 30, Canary: 50}, {Kind: "kill", Spawned: 10, Canary: 20, Closing: true},
	}, r)
	assert.Equal(t, []Band{{"kill", 100, 150}, {"stop", 200, 250}, {"pause", 300, 311}, {"kill", 400, 420}}, bands(h, 500))
}

// TestWeightsLeanTowardsWhatIsRare: what was tested often is hardly aimed at, and
// what can't be reached is not tried for ever.
func TestWeightsLeanTowardsWhatIsRare(t *testing.T) {
	w := newWeights(1)
	for _, s := range w.all[1:] {
		w.tested[s] = 100
	}
	rare, free := 0, 0
	for n := range 300 {
		switch a := w.aim(n); {
		case a == nil:
			free++
		case *a == w.all[0]:
			rare++
		}
	}
	assert.InDelta(t, 100, free, 30)
	assert.Greater(t, rare, 15, "1 of %d situations", len(w.all))
	assert.Less(t, rare, 150, "it is never reached, and tried less and less")
	again := newWeights(1)
	for n := range 20 {
		assert.Equal(t, newWeights(1).aim(n), newWeights(1).aim(n))
		again.drawn(again.aim(n))
	}
}
