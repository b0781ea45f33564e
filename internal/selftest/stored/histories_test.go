package stored_test

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/checker"
	"retain/internal/selftest/suite"
	"retain/model"
	"retain/runtime"
	"retain/runtime/ingress"
	"retain/service"
)

// The first recorder of the format wrote these: histories of sessions, a killed one,
// reductions, witnesses and late reads.
func TestStoredHistoriesAreJudgedAsBefore(t *testing.T) {
	want := map[string]checker.Verdict{
		"76f0f5c1-history.jsonl": checker.Violation, "76f0f5c1-witness.jsonl": checker.Violation,
		"7fc4a717-history.jsonl": checker.Pass, "93537c87-killed.jsonl": checker.Pass,
		"aaf16ccb-history.jsonl": checker.Violation, "aaf16ccb-reduced.jsonl": checker.Violation, "aaf16ccb-witness.jsonl": checker.Violation,
		// Fragments: the writes are not in them.
		"aaf16ccb-late.jsonl": checker.Violation, "aaf16ccb-reduced-late.jsonl": checker.Violation,
	}
	dir := filepath.Join(suite.Root(), "model", "testdata", "histories", "recorded")
	files, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, files, len(want))
	for name, verdict := range want {
		file, err := os.Open(filepath.Join(dir, name))
		require.NoError(t, err)
		defer file.Close()
		h, err := model.ReadHistory(file)
		require.NoError(t, err, name)
		assert.Empty(t, h.Damage, name)
		assert.Equal(t, name != "93537c87-killed.jsonl", h.Ended, name)
		assert.Equal(t, verdict, checker.Check(h, checker.Options{}).Verdict, name)
	}
}

// The histories are well-formed, and the runtime that they record is at fault.
func TestForeignHistoriesAreJudged(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"violation-whole", "violation-last-return-no-newline", "runtime-escape"} {
		run := suite.New(t, nil, "-test.run", "^TestRecheck$", "-history", suite.StoredHistory(name))
		require.Error(t, run.Run(), name)
		assert.Contains(t, run.Text(), "violation  ", name)
		assert.NotContains(t, run.Text(), "\x1b", name)
		assert.NotContains(t, run.Text(), "\nverdict pass", name)
	}
}

// docs/history.md has a history that passes, and the change to it that makes it a
// violation.
func TestExampleOfHistoryPageIsJudgedAsStated(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(suite.Root(), "docs", "history.md"))
	require.NoError(t, err)
	_, example, found := strings.Cut(string(text), "```jsonl\n")
	require.True(t, found)
	example, _, _ = strings.Cut(example, "```")
	verdict := func(text string) checker.Verdict {
		h, err := model.ReadHistory(strings.NewReader(text))
		require.NoError(t, err)
		require.True(t, h.Ended)
		return checker.Check(h, checker.Options{}).Verdict
	}
	assert.Equal(t, checker.Pass, verdict(example))
	changed := strings.Replace(example, `"answer":"\"b\""`, `"answer":"\"a\""`, 1)
	require.NotEqual(t, example, changed)
	assert.Equal(t, checker.Violation, verdict(changed))
}

// The package of histories can't import those that define faults and readings.
func TestHistoryAcceptsEveryFaultAndReading(t *testing.T) {
	for _, kind := range []model.FaultKind{model.Stop, model.Kill, model.Start, model.Pause, model.Resume} {
		_, err := model.DecodeEvent(model.EncodeEvent(model.FaultBegan{Instant: model.Instant{Seq: 1}, Kind: kind}))
		assert.NoError(t, err)
	}
	for _, reading := range []service.Reading{service.Entered, service.Effect, service.Finished, service.Broken} {
		_, err := model.DecodeEvent(model.EncodeEvent(model.Seen{Instant: model.Instant{Seq: 1}, ID: 1, Reading: string(reading)}))
		assert.NoError(t, err)
	}
}

// A server answers a read with bytes that JSON can't hold exactly, and a decoder would
// turn them into a text that was written. Tried and looked up, recorded and read again,
// the answer keeps its bytes.
func TestUnwrittenAnswerIsViolationInEveryEncoding(t *testing.T) {
	for _, c := range []struct{ wrote, body string }{
		{"v\ufffd", "\"v\xff\""}, {"v\ufffd", `"v\ud800"`}, {"v\ufffd\ufffd\ufffd", "\"v\xed\xa0\x80\""}, {"\u00e9", "\"e\u0301\""}, {"v", `"v\u0000"`},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(c.body)) }))
		t.Cleanup(server.Close)
		client := ingress.New(runtime.Endpoints{Ingress: server.URL})
		t.Cleanup(client.Close)
		call := ingress.Call{ObjectKey: "k", Op: model.RegisterRead{}, IdempotencyKey: "i"}
		for _, got := range []ingress.Result{client.Try(t.Context(), call), client.LookUp(t.Context(), call)} {
			require.NotNil(t, got.Answer, got.Detail)
			at := func(seq int64) model.Instant { return model.Instant{Seq: seq, Ns: seq} }
			register := model.Object{Kind: model.Register}
			var file bytes.Buffer
			for _, e := range []model.Event{
				model.Header{Version: model.HistoryVersion, Run: "r"},
				model.Called{Instant: at(1), ID: 1, Process: "0", Phase: model.Program, Object: register, Op: model.RegisterWrite{Value: c.wrote}.String()},
				model.Returned{Instant: at(2), ID: 1, Outcome: model.OK, Answer: "ok"},
				model.Called{Instant: at(3), ID: 2, Process: "0", Phase: model.Program, Object: register, Op: call.Op.String()},
				model.Attempting{Instant: at(4), ID: 2, N: 1},
				model.Attempted{Instant: at(5), ID: 2, N: 1, Wrote: true, Status: got.Status, Detail: got.Detail},
				model.Returned{Instant: at(6), ID: 2, Outcome: model.OK, Answer: got.Answer.String()},
				model.Ended{Instant: at(7)},
			} {
				file.Write(model.EncodeEvent(e))
			}
			h, err := model.ReadHistory(&file)
			require.NoError(t, err)
			assert.Equal(t, got.Answer, h.Operations[1].Answer)
			assert.Equal(t, checker.Violation, checker.Check(h, checker.Options{}).Verdict, "%q", c.body)
		}
	}
}
