package triage

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/checker"
	"retain/generators"
	"retain/harness"
	"retain/model"
	"retain/runtime/serverlog"
)

// storedFinding is a folder with these facts, and a plan and a history that show nothing.
func storedFinding(t *testing.T, facts []byte) string {
	t.Helper()
	dir := t.TempDir()
	h := &model.History{Header: model.Header{Version: model.HistoryVersion, Run: "r"}, Ended: true, Operations: []model.Invoked{{
		ID: 1, Process: "0", Phase: model.Program, Object: model.Object{Kind: model.List}, Op: model.ListGet{},
		Call: model.Instant{Seq: 1}, Return: model.Forever, Outcome: model.Ambiguous,
	}}}
	file, err := os.Create(filepath.Join(dir, HistoryFile))
	require.NoError(t, err)
	require.NoError(t, model.WriteHistory(file, h))
	require.NoError(t, file.Close())
	require.NoError(t, os.WriteFile(filepath.Join(dir, PlanFile), generators.Encode(generators.StartAndStop(model.Kill)), 0o600))
	if facts != nil {
		require.NoError(t, os.WriteFile(filepath.Join(dir, FindingFile), facts, 0o600))
	}
	return dir
}

// stuckFinding has an operation that does not finish, on a server that reports a panic.
func stuckFinding() Finding {
	return FactsOf(&harness.Run{
		Verdict: harness.Violation, Sentence: "broken: an accepted operation finishes: operation 1, list-0 get(), had no answer",
		Admissions: []serverlog.Admission{{Line: "panicked", Code: model.ReportsPanic, Class: "a panic"}},
		Outcome: &harness.Outcome{ID: "r", Liveness: &harness.Liveness{
			Guarantee: model.Guarantee{Code: model.OperationFinishes}, Detail: "operation 1, list-0 get(), had no answer", Clauses: []string{"operation 1, list-0 get(), had no answer"}, Operation: 1, Waited: 1,
			Held: &harness.Holding{State: harness.Nobody, Object: "list-0", Kind: model.List},
		}},
	})
}

func TestLoadFindingKeepsAStuckOperationBesideAnAdmission(t *testing.T) {
	f := stuckFinding()
	text, err := f.Encode()
	require.NoError(t, err)
	facts, r, err := LoadFinding(storedFinding(t, text), checker.Options{})
	require.NoError(t, err)
	assert.Equal(t, f.Liveness, facts.Liveness)
	assert.Equal(t, f.Liveness, r.Outcome.Liveness)
	assert.Equal(t, model.OperationFinishes, r.Guarantee().Code)
	assert.Equal(t, "nobody", r.HeldBy().Culprit().Text())
	assert.Len(t, r.Admissions, 1)
}

// Files of version 1 have the operation beside the sentence, or in it.
func TestLoadFindingReadsVersion1(t *testing.T) {
	f := stuckFinding()
	old := map[string]any{
		"version": 1, "verdict": f.Verdict, "guarantee": f.Guarantee, "sentence": f.Sentence, "held_by": f.Liveness.Held,
		"admissions": []map[string]any{{"line": "panicked", "class": "a panic", "life": 1}},
	}
	text, err := json.Marshal(old)
	require.NoError(t, err)
	facts, r, err := LoadFinding(storedFinding(t, text), checker.Options{})
	require.NoError(t, err)
	assert.Equal(t, 1, facts.Version)
	assert.Equal(t, model.Guarantee{Code: model.OperationFinishes}, facts.Broken)
	assert.Equal(t, model.ReportsPanic, facts.Admissions[0].Code)
	assert.Equal(t, 1, r.Outcome.Liveness.Operation)
	assert.Equal(t, f.Liveness.Detail, r.Outcome.Liveness.Detail)
	assert.Equal(t, f.Liveness.Held, r.Outcome.Liveness.Held)
}

// A process that was killed may leave a history and half of the facts.
func TestLoadFindingReturnsTheRunWithoutItsFacts(t *testing.T) {
	facts, r, err := LoadFinding(storedFinding(t, nil), checker.Options{})
	require.ErrorIs(t, err, fs.ErrNotExist)
	assert.Zero(t, facts.Version)
	require.NotNil(t, r)
	assert.Len(t, r.Outcome.History.Operations, 1)
	for text, want := range map[string]string{
		`{"version":2,"verdict":"viol`: "read the facts of a finding",
		`{"version":3}`:                "format version 3; this retain reads 1 to 2: use a newer one",
		`{"version":0}`:                "format version 0",
		`{"version":2,"broken":{"code":"lost-a-write"}}`: `no guarantee has the code "lost-a-write"`,
		`{"version":2,"version":2}`:                      "version",
	} {
		_, r, err := LoadFinding(storedFinding(t, []byte(text)), checker.Options{})
		require.ErrorContains(t, err, want)
		require.NotNil(t, r, text)
	}
}

// The numbers in a file that a person edited may be of no operation.
func TestLoadFindingForgetsOperationsThatTheHistoryLacks(t *testing.T) {
	f := stuckFinding()
	f.Lost, f.Liveness.Operation = []int{7}, 9
	text, err := f.Encode()
	require.NoError(t, err)
	_, r, err := LoadFinding(storedFinding(t, text), checker.Options{})
	require.NoError(t, err)
	assert.Empty(t, r.Lost)
	assert.Zero(t, r.Outcome.Liveness.Operation)
}
