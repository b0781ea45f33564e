package harness

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"retain/harness/internal/harnesstest"
	"retain/runtime/simulated"
)

// WiredSystem is a system with a wired runtime that is up.
func WiredSystem(t *testing.T, o simulated.Options) (*System, *harnesstest.Wired) {
	o.Nonce = "n"
	w := &harnesstest.Wired{Runtime: simulated.New(o)}
	s := &System{Runtime: w, Control: w, Nonce: "n", Contract: simulated.Contract()}
	require.NoError(t, s.Boot(t.Context()))
	t.Cleanup(func() { require.NoError(t, s.Shutdown(context.Background())) })
	return s, w
}
