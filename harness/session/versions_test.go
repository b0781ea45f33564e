package session_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/generators"
	"retain/harness"
	"retain/harness/internal/harnesstest"
	"retain/harness/internal/sessiontest"
	"retain/harness/session"
	"retain/model"
	"retain/runtime"
	"retain/runtime/simulated"
)

// A plan that names versions runs on data of its own, which the ledger reads again in its
// last version, and which no other plan gets.
func TestPlansThatNameVersionsHaveServersOfTheirOwn(t *testing.T) {
	var all servers
	plan := func(n int) generators.Plan {
		p := sessiontest.PlainPlan(n)
		if n%2 == 1 {
			for i, s := range p.Steps {
				if f, is := s.(generators.Inject); is && f.Fault == model.Start {
					f.Version = "1.6.2"
					p.Steps[i] = f
				}
			}
			require.NotEmpty(t, p.Versions())
		}
		return p
	}
	on := map[int][]int{} // plans by server
	result, err := session.Conduct(t.Context(), session.Options{
		Open: func(_ context.Context, s runtime.Settings) (*harness.System, error) {
			w := &harnesstest.Wired{Runtime: simulated.New(simulated.Options{Settings: s, Nonce: "n"})}
			all.add(w)
			return &harness.System{Runtime: w, Control: w, Nonce: "n", Contract: simulated.Contract()}, nil
		},
		Plans: 6, Dir: t.TempDir(), Bounds: sessiontest.Quick, Draw: plan,
		OnRun: func(r harness.Run) {
			assert.Equal(t, harness.Pass, r.Verdict, r.Sentence)
			if r.Number >= 0 && !r.Ledger {
				on[r.Runtime] = append(on[r.Runtime], r.Number)
			}
		},
	})
	require.NoError(t, err)
	require.Equal(t, harness.Pass, result.Verdict)
	for server, plans := range on {
		for _, n := range plans {
			assert.True(t, n%2 == 0 || len(plans) == 1, "server %d ran plans %v", server, plans)
		}
	}
	assert.Len(t, on, 4, "one for all that name none, one for each that does")
	assert.Positive(t, result.Tally.Versions["1.6.2"])
	assert.Equal(t, runtime.DefaultVersion, result.Identity.Version, "the session's own")
	for i, w := range all.all {
		started := w.Started()
		last := started[len(started)-1].Version
		assert.Contains(t, []string{"", "1.6.2"}, last)
		for _, o := range started[1:] {
			assert.False(t, last == "" && o.Version != "", "server %d came back from another version", i)
		}
	}
}
