package campaign

import (
	"testing"
	"time"

	hdr "github.com/HdrHistogram/hdrhistogram-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/generators"
	"retain/harness"
	"retain/model"
)

func TestRestartsAndBandsOfARun(t *testing.T) {
	at := func(n int64) model.Instant { return model.Instant{Seq: n, Ns: n} }
	h := &model.History{
		Operations: []model.Invoked{{ID: 1, Phase: model.Program, Op: model.ListGet{}, Call: at(10), Return: at(20), Outcome: model.OK}},
		Faults: []model.Fault{
			{Step: 1, Kind: "kill", Begin: at(100), End: at(103)}, {Step: 2, Kind: "start", Begin: at(110), End: at(150)},
			{Step: 3, Kind: "stop", Begin: at(200), End: at(220)}, {Step: 4, Kind: "start", Begin: at(230), End: at(250)},
			{Step: 5, Kind: "pause", Begin: at(300), End: at(301)}, {Step: 6, Kind: "resume", Begin: at(310), End: at(311)},
			{Kind: "kill", Begin: at(400), End: at(401)},
		},
		Recoveries: []model.Recovery{{Spawned: 110, Probe: 150}, {Spawned: 230, Probe: 250}, {Spawned: 410, Probe: 420}},
	}
	assert.Equal(t, []Recovery{
		{Kind: "kill", Spawned: 10, Probe: 50}, {Kind: "stop", Spawned: 30, Probe: 50}, {Kind: "kill", Spawned: 10, Probe: 20, Closing: true},
	}, recoveries(h))
	assert.Equal(t, []Band{{"kill", 100, 150}, {"stop", 200, 250}, {"pause", 300, 311}, {"kill", 400, 420}}, bands(h, 500))
}

func TestRecordCountsOperationsOfTheLoadApart(t *testing.T) {
	operation := func(id, object int, phase model.Phase, call, took time.Duration) model.Invoked {
		return model.Invoked{
			ID: id, Phase: phase, Object: model.Object{Kind: model.Register, N: object}, Op: model.RegisterRead{}, Outcome: model.OK,
			Call: model.Instant{Seq: int64(2 * id), Ns: int64(call)}, Return: model.Instant{Seq: int64(2*id + 1), Ns: int64(call + took)},
		}
	}
	h := &model.History{Operations: []model.Invoked{
		operation(1, 0, model.Program, 100*time.Millisecond, 4*time.Millisecond),
		operation(2, generators.FirstLoadObject, model.Load, 200*time.Millisecond, 4*time.Millisecond),
		operation(3, generators.FirstLoadObject, model.Load, 1200*time.Millisecond, 900*time.Millisecond),
		operation(4, generators.FirstLoadObject, model.Closing, 2200*time.Millisecond, 2*time.Millisecond),
		operation(5, 0, model.Closing, 2300*time.Millisecond, 3*time.Millisecond),
	}}
	j := resultOf(harness.Run{Plan: generators.Plan{Load: generators.Load{Clients: 8}}, Outcome: &harness.Outcome{History: h}, Tally: harness.NewTally()}, "", "")
	assert.Equal(t, []Second{{Answered: 2, Load: 1}, {From: time.Second}, {From: 2 * time.Second, Answered: 3, Load: 2}}, j.Seconds)
	j.Load.Operations = 2
	assert.True(t, j.LoadApart())
	for _, c := range []struct {
		of      func() (*hdr.Histogram, error)
		count   int64
		slowest float64 // in milliseconds
	}{{j.LatencyHistogram, 5, 900}, {j.LoadHistogram, 3, 900}, {j.ProgramHistogram, 2, 4}} {
		times, err := c.of()
		require.NoError(t, err)
		assert.Equal(t, c.count, times.TotalCount())
		assert.InEpsilon(t, c.slowest, float64(times.Max())/1e3, 0.02)
	}

	h.Operations[0].Return.Ns = int64(5 * time.Second)
	slow, err := resultOf(harness.Run{Plan: generators.Plan{Load: generators.Load{Clients: 8}}, Outcome: &harness.Outcome{History: h}, Tally: harness.NewTally()}, "", "").ProgramHistogram()
	require.NoError(t, err)
	assert.InEpsilon(t, 4900, float64(slow.Max())/1e3, 0.02, "slower than all of the load")

	more, err := j.LoadHistogram()
	require.NoError(t, err)
	require.NoError(t, more.RecordValue(7))
	j.LoadLatencies, err = encodeLatencies(more)
	require.NoError(t, err)
	_, err = j.ProgramHistogram()
	assert.ErrorContains(t, err, "has 1 of its load, and 0 of all")
}

func TestRecordWithoutALoadsLatenciesIsRead(t *testing.T) {
	h := harness.NewLatencies()
	require.NoError(t, h.RecordValue(12))
	text, err := encodeLatencies(h)
	require.NoError(t, err)
	j := PlanResult{Latencies: text, Seconds: []Second{{Answered: 1}}}
	assert.True(t, j.LoadApart(), "it had no load")
	j.Load.Operations = 1
	assert.False(t, j.LoadApart())
	load, err := j.LoadHistogram()
	require.NoError(t, err)
	assert.Zero(t, load.TotalCount())
	rest, err := j.ProgramHistogram()
	require.NoError(t, err)
	assert.Equal(t, int64(1), rest.TotalCount())
}
