package suite

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"retain/generators"
	"retain/harness"
	"retain/harness/backend"
	"retain/harness/session"
	"retain/runtime"
	"retain/runtime/simulated"
)

// SideBySide is a semaphore that bounds concurrent simulated sessions, which mostly wait.
var SideBySide = make(chan struct{}, 8)

// PlannedSession conducts a session of drawn plans in a temporary directory.
func PlannedSession(t *testing.T, open harness.Open, seed uint64, plans, workers int, bounds harness.Bounds) *session.Result {
	session, err := session.Conduct(t.Context(), session.Options{
		Open: open, Draw: func(n int) generators.Plan { return generators.Draw(seed, n, generators.Options{}) },
		Plans: plans, Workers: workers, Bounds: bounds, Dir: t.TempDir(), Late: -1,
	})
	require.NoError(t, err)
	return session
}

// Simulated opens simulated runtimes with these planted bugs.
func Simulated(t *testing.T, seed uint64, bugs ...simulated.Bug) harness.Open {
	open, _, err := backend.Choose(context.WithoutCancel(t.Context()), runtime.Settings{Version: runtime.DefaultVersion},
		backend.Options{Name: backend.Simulated, Bugs: bugs, Rate: simulated.DefaultRate, Seed: seed})
	require.NoError(t, err)
	return open
}

// SimulatedAlways opens simulated runtimes with these planted bugs, which strike whenever
// they can.
func SimulatedAlways(bugs ...simulated.Bug) harness.Open {
	return func(_ context.Context, s runtime.Settings) (*harness.System, error) {
		r := simulated.New(simulated.Options{Settings: s, Nonce: "n", Bugs: bugs, Rate: 1})
		return &harness.System{Runtime: r, Control: r, Nonce: "n", Contract: simulated.Contract()}, nil
	}
}

// Native opens the native server. That of the container is the same binary.
func Native(t *testing.T) harness.Open {
	open, _, err := backend.Choose(t.Context(), runtime.Settings{}, backend.Options{Name: backend.Process, Notice: func(line string) { t.Log(line) }})
	require.NoError(t, err)
	return open
}
