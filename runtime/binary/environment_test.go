package binary

import (
	"os/exec"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/runtime"
)

func TestSettingsWinOverOurs(t *testing.T) {
	env := Environment(runtime.Settings{Partitions: 4, Env: map[string]string{"RESTATE_NODE_NAME": "n", "X": "y"}}, "c-1")
	assert.Equal(t, "n", env["RESTATE_NODE_NAME"])
	assert.Equal(t, "y", env["X"])
	assert.Equal(t, "4", env["RESTATE_DEFAULT_NUM_PARTITIONS"])
	assert.Equal(t, "c-1", env["RESTATE_CLUSTER_NAME"])
	assert.NotContains(t, Environment(runtime.Settings{}, "c"), "RESTATE_DEFAULT_NUM_PARTITIONS")
}

// A server ignores variables that it does not know: what it makes of ours must
// be looked at.
func TestServerUnderstandsTheEnvironment(t *testing.T) {
	cmd := exec.CommandContext(bounded(t, probeMax), real(t).Path, "--dump-config")
	cmd.Dir = t.TempDir()
	cmd.Env = List(Environment(runtime.Settings{Partitions: 4}, "retain-12345"))
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
