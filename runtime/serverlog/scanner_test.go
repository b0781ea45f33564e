package serverlog

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/model"
)

// heard is what a log admits, read at once.
func heard(lines ...string) []Admission {
	var c Scanner
	return c.read([]byte(strings.Join(lines, "\n")+"\n"), false)
}

const (
	starting1712 = "2026-11-24T12:51:00.385451Z  INFO restate_server: Starting Restate Server 1.7.12 (577e032 x86_64-unknown-linux-musl 2026-09-22) node_name=\"n\""
	lost         = "2026-11-24T12:51:05.721801Z  WARN provision_node: restate_log_server::service: Detected data loss for log-server of my node N1. " +
		"The log-server marker is missing, storage-state was read-write, will transition into `data-loss`"
)

// logged is a time as a log has it.
func logged(at string) time.Time {
	t, err := time.Parse(time.RFC3339Nano, at)
	if err != nil {
		panic(err)
	}
	return t
}

// The texts are as the server logs them.
func TestScannerClassifiesAdmissions(t *testing.T) {
	const at = "2026-11-24T12:51:05.770291Z "
	for line, class := range map[string]string{
		lost: "data loss",
		at + "ERROR restate_core::task_center: Shutting down: task 6 failed with: Node cannot start a log-server on N1, it has detected that it has lost its data. kind=SystemBoot": "data loss",
		at + "ERROR run: restate_worker::partition: Encountered a data-loss gap in the log: [5..9] log_id=3":                                                                        "data loss",
		at + "ERROR restate_worker::partition_processor_manager: Partition processor stopped due to a log gap [5..9], and no snapshot repository is configured.":                    "data loss",
		at + "ERROR restate_worker::partition_processor_manager: Partition processor start error: partition appears to be ahead of the log, this indicates data-loss in the log":    "data loss",
		at + "ERROR restate_server: Restate application failed error=building log-server failed: Corruption: block checksum mismatch: stored(context removed) = 2883304748":         "corrupted data",
		at + " WARN restate_invoker_impl: error when reading the journal: expected to read 4 entries, but read only 3. This indicates a bug or a storage corruption.":               "corrupted data",
		at + " WARN restate_worker::partition::leadership: Observed another leadership announcement for my own leadership. This should never happen and indicates a bug!":           "a broken invariant",
		at + "ERROR restate_worker::partition::state_machine: Trying to complete the entry Call, but it's already completed. This is a bug.":                                        "a broken invariant",
		at + "ERROR restate_worker::partition_processor_manager: Partition processor exited unexpectedly, retrying in 250ms partition_id=2":                                         "a partition that it can't run",
		at + "ERROR restate_rocksdb::logging: RocksDB background error: IO error: fsync failed db=log-server":                                                                       "a store that it can't use",
		at + "ERROR tracing_panic: A panic occurred panic.payload=\"no entry\" panic.location=\"crates/worker/src/lib.rs:12:5\"":                                                    "a panic",
		"!!! Restate panicked during shutdown! JoinError": "a panic",
		`{"timestamp":"2026-11-24T12:51:05.770291Z","level":"ERROR","fields":{"message":"Encountered a data-loss gap in the log: [5..9]"}}`: "data loss",
		"\x1b[2m2026-11-24T12:51:05.770291Z\x1b[0m \x1b[31mERROR\x1b[0m \x1b[2mrun\x1b[0m: Encountered a data-loss gap in the log: [5..9]":  "data loss",
	} {
		found := heard(line)
		require.Len(t, found, 1, line)
		assert.Equal(t, class, found[0].Class, line)
		assert.Zero(t, found[0].Life, "the log does not begin with a life")
		assert.Equal(t, "the server reports "+class+": "+found[0].Line, found[0].String())
	}
}

// Ordinary lines of the server and texts of callers admit nothing.
func TestScannerIgnoresOtherLines(t *testing.T) {
	const at = "2026-11-24T12:51:05.770291Z "
	for _, line := range []string{
		at + " WARN restate_invoker_impl: Invocation error, retrying in 50ms. error=[500] handler panicked at src/main.rs: data corruption in the cart",
		at + " INFO ingress-http-request: restate_ingress_http::handler::responses: Complete external HTTP request with a failure message: \"data loss, panicked\"",
		at + " INFO restate_rocksdb::logging: Compaction finished elapsed: 3ms, corrupt_keys: 0, input_files: 4",
		at + " WARN restate_types::schema: Going to overwrite. This is a potentially dangerous operation, and might result in data loss.",
		at + "ERROR octocrab: failed with error client error (Connect)",
		"Failed: failed binding to address 127.0.0.1:21439: Address already in use",
	} {
		assert.Empty(t, heard(line), line)
	}
}

// The log has one line of each kind from a session of 50 plans with 88 kills and 37
// stops.
func TestOrdinaryLogAdmitsNothing(t *testing.T) {
	log, err := os.ReadFile(filepath.Join("testdata", "ordinary-1.7.12.log"))
	require.NoError(t, err)
	var c Scanner
	assert.Empty(t, c.read(log, true))
	assert.Equal(t, 1, c.incarnation)
	assert.NotEmpty(t, c.read([]byte(lost+"\n"), false), "it listens")
}

func TestEachHarmlessPatternIsNeeded(t *testing.T) {
	lines := []string{ // one for each
		"2026-11-24T12:51:05.770291Z ERROR restate_invoker_impl: the handler panicked",
		"2026-11-24T12:51:05.770291Z  WARN x: This is a potentially dangerous operation, and might result in data loss.",
		"thread 'main' panicked at server/src/main.rs:1: address in use",
	}
	require.Len(t, lines, len(harmlessLines))
	all := harmlessLines
	defer func() { harmlessLines = all }()
	for i, line := range lines {
		harmlessLines = all
		assert.Empty(t, heard(line))
		assert.NotEmpty(t, all[i].why)
		harmlessLines = append(append([]harmlessLine{}, all[:i]...), all[i+1:]...)
		assert.NotEmpty(t, heard(line), "%q would not be one without its entry", line)
	}
}

// A panic prints itself three times. The most detailed text is kept.
func TestPanicOverSeveralLinesIsOneAdmission(t *testing.T) {
	found := heard(starting1712, "", "[Some(\"rs:worker-1\")]  PANIC!!!", "panicked at crates/worker/src/partition/mod.rs:733:21:", "no such key", "",
		"2026-11-24T12:51:05.770291Z  INFO restate_node: on it goes")
	require.Len(t, found, 1)
	assert.Equal(t, Admission{Code: model.ReportsPanic, Class: "a panic", Life: 1,
		At:   logged("2026-11-24T12:51:00.385451Z"),
		Line: `[Some("rs:worker-1")]  PANIC!!! panicked at crates/worker/src/partition/mod.rs:733:21: no such key`}, found[0])
}

// Each read returns new, complete lines. A repeated line counts once in an incarnation.
func TestScannerReadsAGrowingLog(t *testing.T) {
	var c Scanner
	var log bytes.Buffer
	next := func(text string, end bool) []Admission {
		log.WriteString(text)
		return c.read(log.Bytes()[c.offset:], end)
	}
	assert.Empty(t, next(starting1712+"\n"+lost[:60], false), "half a line")
	found := next(lost[60:]+"\n", false)
	require.Len(t, found, 1)
	assert.Equal(t, 1, found[0].Life)
	assert.Empty(t, next("", false), "told already")
	assert.Empty(t, next(strings.Replace(lost, "721801", "999999", 1)+"\n", false), "the same again")
	found = next(starting1712+"\n"+lost, true)
	require.Len(t, found, 1, "the end has no newline; another life")
	assert.Equal(t, 2, found[0].Life)
	assert.Equal(t, int64(log.Len()), c.offset)
}

func TestBlockedPartitionsAreReadFromTheMetrics(t *testing.T) {
	metrics := "# TYPE restate_partition_blocked_flare gauge\n" +
		`restate_partition_blocked_flare{partition="0",reason="ahead_of_log"} 1` + "\n" +
		`restate_partition_blocked_flare{partition="1",reason="version_barrier"} 0` + "\nother 1\n"
	assert.Equal(t, []string{`restate_partition_blocked_flare{partition="0",reason="ahead_of_log"} 1`}, blockedLines(strings.NewReader(metrics)))
}

func TestLastLinesOmitRepetitions(t *testing.T) {
	assert.Equal(t, " (the server's last words: a | b | c)", LastLines([]byte("x\na\nb\nb\nc\nc\nc\n"), 3))
	assert.Empty(t, LastLines([]byte("\n"), 3))
}

// A listener that could not be opened names what ran out, unless its port was taken.
func TestFailedListenerNamesItsShortage(t *testing.T) {
	for said, want := range map[string]bool{"No file descriptors available (os error 24)": true, "Address in use (os error 98)": false} {
		var c Scanner
		c.read([]byte("Failed: [admin-api-server] failed binding to address '127.0.0.1:0': "+said+"\n"), true)
		assert.Equal(t, want, len(c.Shortages(0, time.Time{}, time.Now(), false)) == 1, said)
	}
}
