package container

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestDockerIsAskedAgain while it has not heard of what it did, and not when the
// server has ended or nobody waits any more.
func TestDockerIsAskedAgain(t *testing.T) {
	refused, asked := errors.New("not paused"), 0
	request := func() error {
		if asked++; asked < 3 {
			return refused
		}
		return nil
	}
	require.NoError(t, insist(t.Context(), &life{done: make(chan struct{})}, request))
	assert.Equal(t, 3, asked)

	over := &life{done: make(chan struct{})}
	close(over.done)
	require.ErrorIs(t, insist(t.Context(), over, func() error { return refused }), refused)

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, insist(ctx, &life{done: make(chan struct{})}, func() error { return refused }), refused)
}
