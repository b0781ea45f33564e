package generators

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/model"
)

// withoutVQueues is the plan on a server without vqueues.
func withoutVQueues(p Plan) Plan {
	p.Config.VQueues = false
	return p
}

func TestVQueuesAreDrawnByGroupsAndChangeNothingElse(t *testing.T) {
	plain, with := Options{StartConfigs: true, Scheduled: true}, Options{StartConfigs: true, Scheduled: true, VQueues: true}
	const seeds, plans = 30, 9 * groupSize // two rounds: three groups of ten plans, three of twenty
	first, having := 0, 0
	for seed := range uint64(seeds) {
		for n := range plans {
			p := Draw(seed, n, with)
			if n%groupSize == 0 { // a draw takes a millisecond
				require.Equal(t, Draw(seed, n, plain), withoutVQueues(p), "seed %d, plan %d", seed, n)
			}
			require.Equal(t, vqueuesAt(seed, n/groupSize*groupSize, 3), p.Config.VQueues, "a group shares servers")
			if p.Config.VQueues {
				having++
			}
			if n == 0 && p.Config.VQueues {
				first++
			}
		}
	}
	assert.Equal(t, seeds*plans/3, having, "one of three groups in each round")
	assert.InDelta(t, seeds/3, first, 7, "sessions that begin with it")
}

func TestEachNumberOfPartitionsComesWithVQueues(t *testing.T) {
	seen := map[Provision]bool{}
	for seed := range uint64(20) {
		for group := range 3 {
			seen[Draw(seed, group*groupSize, Options{StartConfigs: true, VQueues: true}).Config.Provisioned()] = true
		}
	}
	assert.Len(t, seen, 6)
	shares := 0
	for group := range 300 {
		if vqueuesAt(1, group*maxGroup, 1) {
			shares++
		}
	}
	assert.InDelta(t, 100, shares, 2, "a third also where the number of partitions is fixed")
}

func TestVQueuesAreDrawnOnlyWhereBothAxesAre(t *testing.T) {
	for n := range 3 * groupSize {
		assert.Equal(t, Draw(4, n, Options{Server: "lazy-state"}), Draw(4, n, Options{Server: "lazy-state", StartConfigs: true, VQueues: true}))
		assert.Equal(t, Draw(4, n, Options{}), Draw(4, n, Options{VQueues: true}))
	}
}

func TestAPlanWithVQueuesIsReadBackAndHasAVersionOfItsOwn(t *testing.T) {
	p := Plan{Config: Config{Partitions: 4, VQueues: true, Start: StartConfig{State: LazyState}}}
	assert.Contains(t, string(Encode(p)), `{"version":3,"seed":"0","number":0,"config":{"partitions":4,"vqueues":true,"start":`)
	back, err := Decode(Encode(p))
	require.NoError(t, err)
	assert.Equal(t, p, back)
	assert.Contains(t, string(Encode(withoutVQueues(p))), `{"version":2,`)
	_, err = Decode([]byte(`{"version":3,"config":{"vqueues":1},"steps":[]}`))
	assert.ErrorContains(t, err, "1 is not true or false")
}

func TestOlderServersRefuseVQueuesInOneLine(t *testing.T) {
	for _, p := range []Plan{{Config: Config{VQueues: true}}, {Config: Config{Server: withVQueues}}} {
		for _, version := range []string{"1.7.0", "1.7.2", "1.7.12", "1.10.0", "2.0.0", "", "custom"} {
			assert.NoError(t, CheckServer(p, version), version)
		}
		for _, version := range []string{"1.5.3", "1.6.2", "0.9.0"} {
			assert.EqualError(t, CheckServer(p, version), "the plan's server has vqueues, and "+version+
				" has none: choose version 1.7.0 or later, or take vqueues out of the plan")
			assert.NoError(t, CheckServer(Plan{}, version))
			assert.False(t, HasVQueues(version))
		}
	}
	assert.True(t, HasVQueues("1.7.0"))
	assert.True(t, HasVQueues("1.10.0"))
	assert.False(t, HasVQueues(""), "a version that is not known")
	assert.False(t, HasVQueues("custom"))
}

func TestReductionKeepsVQueuesThatAreNeeded(t *testing.T) {
	whole := Plan{
		Config: Config{Partitions: 4, VQueues: true, Start: StartConfig{State: LazyState}},
		Steps: []Step{
			Operate{ID: 1, Object: model.Object{Kind: model.Counter}, Op: model.CounterAdd{Delta: 1}},
			Operate{ID: 2, Object: model.Object{Kind: model.Counter}, Op: model.CounterGet{}},
		},
	}
	for name, c := range map[string]struct {
		fails func(Plan) bool
		want  Config
	}{
		"not needed":          {func(Plan) bool { return true }, Config{}},
		"needed":              {func(p Plan) bool { return p.Config.VQueues }, Config{VQueues: true}},
		"with its partitions": {func(p Plan) bool { return p.Config.Provisioned() == Provision{4, true} }, Config{Partitions: 4, VQueues: true}},
		"lazy without them":   {func(p Plan) bool { return p.Config.Class().Lazy }, Config{Start: StartConfig{State: LazyState}}},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := Reduce(t.Context(), whole, ReduceOptions{Fails: func(_ context.Context, p Plan) (bool, error) { return c.fails(p), nil }})
			require.NoError(t, err)
			assert.Equal(t, Minimal, r.Ending)
			assert.Equal(t, c.want, r.Best.Config)
		})
	}
}
