package harness

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/generators"
	"retain/runtime"
)

func TestThePlansServerGoesOverTheBase(t *testing.T) {
	own := map[string]string{"RESTATE_WORKER__INVOKER__INACTIVITY_TIMEOUT": "7s", "X": "y"}
	s := &session{Options: Options{Base: runtime.Settings{Version: "1.7.12", Env: own}}}

	plain, err := s.settings(generators.Config{Partitions: 2})
	require.NoError(t, err)
	assert.Equal(t, runtime.Settings{Version: "1.7.12", Partitions: 2, Env: own}, plain)

	lazy, err := s.settings(generators.Config{Server: "lazy-suspend-always"})
	require.NoError(t, err)
	assert.Equal(t, 4, lazy.Partitions)
	assert.Equal(t, "0", lazy.Env["RESTATE_WORKER__INVOKER__EAGER_STATE_SIZE_LIMIT"])
	assert.Equal(t, "y", lazy.Env["X"])
	assert.Equal(t, "7s", lazy.Env["RESTATE_WORKER__INVOKER__INACTIVITY_TIMEOUT"], "what a person gave goes over all")
	assert.NotEqual(t, plain.Key(), lazy.Key(), "another configuration is another server")
	assert.Len(t, own, 2, "the base stays as it was")

	other, err := s.settings(generators.Config{Server: "one-timer", Partitions: 9})
	require.NoError(t, err)
	assert.Equal(t, 9, other.Partitions)

	_, err = s.settings(generators.Config{Server: "nosuch"})
	assert.ErrorContains(t, err, "the configurations are plain-1")
}
