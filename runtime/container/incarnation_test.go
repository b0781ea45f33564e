package container

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/runtime"
	"retain/runtime/lifecycle"
)

// Docker refuses until it knows of the last change. There is no retry after the server
// ended or the context did.
func TestPauseIsRetriedWhileDockerRefuses(t *testing.T) {
	refused, asked := errors.New("not paused"), 0
	request := func() error {
		if asked++; asked < 3 {
			return refused
		}
		return nil
	}
	up := &incarnation{Incarnation: lifecycle.Begin()}
	require.NoError(t, up.insist(t.Context(), request))
	assert.Equal(t, 3, asked)

	over := &incarnation{Incarnation: lifecycle.Begin()}
	over.End(runtime.Exit{})
	require.ErrorIs(t, over.insist(t.Context(), func() error { return refused }), refused)

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, up.insist(ctx, func() error { return refused }), refused)
}
