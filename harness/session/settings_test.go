package session

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/generators"
	"retain/runtime"
)

func TestServerSettingsLeaveOutWhatAStartMayChange(t *testing.T) {
	own := map[string]string{"RESTATE_WORKER__INVOKER__INACTIVITY_TIMEOUT": "7s", "X": "y"}
	s := &session{Options: Options{Base: runtime.Settings{Version: "1.7.12", Env: own}}}

	plain, err := s.settings(generators.Config{Partitions: 2})
	require.NoError(t, err)
	assert.Equal(t, runtime.Settings{Version: "1.7.12", Partitions: 2, Env: own}, plain)

	lazy := generators.Config{Server: "lazy-suspend-always"}
	named, err := s.settings(lazy)
	require.NoError(t, err)
	assert.Equal(t, runtime.Settings{Version: "1.7.12", Partitions: 4, Env: own}, named, "what a start may change makes no other server")

	fields, err := s.settings(generators.Config{Partitions: 4, Start: generators.StartConfig{State: generators.EagerState}})
	require.NoError(t, err)
	assert.Equal(t, named.Key(), fields.Key(), "plans of both forms share servers")

	other, err := s.settings(generators.Config{Server: "one-timer", Partitions: 9})
	require.NoError(t, err)
	assert.Equal(t, 9, other.Partitions)

	_, err = s.settings(generators.Config{Server: "nosuch"})
	assert.ErrorContains(t, err, "the configurations are plain-1")

	vqueues, err := s.settings(generators.Config{Partitions: 4, VQueues: true, Start: generators.StartConfig{State: generators.LazyState}})
	require.NoError(t, err)
	assert.Equal(t, "true", vqueues.Env[runtime.EnvVQueues], "what is provisioned is set at every start")
	assert.NotContains(t, vqueues.Env, "RESTATE_WORKER__INVOKER__EAGER_STATE_SIZE_LIMIT")
	assert.NotEqual(t, named.Key(), vqueues.Key(), "another server")
	byName, err := s.settings(generators.Config{Server: "vqueues-4"})
	require.NoError(t, err)
	assert.Equal(t, vqueues.Key(), byName.Key())
	s.Base.Env = map[string]string{"restate_experimental_enable_vqueues": "false"}
	kept, err := s.settings(generators.Config{Partitions: 4, VQueues: true})
	require.NoError(t, err)
	assert.Equal(t, s.Base.Env, kept.Env, "what a person gave goes over it")
	s.Base.Env = own

	started, err := s.settingsAtStart(lazy)
	require.NoError(t, err)
	assert.Equal(t, "0", started.Env["RESTATE_WORKER__INVOKER__EAGER_STATE_SIZE_LIMIT"])
	assert.Equal(t, "y", started.Env["X"])
	assert.Equal(t, "7s", started.Env["RESTATE_WORKER__INVOKER__INACTIVITY_TIMEOUT"], "what a person gave goes over all")
	assert.Len(t, own, 2, "the base stays as it was")
}
