package server_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/generators"
	"retain/harness"
	"retain/harness/session"
	"retain/harness/triage"
	"retain/internal/selftest/suite"
	"retain/model"
	"retain/runtime"
)

// rolledBack is a native server whose data is restored at one of its kills to its state
// at an earlier one.
type rolledBack struct {
	runtime.Runtime
	t         *testing.T
	dir       string // of the data
	kills     int
	saved, at int // numbers of kills, from 1
}

func (r *rolledBack) Kill(ctx context.Context) error {
	if err := r.Runtime.Kill(ctx); err != nil {
		return err
	}
	r.kills++
	copied := r.dir + ".saved"
	if r.kills == r.saved {
		require.NoError(r.t, os.CopyFS(copied, os.DirFS(r.dir)))
	}
	if r.kills == r.at {
		require.NoError(r.t, os.RemoveAll(r.dir))
		require.NoError(r.t, os.Rename(copied, r.dir))
	}
	return nil
}

// Every plan passes. At the closing kill of the session the data of the last plan is
// rolled back to its middle, and only the ledger reads it after that.
func TestLedgerFindsLossAtLastKill(t *testing.T) {
	const plans, killsOfAPlan = 2, 2
	settings := runtime.Settings{Version: runtime.DefaultVersion}
	settings.Partitions = 1
	dir := filepath.Join(t.TempDir(), "data")
	settings.Env = map[string]string{"RESTATE_BASE_DIR": dir}
	open := suite.Native(t)
	session, err := session.Conduct(t.Context(), session.Options{
		Plans: plans, Dir: t.TempDir(), Bounds: harness.DefaultBounds, Base: settings, Late: -1,
		Draw: func(int) generators.Plan { return generators.StartAndStop(model.Kill) },
		Open: func(ctx context.Context, s runtime.Settings) (*harness.System, error) {
			sys, err := open(ctx, s)
			if err == nil {
				sys.Runtime = &rolledBack{Runtime: sys.Runtime, t: t, dir: dir, saved: plans*killsOfAPlan - 1, at: plans*killsOfAPlan + 1}
			}
			return sys, err
		},
	})
	require.NoError(t, err)
	require.Equal(t, harness.Violation, session.Verdict)
	require.Len(t, session.Failures, 1)
	assert.Equal(t, map[harness.Verdict]int{harness.Pass: 1, harness.Violation: 1}, session.Counts)
	r := session.Failures[0]
	require.NoError(t, r.Problem)
	assert.True(t, r.Ledger)
	assert.Equal(t, plans-1, r.Number)
	assert.Equal(t, r.Check.Reason, r.Sentence)
	last := r.Check.Broken().Contradiction
	require.NotZero(t, last)
	assert.Equal(t, model.Ledger, r.Outcome.History.Operations[last-1].Phase)
	for _, out := range r.Hypotheses {
		assert.True(t, out.RuledOut, "%s: %s", out.What, out.Fact)
	}
	assert.Contains(t, r.Where, "gone from the log")
	require.FileExists(t, filepath.Join(r.Dir, triage.HistoryFile))
}
