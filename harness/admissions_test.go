package harness

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/runtime"
	"retain/runtime/simulated"
)

// heard is what a log admits, read at once.
func heard(lines ...string) []Admission {
	var c confession
	return c.hear([]byte(strings.Join(lines, "\n")+"\n"), false)
}

const (
	starting1712 = "2026-11-24T12:51:00.385451Z  INFO restate_server: Starting Restate Server 1.7.12 (577e032 x86_64-unknown-linux-musl 2026-09-22) node_name=\"n\""
	lost         = "2026-11-24T12:51:05.721801Z  WARN provision_node: restate_log_server::service: Detected data loss for log-server of my node N1. " +
		"The log-server marker is missing, storage-state was read-write, will transition into `data-loss`"
)

// Texts of the server, each as it logs it.
func TestWhatAServerAdmits(t *testing.T) {
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

// What the server says at other times, and what others say through it, is none.
func TestWhatAServerDoesNotAdmit(t *testing.T) {
	const at = "2026-11-24T12:51:05.770291Z "
	for _, line := range []string{
		at + " WARN restate_invoker_impl: Invocation error, retrying in 50ms. error=[500] handler panicked at src/main.rs: data corruption in the cart",
		at + " INFO ingress-http-request: restate_ingress_http::handler::responses: Complete external HTTP request with a failure message: \"data loss, panicked\"",
		at + " INFO restate_rocksdb::logging: Compaction finished elapsed: 3ms, corrupt_keys: 0, input_files: 4",
		at + " WARN restate_types::schema: Going to overwrite. This is a potentially dangerous operation, and might result in data loss.",
		at + "ERROR restate_log_server: Cannot write to log-server database: IO error: No space left on device: While appending to file",
		at + "ERROR octocrab: failed with error client error (Connect)",
		"Failed: failed binding to address 127.0.0.1:21439: Address already in use",
		"memory allocation of 1048576 bytes failed",
	} {
		assert.Empty(t, heard(line), line)
	}
}

// An ordinary session of 50 plans with 88 kills and 37 stops, one line of each kind
// that it logged, admits nothing.
func TestAnOrdinaryLogAdmitsNothing(t *testing.T) {
	log, err := os.ReadFile(filepath.Join("testdata", "ordinary-1.7.12.log"))
	require.NoError(t, err)
	var c confession
	assert.Empty(t, c.hear(log, true))
	assert.Equal(t, 1, c.life)
	assert.NotEmpty(t, c.hear([]byte(lost+"\n"), false), "it listens")
}

// Each known harmless line needs its place in the list.
func TestHarmlessLinesAreNeeded(t *testing.T) {
	lines := []string{ // one for each
		"2026-11-24T12:51:05.770291Z ERROR restate_invoker_impl: the handler panicked",
		"2026-11-24T12:51:05.770291Z  WARN x: This is a potentially dangerous operation, and might result in data loss.",
		"2026-11-24T12:51:05.770291Z ERROR x: RocksDB background error: No space left on device",
		"thread 'main' panicked at server/src/main.rs:1: address in use",
	}
	require.Len(t, lines, len(harmless))
	all := harmless
	defer func() { harmless = all }()
	for i, line := range lines {
		harmless = all
		assert.Empty(t, heard(line))
		assert.NotEmpty(t, all[i].why)
		harmless = append(append([]harmlessLine{}, all[:i]...), all[i+1:]...)
		assert.NotEmpty(t, heard(line), "%q would not be one without its entry", line)
	}
}

// A panic prints itself three times over several lines. What says most is kept.
func TestAPanicOfSeveralLines(t *testing.T) {
	found := heard(starting1712, "", "[Some(\"rs:worker-1\")]  PANIC!!!", "panicked at crates/worker/src/partition/mod.rs:733:21:", "no such key", "",
		"2026-11-24T12:51:05.770291Z  INFO restate_node: on it goes")
	require.Len(t, found, 1)
	assert.Equal(t, Admission{Class: "a panic", Life: 1,
		Line: `[Some("rs:worker-1")]  PANIC!!! panicked at crates/worker/src/partition/mod.rs:733:21: no such key`}, found[0])
}

// A log is read as it grows: what is new alone, lines only when they are whole,
// and what repeats itself counts once in a life.
func TestALogIsReadAsItGrows(t *testing.T) {
	var c confession
	var log bytes.Buffer
	next := func(text string, end bool) []Admission {
		log.WriteString(text)
		return c.hear(log.Bytes()[c.read:], end)
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
	assert.Equal(t, int64(log.Len()), c.read)
}

func TestFlares(t *testing.T) {
	metrics := "# TYPE restate_partition_blocked_flare gauge\n" +
		`restate_partition_blocked_flare{partition="0",reason="ahead_of_log"} 1` + "\n" +
		`restate_partition_blocked_flare{partition="1",reason="version_barrier"} 0` + "\nother 1\n"
	assert.Equal(t, []string{`restate_partition_blocked_flare{partition="0",reason="ahead_of_log"} 1`}, flares(strings.NewReader(metrics)))
}

// talkative is a runtime whose log a test writes.
type talkative struct {
	*Wired
	mu  sync.Mutex
	log bytes.Buffer
}

func (w *talkative) say(line string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.log.WriteString(line + "\n")
}

func (w *talkative) Logs() ([]byte, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return bytes.Clone(w.log.Bytes()), nil
}

// confessing conducts three plans on a server that says something at its kill
// with this number.
func confessing(t *testing.T, kill int, line string) *Session {
	o := Options{Plans: 3, Draw: plainPlan, Dir: t.TempDir(), Bounds: quick, Late: -1}
	o.Open = func(_ context.Context, s runtime.Settings) (*System, error) {
		w := &talkative{Wired: &Wired{Runtime: simulated.New(simulated.Options{Settings: s, Nonce: "n"})}}
		w.say(starting1712)
		kills := 0
		w.Killing = func() {
			if kills++; kills == kill {
				w.say(line)
			}
		}
		return &System{Runtime: w, Control: w, Nonce: "n", Shared: simulated.Shared()}, nil
	}
	session, err := Conduct(t.Context(), o)
	require.NoError(t, err)
	return session
}

// What a server admits is a violation of the plan during which it did, although
// every client saw what it should.
func TestAnAdmissionIsAViolation(t *testing.T) {
	session := confessing(t, killsOfAPlan+1, lost)
	require.Equal(t, Violation, session.Verdict)
	assert.Equal(t, map[Verdict]int{Pass: 1, Violation: 1}, session.Counts)
	want := Admission{Line: lost, Class: "data loss", Life: 1}
	assert.Equal(t, []Admission{want}, session.Admissions)
	require.Len(t, session.Failures, 1)
	r := session.Failures[0]
	assert.Equal(t, 1, r.Number)
	assert.False(t, r.Ledger)
	assert.Equal(t, want.String(), r.Sentence)
	assert.Equal(t, []Admission{want}, r.Admissions)
	assert.Equal(t, Pass, r.Check.Verdict)
	require.NoError(t, r.Problem)
	f := readFinding(t, r)
	assert.Equal(t, "the server reports data loss", f.Guarantee)
	assert.Equal(t, r.Admissions, f.Admissions)
}

// What it admits at the session's last kill is told as the last plan's.
func TestTheLastWordsAreHeard(t *testing.T) {
	session := confessing(t, 3*killsOfAPlan+1, lost)
	require.Equal(t, Violation, session.Verdict)
	assert.Equal(t, map[Verdict]int{Pass: 2, Violation: 1}, session.Counts)
	require.Len(t, session.Failures, 1)
	r := session.Failures[0]
	assert.Equal(t, 2, r.Number)
	assert.True(t, r.Ledger)
	require.NoError(t, r.Problem)
	assert.FileExists(t, filepath.Join(r.Dir, HistoryFile))
	assert.Len(t, r.Admissions, 1)
	assert.Len(t, session.Admissions, 1)
}

func TestAHarmlessLineIsNoViolation(t *testing.T) {
	session := confessing(t, 2, "2026-11-24T12:51:05.770291Z ERROR octocrab: failed with error client error (Connect)")
	assert.Equal(t, Pass, session.Verdict)
	assert.Empty(t, session.Admissions)
}

// readFinding reads the facts of a finding back.
func readFinding(t *testing.T, r Run) Finding {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(r.Dir, FindingFile))
	require.NoError(t, err)
	var f Finding
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	require.NoError(t, decoder.Decode(&f))
	assert.Equal(t, FindingVersion, f.Version)
	return f
}
