package server_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/generators"
	"retain/harness"
	"retain/harness/session"
	"retain/internal/selftest/suite"
	"retain/model"
	"retain/runtime"
)

// misdirected is a runtime whose addresses become another server's, as if its port had
// been taken while it was down.
type misdirected struct {
	runtime.Runtime
	other  runtime.Runtime
	starts atomic.Int32
	// from is the start from which on the other one is found.
	from int32
}

func (m *misdirected) Start(ctx context.Context, o runtime.StartOptions) error {
	err := m.Runtime.Start(ctx, o)
	m.starts.Add(1)
	return err
}

func (m *misdirected) Endpoints() runtime.Endpoints {
	if m.starts.Load() >= m.from {
		return m.other.Endpoints()
	}
	return m.Runtime.Endpoints()
}

// Two servers run on one machine and the wrong one answers: it lost nothing.
func TestAnswersOfAnotherServerAreHarnessErrors(t *testing.T) {
	settings := runtime.Settings{Version: runtime.DefaultVersion}
	settings.Partitions = 1
	start := func(ctx context.Context, t *testing.T, sys *harness.System) {
		require.NoError(t, sys.Runtime.Start(ctx, runtime.StartOptions{}))
	}
	for name, c := range map[string]struct {
		// prepare gets both systems, the other one's server is down.
		prepare func(ctx context.Context, t *testing.T, ours, other *harness.System)
		from    int32
		says    string
	}{
		"with nothing of ours": {func(ctx context.Context, t *testing.T, _, other *harness.System) {
			start(ctx, t, other)
		}, 2, "is cluster"},
		"with our deployment": {func(ctx context.Context, t *testing.T, ours, other *harness.System) {
			start(ctx, t, other)
			_, err := ours.Deploy(ctx, other.Runtime.Endpoints())
			require.NoError(t, err)
		}, 2, "is cluster"},
		"with its own deployment": {func(ctx context.Context, t *testing.T, _, other *harness.System) {
			start(ctx, t, other)
			_, err := other.Deploy(ctx, other.Runtime.Endpoints())
			require.NoError(t, err)
		}, 2, "another server or deployment"},
		"in the ledger": {func(ctx context.Context, t *testing.T, ours, other *harness.System) {
			start(ctx, t, other)
			_, err := ours.Deploy(ctx, other.Runtime.Endpoints())
			require.NoError(t, err)
		}, 4, "is cluster"}, // the plan has three starts, the first one included
	} {
		t.Run(name, func(t *testing.T) {
			open := suite.Native(t)
			other, err := open(t.Context(), settings)
			require.NoError(t, err)
			defer other.Close()
			defer func() { require.NoError(t, other.Runtime.Close(context.WithoutCancel(t.Context()))) }()
			session, err := session.Conduct(t.Context(), session.Options{
				Plans: 1, Dir: t.TempDir(), Bounds: harness.Bounds{Recovery: 20 * time.Second, Completion: 5 * time.Second},
				Draw: func(int) generators.Plan { return generators.StartAndStop(model.Kill) },
				Base: settings,
				Open: func(ctx context.Context, s runtime.Settings) (*harness.System, error) {
					ours, err := open(ctx, s)
					if err != nil {
						return nil, err
					}
					c.prepare(ctx, t, ours, other)
					ours.Runtime = &misdirected{Runtime: ours.Runtime, other: other.Runtime, from: c.from}
					return ours, nil
				},
			})
			require.NoError(t, err)
			require.Equal(t, harness.Harness, session.Verdict)
			require.Len(t, session.Failures, 1)
			assert.Contains(t, session.Failures[0].Sentence, c.says)
			assert.Less(t, session.Took, 20*time.Second, "it is not waited for")
		})
	}
}

// A server that forgets answers before the session ends would execute a re-sent request
// twice, as configured. No plan begins.
func TestTooShortIdempotencyRetentionIsRefused(t *testing.T) {
	settings := runtime.Settings{Version: runtime.DefaultVersion}
	settings.Partitions = 1
	settings.Env = map[string]string{"RESTATE_DEFAULT_IDEMPOTENCY_RETENTION": "2s"}
	_, err := session.Conduct(t.Context(), session.Options{
		Plans: 1, Dir: t.TempDir(), Bounds: harness.DefaultBounds, Open: suite.Native(t), Base: settings,
		Draw: func(int) generators.Plan { return generators.StartAndStop(model.Kill) },
	})
	require.ErrorContains(t, err, "keeps the answers under idempotency keys for 2s, and the session may take 3s")
	assert.NotContains(t, err.Error(), "last words", "the server did nothing wrong")
}
