package session_test

import (
	"bytes"
	"context"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/harness"
	"retain/harness/internal/harnesstest"
	"retain/harness/internal/sessiontest"
	"retain/harness/session"
	"retain/harness/triage"
	"retain/model"
	"retain/runtime"
	"retain/runtime/serverlog"
	"retain/runtime/simulated"
)

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

// talkative is a runtime whose log a test writes.
type talkative struct {
	*harnesstest.Wired
	mu  sync.Mutex
	log bytes.Buffer
}

func (w *talkative) say(line string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.log.WriteString(line + "\n")
}

func (w *talkative) Logs(offset int64) ([]byte, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return bytes.Clone(w.log.Bytes()[min(offset, int64(w.log.Len())):]), nil
}

// confessing conducts three plans on a server that logs a line at its kill with this
// number.
func confessing(t *testing.T, kill int, line string) *session.Result {
	o := session.Options{Plans: 3, Draw: sessiontest.PlainPlan, Dir: t.TempDir(), Bounds: sessiontest.Quick, Late: -1}
	o.Open = func(_ context.Context, s runtime.Settings) (*harness.System, error) {
		w := &talkative{Wired: &harnesstest.Wired{Runtime: simulated.New(simulated.Options{Settings: s, Nonce: "n"})}}
		w.say(starting1712)
		kills := 0
		w.Killing = func() {
			if kills++; kills == kill {
				w.say(line)
			}
		}
		return &harness.System{Runtime: w, Control: w, Nonce: "n", Contract: simulated.Contract()}, nil
	}
	result, err := session.Conduct(t.Context(), o)
	require.NoError(t, err)
	return result
}

// What a server admits is a violation of the plan during which it did, although
// every client saw what it should.
func TestLogLineOfDataLossIsAViolation(t *testing.T) {
	result := confessing(t, sessiontest.KillsOfAPlan+1, lost)
	require.Equal(t, harness.Violation, result.Verdict)
	assert.Equal(t, map[harness.Verdict]int{harness.Pass: 1, harness.Violation: 1}, result.Counts)
	want := serverlog.Admission{Line: lost, Code: model.ReportsDataLoss, Class: "data loss", Life: 1, At: logged("2026-11-24T12:51:05.721801Z")}
	assert.Equal(t, []serverlog.Admission{want}, result.Admissions)
	require.Len(t, result.Failures, 1)
	r := result.Failures[0]
	assert.Equal(t, 1, r.Number)
	assert.False(t, r.Ledger)
	assert.Equal(t, want.String(), r.Sentence)
	assert.Equal(t, []serverlog.Admission{want}, r.Admissions)
	assert.Equal(t, harness.Pass, r.Check.Verdict)
	require.NoError(t, r.Problem)
	f := sessiontest.ReadFinding(t, r)
	assert.Equal(t, "the server reports data loss", f.Guarantee)
	assert.Equal(t, r.Admissions, f.Admissions)
}

// An admission at the session's last kill counts for the last plan.
func TestLossLoggedAtTheLastKillFailsTheLastPlan(t *testing.T) {
	result := confessing(t, 3*sessiontest.KillsOfAPlan+1, lost)
	require.Equal(t, harness.Violation, result.Verdict)
	assert.Equal(t, map[harness.Verdict]int{harness.Pass: 2, harness.Violation: 1}, result.Counts)
	require.Len(t, result.Failures, 1)
	r := result.Failures[0]
	assert.Equal(t, 2, r.Number)
	assert.True(t, r.Ledger)
	require.NoError(t, r.Problem)
	assert.FileExists(t, filepath.Join(r.Dir, triage.HistoryFile))
	assert.Len(t, r.Admissions, 1)
	assert.Len(t, result.Admissions, 1)
}

func TestHarmlessLogLineIsNoViolation(t *testing.T) {
	result := confessing(t, 2, "2026-11-24T12:51:05.770291Z ERROR octocrab: failed with error client error (Connect)")
	assert.Equal(t, harness.Pass, result.Verdict)
	assert.Empty(t, result.Admissions)
}
