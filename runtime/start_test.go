package runtime_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/runtime"
)

func TestSettingsGoOverTheEnvironmentOfAStart(t *testing.T) {
	s := runtime.Settings{Version: "1.7.12", Partitions: 4, Env: map[string]string{"RESTATE_A": "person", "restate_b": "person"}}
	o := runtime.StartOptions{Env: map[string]string{"RESTATE_A": "start", "RESTATE_B": "start", "RESTATE_C": "start"}}
	started := s.With(o)
	assert.Equal(t, map[string]string{"RESTATE_A": "person", "restate_b": "person", "RESTATE_C": "start"}, started.Env,
		"a server takes a variable in any case: with two it would choose")
	assert.Equal(t, s.Partitions, started.Partitions)
	assert.Len(t, s.Env, 2, "the settings stay as they were")
	assert.Len(t, o.Env, 3, "the options stay as they were")
	assert.Equal(t, s, s.With(runtime.StartOptions{}))
}

func TestAVersionIsAWord(t *testing.T) {
	for _, version := range []string{"", "1.7.12", "1.7.13-dev", "mine", "pr_4396+debug"} {
		require.NoError(t, runtime.StartOptions{Version: version}.Check())
	}
	for _, version := range []string{" ", "a b", "../mine", "-v", "a=b", strings.Repeat("v", 65), "a\nb"} {
		err := runtime.StartOptions{Version: version}.Check()
		require.ErrorIs(t, err, errors.ErrUnsupported)
		require.NotContains(t, err.Error(), "\n")
	}
}

func TestAStartDoesNotChangeWhatIsProvisionedOrTheRuntimes(t *testing.T) {
	require.NoError(t, runtime.StartOptions{Env: map[string]string{"RESTATE_WORKER__INVOKER__INACTIVITY_TIMEOUT": "0s"}}.Check())
	for _, name := range []string{runtime.EnvPartitions, runtime.EnvVQueues, "restate_default_num_partitions", "RESTATE_NODE_NAME", "RESTATE_BASE_DIR", "RESTATE_CONFIG", "RESTATE_INGRESS__BIND_ADDRESS"} {
		require.ErrorContains(t, runtime.StartOptions{Env: map[string]string{"RESTATE_OTHER": "", name: "x"}}.Check(), "a start can't set "+name)
	}
}
