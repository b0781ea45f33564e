package harness

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/model"
)

// instantAt is an instant whose sequence number is its millisecond.
func instantAt(ms int64) model.Instant { return model.Instant{Seq: ms, Ns: ms * 1e6} }

// switched has a kill at 100, a start as 1.7.12 at 110 that is ready at 150, a stop at 200
// and a start as 1.6.2 at 210.
func switched() *model.History {
	op := func(object model.Object, o model.Operation, call, ret int64) model.Invoked {
		return model.Invoked{Object: object, Op: o, Call: instantAt(call), Return: instantAt(ret), Outcome: model.OK, Attempts: []model.Attempt{{N: 1, Wrote: true, Start: instantAt(call), End: instantAt(ret)}}}
	}
	a, b, m := model.Object{Kind: model.Counter}, model.Object{Kind: model.Counter, N: 1}, model.Object{Kind: model.Map}
	return &model.History{
		Header: model.Header{Runtime: "restate-server 1.6.2 (abc), process", Shared: []string{"CounterObject/Get"}},
		Operations: []model.Invoked{
			op(a, model.CounterAdd{Delta: 1}, 1, 2), op(a, model.CounterAdd{Delta: 1}, 90, 160), op(a, model.CounterAdd{Delta: 1}, 91, 161),
			op(b, model.CounterAdd{Delta: 1}, 92, 162), op(a, model.CounterGet{}, 170, 171), op(m, model.MapSet{Key: "k", Value: "v"}, 172, 173),
			op(m, model.MapGet{Key: "k"}, 250, 251),
		},
		Faults: []model.Fault{
			{Step: 1, Kind: model.Kill, Begin: instantAt(100), End: instantAt(105)}, {Step: 2, Kind: model.Start, Version: "1.7.12", Reported: "1.7.12", Build: "def", Begin: instantAt(110), End: instantAt(150)},
			{Step: 3, Kind: model.Kill, Begin: instantAt(180), End: instantAt(181)}, {Step: 4, Kind: model.Start, Version: "1.7.12", Reported: "1.7.12", Begin: instantAt(182), End: instantAt(190)},
			{Step: 5, Kind: model.Stop, Begin: instantAt(200), End: instantAt(205)}, {Step: 6, Kind: model.Start, Version: "1.6.2", Reported: "1.6.2", Build: "abc", Begin: instantAt(210), End: instantAt(230)},
		},
		Recoveries: []model.Recovery{
			{Step: 2, Down: 105e6, Spawned: 111e6, Probe: 150e6}, {Step: 4, Down: 181e6, Spawned: 183e6, Probe: 190e6}, {Step: 6, Down: 205e6, Spawned: 211e6},
		},
	}
}

func TestStartsAsAnotherVersionAreSwitches(t *testing.T) {
	all := SwitchesOf(switched(), "")
	require.Len(t, all, 2, "a start as the same version is none")
	up, back := all[0], all[1]
	assert.Equal(t, []any{"1.6.2", "1.7.12", "1.7.12 (def)", model.Kill, 2}, []any{up.From, up.To, up.Server, up.Fault, up.Step})
	assert.Equal(t, 45*time.Millisecond, up.Outage)
	assert.Equal(t, 3, up.Open)
	assert.Equal(t, 1, up.Queued, "two of them need one key")
	assert.Equal(t, []model.Kind{model.Counter}, up.Kinds, "the map was not written before it")
	assert.Equal(t, []int{1, 1}, []int{up.Reads, up.Objects})

	assert.Equal(t, []any{"1.7.12", "1.6.2", model.Stop}, []any{back.From, back.To, back.Fault})
	assert.Zero(t, back.Outage, "it was never ready")
	assert.Zero(t, back.Open)
	assert.Equal(t, []model.Kind{model.Map}, back.Kinds)
}

func TestRepeatedAnswersAreOfTheSwitchBeforeThem(t *testing.T) {
	h := switched()
	o := &h.Operations[0]
	o.Key, o.Answer = "k", model.Change{Old: 0, New: 1}
	o.Repeats = []model.Repeat{{At: instantAt(151), Answer: model.Change{Old: 0, New: 1}}, {At: instantAt(231), Answer: model.Change{Old: 1, New: 2}}}
	all := SwitchesOf(h, "")
	assert.Equal(t, []int{1, 1, 1, 0}, []int{all[0].Resent, all[0].Same, all[1].Resent, all[1].Same})
}

func TestExcusedWayBackLeavesTheVersion(t *testing.T) {
	h := switched()
	h.Faults[5].Excused = "entry"
	h.Faults = append(h.Faults, model.Fault{Kind: model.Start, Version: "1.7.12", Reported: "1.7.12", Begin: instantAt(300), End: instantAt(310)})
	all := SwitchesOf(h, "")
	require.Len(t, all, 2, "forward again is no switch")
	assert.Equal(t, "entry", all[1].Excused)
}

func TestFirstVersionHasItsNameOfThePlan(t *testing.T) {
	assert.Equal(t, "mine", SwitchesOf(switched(), "mine")[0].From)
	assert.Empty(t, SwitchesOf(&model.History{}, ""))
}
