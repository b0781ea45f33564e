package binary

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/internal/selftest"
	"retain/runtime"
	"retain/runtime/dumpconfig"
)

// asked are settings, and what is said of them; from is the first version that knows
// them. Measured on 1.5.3, 1.6.1, 1.6.2, 1.7.2 and 1.7.12.
var asked = []struct {
	name, value, content string
	from                 string
	err, note            string
	long                 bool // takes a second
}{
	{name: "RESTATE_EXPERIMENTAL_ENABEL_VQUEUES", value: "true", from: "1.6", err: "did you mean RESTATE_EXPERIMENTAL_ENABLE_VQUEUES?"},
	{name: "RESTATE_EXPERIMENTAL_ENABLE_VQUEUES", value: "true", from: "1.6"},
	{name: "RESTATE_EXPERIMENTAL_ENABLE_VQUEUES", value: "false", from: "1.6", note: "changes nothing"},
	{name: "RESTATE_LOG_SERVER__ROCKSDB_DISABLE_WAL", value: "true"},
	{name: "RESTATE_LOG_SERVER__ROCKSDB_DISABLE_WAL", value: "false", note: "changes nothing"},
	{name: "RESTATE_LOG_SERVER_ROCKSDB_DISABLE_WAL", value: "true", err: "did you mean RESTATE_LOG_SERVER__ROCKSDB_DISABLE_WAL?", long: true},
	{name: "RESTATE_DEFAULT_NUM_PARTITIONS", value: "many", err: `refuses it: invalid type: found string "many", expected u16`},
	{name: "RESTATE_WORKER__INVOKER__EAGER_STATE_SIZE_LIMIT", value: "0", from: "1.7"},
	{name: "RESTATE_WORKER__INVOKER__DISABLE_EAGER_STATE", value: "true"},
	{name: "RESTATE_WORKER__NUM_TIMERS_IN_MEMORY_LIMIT", value: "1"},
	{name: "RESTATE_METADATA_CLIENT__TYPE", value: "object-store", err: `ignores this value and keeps "replicated"`},
	{name: "RESTATE_WORKER", value: `{invokr={a=1}, cleanup-interval="2h"}`, err: "RESTATE_WORKER__INVOKR__A=1"},
	{name: "RESTATE_TRACING_HEADERS__AUTHORIZATION", value: "x"},
	{content: "[worker]\ncleanup-interval = \"2h\"\n"},
	{content: "[worker]\ncleanup-intervall = \"2h\"\n", err: "did you mean worker.cleanup-interval?"},
	{content: "default_num_partitions = 3\n", err: "default_num_partitions: restate-server "},
	{content: "[worker\n", err: "TOML parse error at line 1"},
}

// The test needs a real server.
func TestServerListsTheSettingsItKnows(t *testing.T) {
	saysWhichItKnows(t, false, runtime.DefaultVersion)
}

func TestServersOfOtherVersionsListTheSettingsTheyKnow(t *testing.T) {
	selftest.Nightly(t, "50 s")
	saysWhichItKnows(t, true, "1.5.3", "1.6.1", "1.6.2", "1.7.2", runtime.DefaultVersion)
}

func saysWhichItKnows(t *testing.T, long bool, versions ...string) {
	for _, version := range versions {
		server, err := Find(bounded(t, 10*time.Minute), Request{Version: version, Notice: func(line string) { t.Log(line) }})
		require.NoError(t, err)
		for _, c := range asked {
			if c.long && !long {
				continue
			}
			given := dumpconfig.Given{Env: map[string]string{}, Path: "own.toml"}
			if c.name != "" {
				given.Env[c.name] = c.value
			} else {
				given.Content = []byte(c.content)
			}
			notes, err := dumpconfig.Check(t.Context(), server.Dumper("own.toml"), given)
			about := []any{"%s: %s=%s %s", version, c.name, c.value, c.content}
			switch {
			case version < c.from:
				assert.ErrorContains(t, err, "has no such setting and ignores it", about...)
			case c.err != "":
				assert.ErrorContains(t, err, c.err, about...)
				assert.NotContains(t, err.Error(), "\n", about...)
			default:
				assert.NoError(t, err, about...)
			}
			if c.note != "" && version >= c.from {
				require.Len(t, notes, 1, about...)
				assert.Contains(t, notes[0], c.note, about...)
			} else {
				assert.Empty(t, notes, about...)
			}
		}
	}
}

// A wrapper may drop its arguments. It is ended then.
func TestProgramWithoutDumpConfigIsNotChecked(t *testing.T) {
	dir := t.TempDir()
	given := dumpconfig.Given{Env: map[string]string{"RESTATE_VQEUUES": "true"}}
	for name, script := range map[string]string{
		"silent":   "exit 0",
		"chatty":   "echo hello; exit 0",
		"refusing": "echo \"error: unexpected argument '--dump-config' found\" >&2; exit 2",
		"broken":   "echo no such library >&2; exit 127",
		"server":   "echo 'Starting Restate Server 1.7.12 (577e032 x86_64-unknown-linux-musl 2026-09-22)'; sleep 1000",
	} {
		path := filepath.Join(dir, name)
		executable(t, dir, name, script)
		began := time.Now()
		notes, err := dumpconfig.Check(t.Context(), Server{Path: path, Version: "1.7.12"}.Dumper(""), given)
		assert.NoError(t, err, name)
		assert.Len(t, notes, 1, name)
		assert.Less(t, time.Since(began), 10*time.Second, name)
	}
}

func TestRefusedConfigurationIsReportedInOneLine(t *testing.T) {
	for output, want := range map[string]string{
		"[RT0002] configuration loading error: invalid type: found map\n\nmore\n":                                                              "invalid type: found map",
		"\nthread 'main' (1) panicked at server/src/main.rs:118:43:\nconfig-file path is valid: No such file\nstack backtrace:\n   0: begin\n": "config-file path is valid: No such file",
		"error: invalid value 'foo' for '--listen-mode'\n  [possible values: unix, tcp]\n\nFor more\n":                                         "error: invalid value 'foo' for '--listen-mode' [possible values: unix, tcp]",
		"\x1b[31mred\n": `\x1b[31mred`,
		"\n":            "it ends without a word",
	} {
		out, err := Dumped("", output, 1)
		require.NoError(t, err)
		assert.Equal(t, want, out.Refused)
	}
}
