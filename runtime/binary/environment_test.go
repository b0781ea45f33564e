package binary

import (
	"os/exec"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/runtime"
)

func TestUserSettingsOverrideDefaults(t *testing.T) {
	env := Environment(runtime.Settings{Partitions: 4, Env: map[string]string{"RESTATE_NODE_NAME": "n", "X": "y"}}, "c-1")
	assert.Equal(t, "n", env["RESTATE_NODE_NAME"])
	assert.Equal(t, "y", env["X"])
	assert.Equal(t, "4", env["RESTATE_DEFAULT_NUM_PARTITIONS"])
	assert.Equal(t, "c-1", env["RESTATE_CLUSTER_NAME"])
	assert.NotContains(t, Environment(runtime.Settings{}, "c"), "RESTATE_DEFAULT_NUM_PARTITIONS")
}

// A server that gets a setting twice takes the last one: that of the user, in whatever
// form.
func TestUserSettingsInATableOverrideAVariable(t *testing.T) {
	user := map[string]string{"RESTATE_DEFAULT_RETRY_POLICY": `{max-interval="7s"}`, "restate_worker": `{invoker={inactivity-timeout="7s"}}`}
	env := Environment(runtime.Settings{Env: user}, "c")
	env["RESTATE_WORKER__INVOKER__INACTIVITY_TIMEOUT"] = "0s" // of a start
	list := List(env, user)
	assert.Len(t, list, len(env))
	assert.Equal(t, []string{"RESTATE_DEFAULT_RETRY_POLICY=" + user["RESTATE_DEFAULT_RETRY_POLICY"], "restate_worker=" + user["restate_worker"]}, list[len(list)-2:])
	assert.Equal(t, list, List(env, user), "in the same order each time")

	cmd := exec.CommandContext(bounded(t, probeMax), real(t).Path, "--dump-config")
	cmd.Dir, cmd.Env = t.TempDir(), list
	out, err := cmd.Output()
	require.NoError(t, err)
	assert.Regexp(t, `(?m)^max-interval = "7s"$`, string(out))
	assert.Regexp(t, `(?m)^initial-interval = "50ms"$`, string(out), "the rest of the table stays")
	assert.Regexp(t, `(?m)^inactivity-timeout = "7s"$`, string(out))
}

// A server ignores unknown variables, so the test reads the configuration that it
// prints.
func TestServerParsesTheDefaultEnvironment(t *testing.T) {
	cmd := exec.CommandContext(bounded(t, probeMax), real(t).Path, "--dump-config")
	cmd.Dir = t.TempDir()
	cmd.Env = List(Environment(runtime.Settings{Partitions: 4}, "retain-12345"), nil)
	out, err := cmd.Output()
	require.NoError(t, err)
	for _, line := range []string{
		`node-name = "retain-1"`, `cluster-name = "retain-12345"`, `default-num-partitions = 4`, `listen-mode = "tcp"`,
		`log-filter = "info"`, `log-format = "compact"`, `disable-telemetry = true`, `rocksdb-total-memory-size = "488.3 MiB"`,
	} {
		assert.Regexp(t, `(?m)^`+line+`$`, string(out))
	}
	assert.Regexp(t, `(?s)\[default-retry-policy\]\ninitial-interval = "50ms"\n[^\[]*max-attempts = "unlimited"\n[^\[]*max-interval = "500ms"`, string(out))
}
