package generators

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/model"
)

// changesOf are the configurations that a plan's start steps name.
func changesOf(p Plan) (out []StartConfig) {
	for _, s := range p.Steps {
		if f, is := s.(Inject); is && f.Start != (StartConfig{}) {
			out = append(out, f.Start)
		}
	}
	return out
}

func TestPlansDrawBothAxes(t *testing.T) {
	const n = 600
	plans := sample(t, 11, n, Options{StartConfigs: true})
	partitions, classes, configs, ends := map[int]int{}, map[Class]int{}, map[StartConfig]int{}, map[model.FaultKind]int{}
	changing := 0
	for i, p := range plans {
		require.NoError(t, Validate(p))
		back, err := Decode(Encode(p))
		require.NoError(t, err)
		require.Equal(t, p, back)
		require.Empty(t, p.Config.Server)
		require.Equal(t, plans[i/groupSize*groupSize].Config.Partitions, p.Config.Partitions, "a group shares servers")
		require.Equal(t, scheduledClass(11, i, Options{}), p.Config.Class())
		partitions[p.Config.Partitions]++
		classes[p.Config.Class()]++
		configs[p.Config.Start]++
		ends[p.Config.TakeOver]++
		if changes := changesOf(p); changes != nil {
			changing++
			config := p.Config.Started()
			for _, c := range changes {
				require.NotEqual(t, config, config.With(c), "a start step names what it changes")
				config = config.With(c)
			}
		}
	}
	assert.Len(t, partitions, 3)
	assert.Len(t, classes, 4)
	assert.Len(t, configs, 6, "suspended at once and after 50 ms")
	assert.InDelta(t, 1.0/3, float64(ends[model.Stop])/n, 0.1, "the rest of the take-overs are kills: %v", ends)
	assert.InDelta(t, 0.15, float64(changing)/n, 0.07, "plans with a start step of another configuration")
}

func TestTargetsMeetTheClassThatThePlanBeganIn(t *testing.T) {
	restored := 0
	for i, p := range sample(t, 12, 300, Options{StartConfigs: true, Scheduled: true}) {
		require.NoError(t, Validate(p))
		require.Equal(t, ClassOf(12, i, measured(Options{StartConfigs: true, Scheduled: true})), p.Config.Class())
		config := p.Config.Started()
		for _, c := range changesOf(p) {
			config = config.With(c)
		}
		require.Equal(t, p.Config.Started(), config, "whatever start steps changed, the end is as the beginning")
		if changesOf(p) != nil {
			restored++
		}
	}
	assert.Greater(t, restored, 15)
}

func TestAServerPinsBothAxes(t *testing.T) {
	for i := range 30 {
		assert.Equal(t, Draw(3, i, Options{Server: "lazy-state"}), Draw(3, i, Options{Server: "lazy-state", StartConfigs: true}))
	}
	start := StartConfig{State: LazyState, Suspension: SuspendSoon}
	for i := range 30 {
		assert.Equal(t, start, Draw(3, i, Options{StartConfigs: true, Start: start}).Config.Start)
	}
}

// A bug that needs one setting of the start, and perhaps one of a start step.
func TestReductionKeepsTheSettingsOfAStartThatAreNeeded(t *testing.T) {
	whole := Plan{
		Config: Config{Partitions: 4, Start: StartConfig{State: LazyState, Suspension: SuspendAtOnce, OneTimer: true}, TakeOver: model.Stop},
		Steps: []Step{
			Operate{ID: 1, Object: model.Object{Kind: model.Counter}, Op: model.CounterAdd{Delta: 1}},
			Inject{ID: 2, Fault: model.Kill, When: InPlace{}},
			Inject{ID: 3, Fault: model.Start, When: InPlace{}, Start: StartConfig{State: EagerState, Suspension: SuspendNever}},
			Operate{ID: 4, Object: model.Object{Kind: model.Counter}, Op: model.CounterGet{}},
		},
	}
	for name, c := range map[string]struct {
		fails func(Plan) bool
		want  Config
		start []StartConfig
	}{
		"none": {func(Plan) bool { return true }, Config{}, nil},
		"lazy": {func(p Plan) bool { return p.Config.Class().Lazy }, Config{Start: StartConfig{State: LazyState}}, nil},
		"suspended, then never": {func(p Plan) bool {
			changes := changesOf(p)
			return p.Config.Class().Suspending && changes != nil && changes[0].Suspension == SuspendNever
		}, Config{Start: StartConfig{Suspension: SuspendAtOnce}}, []StartConfig{{Suspension: SuspendNever}}},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := Reduce(t.Context(), whole, ReduceOptions{Fails: func(_ context.Context, p Plan) (bool, error) { return c.fails(p), nil }})
			require.NoError(t, err)
			assert.Equal(t, Minimal, r.Ending)
			assert.Equal(t, c.want, r.Best.Config)
			assert.Equal(t, c.start, changesOf(r.Best))
		})
	}
}
