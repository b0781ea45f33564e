package session

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/generators"
	"retain/harness"
	"retain/runtime"
	"retain/runtime/simulated"
)

// openSimulated opens a simulated server.
func openSimulated(_ context.Context, s runtime.Settings) (*harness.System, error) {
	r := simulated.New(simulated.Options{Settings: s, Nonce: "n"})
	return &harness.System{Runtime: r, Control: r, Nonce: "n"}, nil
}

func TestIdleServersMakeRoom(t *testing.T) {
	opened := 0
	p := newPool(func(ctx context.Context, s runtime.Settings) (*harness.System, error) {
		opened++
		return openSimulated(ctx, s)
	}, maxPlans)
	open := func() (n int) {
		for _, idle := range p.idle {
			n += len(idle)
		}
		return n
	}
	p.room = func(_ runtime.Settings, servers int) error {
		if open()+servers > 2 {
			return errors.New("too little")
		}
		return nil
	}
	for partitions := range 4 {
		settings := runtime.Settings{Partitions: partitions + 1}
		sys, err := p.take(t.Context(), settings, generators.StartConfig{}, false)
		require.NoError(t, err)
		require.NoError(t, p.give(t.Context(), settings, sys))
	}
	assert.Equal(t, 4, opened)
	assert.Equal(t, 2, open(), "the longest unused ones were ended")
	for _, sys := range p.drain() {
		require.NoError(t, sys.Shutdown(t.Context()))
	}
}

func TestThePoolPrefersAServerThatRunsTheConfiguration(t *testing.T) {
	p := newPool(openSimulated, maxPlans)
	settings := runtime.Settings{Partitions: 4}
	lazy, eager := generators.StartConfig{State: generators.LazyState}, generators.StartConfig{State: generators.EagerState}
	first, err := p.take(t.Context(), settings, lazy, false)
	require.NoError(t, err)
	second, err := p.take(t.Context(), settings, eager, false)
	require.NoError(t, err)
	require.NotSame(t, first, second)
	require.NoError(t, p.give(t.Context(), settings, first))
	require.NoError(t, p.give(t.Context(), settings, second))

	got, err := p.take(t.Context(), settings, lazy, false)
	require.NoError(t, err)
	assert.Same(t, first, got)
	other, err := p.take(t.Context(), settings, lazy, false)
	require.NoError(t, err)
	assert.Same(t, second, other, "the plan takes a server with another configuration over before it opens one more")
	for _, sys := range []*server{got, other} {
		require.NoError(t, sys.Shutdown(t.Context()))
	}
}
