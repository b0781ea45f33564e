package commandline_test

import (
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"retain/internal/selftest/suite"
	"retain/runtime/reaper"
)

// badServers are servers that are missing, are no servers, or can't start.
func badServers(t *testing.T) []refusal {
	cache := t.TempDir()
	nothing := []string{"PATH=/nonexistent", "DOCKER_HOST=unix:///nonexistent", "HOME=" + cache, reaper.EnvCache + "=" + cache}
	broken := filepath.Join(t.TempDir(), "restate.toml")
	require.NoError(t, os.WriteFile(broken, []byte("hello = = there\n"), 0o644))
	misspelt := filepath.Join(t.TempDir(), "misspelt.toml")
	require.NoError(t, os.WriteFile(misspelt, []byte("[worker]\ncleanup-intervall = \"2h\"\n"), 0o644))
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = taken.Close() })
	const another = "name an executable that acts as restate-server with -restate.binary"
	return []refusal{
		{name: "no Docker and no npm", env: nothing, args: suite.Properties(), says: []string{"start it, or set DOCKER_HOST", "install npm"}},
		{name: "no Docker", env: nothing, args: suite.Properties("-runtime", "container"), says: []string{"no Docker", "start it, or set DOCKER_HOST"}},
		{name: "no npm", env: nothing, args: suite.Properties("-runtime", "process"), says: []string{"no npm", "install npm"}},
		{name: "an unknown version", args: suite.Properties("-runtime", "process", "-restate.version", "9.9.9"), says: []string{"9.9.9", "choose with -restate.version"}},
		{name: "no version", args: suite.Properties("-runtime", "process", "-restate.version", "newest"), says: []string{"newest", "such as 1."}},
		{name: "a binary that is not Restate", args: suite.Properties("-restate.binary", "/bin/ls"), says: []string{"not a restate-server", another}},
		{name: "a binary that is a directory", args: suite.Properties("-restate.binary", os.TempDir()), says: []string{"is a directory", another}},
		{name: "a binary that is not there", args: suite.Properties("-restate.binary", "/nonexistent/server"), says: []string{"/nonexistent/server", another}},
		{name: "a configuration that is not there", args: suite.Properties("-runtime", "process", "-restate.config", "/nonexistent.toml"), says: []string{"configuration file", "/nonexistent.toml"}},
		{name: "a configuration that is none", args: suite.Properties("-runtime", "process", "-restate.config", broken), says: []string{"-restate.config " + broken, "refuses it: TOML parse error at line 1, column 9"}},
		{name: "an unknown setting", args: suite.Properties("-runtime", "process", "-restate.env", "RESTATE_EXPERIMENTAL_ENABEL_VQUEUES=true"),
			says: []string{"-restate.env RESTATE_EXPERIMENTAL_ENABEL_VQUEUES=true", "has no such setting and ignores it", "did you mean RESTATE_EXPERIMENTAL_ENABLE_VQUEUES?"}},
		{name: "an unknown setting in a file", args: suite.Properties("-runtime", "process", "-restate.config", misspelt),
			says: []string{"-restate.config " + misspelt, "worker.cleanup-intervall", "did you mean worker.cleanup-interval?"}},
		{name: "a setting that is none of this value", args: suite.Properties("-runtime", "process", "-restate.env", "RESTATE_DEFAULT_NUM_PARTITIONS=many"),
			says: []string{"-restate.env RESTATE_DEFAULT_NUM_PARTITIONS=many", `refuses it: invalid type: found string "many", expected u16`}},
		{name: "two configuration files", args: suite.Properties("-runtime", "process", "-restate.config", misspelt, "-restate.env", "RESTATE_CONFIG="+broken),
			says: []string{"two configuration files", "give one of them"}},
		{name: "a secret that is not exported", args: suite.Properties("-runtime", "process", "-restate.env", "RESTATE_NO_SUCH_TOKEN=$RESTATE_NO_SUCH_TOKEN"),
			says: []string{"RESTATE_NO_SUCH_TOKEN is not set in this environment", "export it"}},
		{name: "a port that is taken", args: suite.Properties("-runtime", "process", "-restate.env", "RESTATE_INGRESS__BIND_ADDRESS="+taken.Addr().String()),
			says: []string{taken.Addr().String(), "Address", "in use", "mend what its last words name"}},
	}
}
