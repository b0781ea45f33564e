package server_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/generators"
	"retain/harness"
	"retain/harness/compare"
	"retain/harness/session"
	"retain/internal/cli"
	"retain/internal/selftest"
	"retain/internal/selftest/suite"
	"retain/model"
	"retain/runtime"
)

// Without their logs 1.7.2 and 1.7.12 lose an acknowledged write at a kill, and 1.6.2 never
// gets ready.
func TestComparisonTellsLossAndRefusalOfRealServersApart(t *testing.T) {
	selftest.Nightly(t, "2 minutes")
	var versions []compare.Version
	for _, name := range []string{"1.6.2", "1.7.2", "1.7.12"} {
		versions = append(versions, compare.Version{Name: name, Session: session.Options{
			Open: suite.Native(t), Base: runtime.Settings{Version: name, Env: cli.WithoutLog}, Bounds: harness.DefaultBounds, Dir: t.TempDir(),
		}})
	}
	plan := generators.Plan{Config: generators.Config{Partitions: 1}, Steps: []generators.Step{
		generators.Operate{ID: 1, Client: 0, Object: model.Object{Kind: model.Register}, Op: model.RegisterWrite{Value: "v1"}},
	}}
	r := compare.Conduct(t.Context(), compare.Options{Versions: versions, Ordered: true, Plan: plan, Time: 5 * time.Minute, Most: 6})
	refusal := r.Versions[0].Refusal
	require.NotNil(t, refusal, "%+v", r.Versions[0])
	assert.Equal(t, harness.RefusedByError, refusal.Reason)
	assert.Contains(t, refusal.Line, "Sync writes has to enable WAL")
	assert.Less(t, refusal.SpanMs, harness.DefaultBounds.Recovery.Milliseconds(), "it is not awaited for the whole bound")
	assert.Equal(t, "on both 1.7.2 and 1.7.12", r.Answer.String())
	assert.Equal(t, model.AcknowledgedMissing, r.Versions[1].Broken.Code)
}
