package generators

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestClassPrintsAndReadsBack(t *testing.T) {
	for _, c := range Classes() {
		text, err := json.Marshal(map[Class]int{c: 1})
		require.NoError(t, err)
		back := map[Class]int{}
		require.NoError(t, json.Unmarshal(text, &back))
		assert.Equal(t, map[Class]int{c: 1}, back)
	}
	assert.Equal(t, "lazy, suspending", Class{true, true}.String())
	assert.ErrorContains(t, new(Class).UnmarshalText([]byte("slow")), `"slow"`)
}

func TestClassFollowsFromTheNameOrTheStart(t *testing.T) {
	for name, want := range map[string]Class{
		"plain-1": {}, "plain-24": {}, "one-timer": {},
		"suspend-50ms": {Suspending: true}, "suspend-always": {Suspending: true},
		"lazy-state": {Lazy: true}, "lazy-suspend-50ms": {true, true}, "lazy-suspend-always": {true, true},
	} {
		assert.Equal(t, want, Config{Server: name}.Class(), name)
	}
	assert.Equal(t, Class{}, Config{}.Class())
	assert.Equal(t, Class{Lazy: true}, Config{Start: StartConfig{State: LazyState, Suspension: SuspendNever}}.Class())
	assert.Equal(t, Class{Suspending: true}, Config{Server: "lazy-suspend-50ms", Start: StartConfig{State: EagerState}}.Class(), "the start goes over the name")
}

func TestConfigHasTwoAxes(t *testing.T) {
	assert.Equal(t, Provision{Partitions: 24}, Config{Server: "lazy-state"}.Provisioned())
	assert.Equal(t, Provision{Partitions: 4}, Config{Server: "lazy-state", Partitions: 4}.Provisioned())
	assert.Equal(t, Provision{Partitions: 4}, Config{Partitions: 4}.Provisioned())
	assert.Zero(t, Config{}.Provisioned())
	assert.Equal(t, Provision{Partitions: 4, VQueues: true}, Config{Server: withVQueues}.Provisioned())
	assert.Equal(t, Provision{Partitions: 1, VQueues: true}, Config{Partitions: 1, VQueues: true}.Provisioned())

	assert.Equal(t, StartConfig{State: LazyState, Suspension: SuspendNever}, Config{Server: "lazy-state"}.Started())
	assert.Equal(t, StartConfig{State: LazyState, Suspension: SuspendSoon},
		Config{Server: "lazy-state", Start: StartConfig{Suspension: SuspendSoon}}.Started())
	assert.Zero(t, Config{Partitions: 4}.Started())
}

func TestConfigurationIsPrintedByNameOrByAxis(t *testing.T) {
	for want, c := range map[string]Config{
		"":                                      {},
		"lazy-state":                            {Server: "lazy-state"},
		"1 partition":                           {Partitions: 1},
		"4 partitions, lazy, suspended at once": {Partitions: 4, Start: StartConfig{State: LazyState, Suspension: SuspendAtOnce}},
		"4 partitions, vqueues, lazy":           {Partitions: 4, VQueues: true, Start: StartConfig{State: LazyState}},
		"eager, never suspended":                {Start: StartConfig{State: EagerState, Suspension: SuspendNever}},
		"lazy-state, 4 partitions, eager":       {Server: "lazy-state", Partitions: 4, Start: StartConfig{State: EagerState}},
	} {
		assert.Equal(t, want, c.Configuration())
	}
}

func TestANameOnAPlanPinsItsStartStepsToo(t *testing.T) {
	p := Plan{
		Config: Config{Partitions: 4, VQueues: true, Start: StartConfig{State: LazyState}, PushOn: true},
		Steps: []Step{
			Inject{ID: 1, Fault: "kill", When: InPlace{}},
			Inject{ID: 2, Fault: "start", When: InPlace{}, Start: StartConfig{State: EagerState}},
		},
	}
	on := p.On("plain-24")
	assert.Equal(t, Config{Server: "plain-24", PushOn: true}, on.Config)
	assert.Equal(t, []Step{p.Steps[0], Inject{ID: 2, Fault: "start", When: InPlace{}}}, on.Steps)
	assert.Equal(t, EagerState, p.Steps[1].(Inject).Start.State, "the plan itself stays as it is")
}

func TestConfigurationOfAStartIsReadBack(t *testing.T) {
	for _, c := range []StartConfig{{}, {State: LazyState, Suspension: SuspendSoon, OneTimer: true}} {
		back, err := DecodeStartConfig(c.JSON())
		require.NoError(t, err)
		assert.Equal(t, c, back)
	}
	for _, text := range []string{`4`, `{"state":"slow"}`, `{"heap":1}`, `{`} {
		_, err := DecodeStartConfig([]byte(text))
		assert.Error(t, err, text)
	}
}
