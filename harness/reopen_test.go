package harness

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/model"
)

// It continues after its last event, on its own clock. Its file reads back whole at any
// time.
func TestReopenedHistoryContinues(t *testing.T) {
	path := filepath.Join(t.TempDir(), "h.jsonl")
	rec, err := newRecorder(path, model.Header{Version: model.HistoryVersion, Run: "r"})
	require.NoError(t, err)
	rec.note("before")
	rec.available([]model.Span{{From: 1, To: 2, Up: true}})
	first, err := rec.close()
	require.NoError(t, err)

	again, err := reopen(path, rec.began.Add(-time.Hour))
	require.NoError(t, err)
	assert.False(t, readBackFrom(t, path).Ended, "it is cut off until it ends again")
	var at model.Instant
	require.NoError(t, again.record(func(now model.Instant) model.Event { at = now; return model.Noted{Instant: now, Text: "after"} }))
	assert.Equal(t, int64(3), at.Seq, "the number of the end is free again")
	assert.Greater(t, at.Ns, int64(time.Hour))
	second, err := again.close()
	require.NoError(t, err)
	assert.Equal(t, second, readBackFrom(t, path))
	assert.Equal(t, []string{"before", "after"}, second.Notes)
	assert.True(t, second.Ended)
	assert.Equal(t, first.Availability, second.Availability)
}

func readBackFrom(t *testing.T, path string) *model.History {
	file, err := os.Open(path)
	require.NoError(t, err)
	defer file.Close()
	h, err := model.ReadHistory(file)
	require.NoError(t, err)
	return h
}

// An incomplete history can not be judged.
func TestReopenRefusesAnIncompleteHistory(t *testing.T) {
	dir := t.TempDir()
	header := string(model.EncodeEvent(model.Header{Version: model.HistoryVersion, Run: "r"}))
	for name, text := range map[string]string{"cut": header + `{"e":"no`, "no end": header, "not one": "x\n", "empty": ""} {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		_, err := reopen(path, time.Now())
		require.ErrorContains(t, err, "read the history again", name)
		left, err := os.ReadFile(path)
		require.NoError(t, err)
		assert.Equal(t, text, string(left), "it stays as it is")
	}
	_, err := reopen(filepath.Join(dir, "absent"), time.Now())
	require.ErrorIs(t, err, os.ErrNotExist)
}
