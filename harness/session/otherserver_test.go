package session_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"retain/harness"
	"retain/harness/internal/harnesstest"
	"retain/harness/internal/sessiontest"
	"retain/harness/session"
	"retain/runtime"
	"retain/runtime/ingress"
	"retain/runtime/simulated"
)

func TestNoPlanBeginsOnAnotherServer(t *testing.T) {
	_, other := sessiontest.Wired(t, simulated.Options{})
	_, err := session.Conduct(t.Context(), session.Options{Plans: 1, Draw: sessiontest.PlainPlan, Dir: t.TempDir(), Bounds: sessiontest.Quick, Open: func(context.Context, runtime.Settings) (*harness.System, error) {
		w := &harnesstest.Wired{Runtime: simulated.New(simulated.Options{Nonce: "n"})}
		return &harness.System{Runtime: &harnesstest.Elsewhere{Wired: w, Other: other, From: 1}, Control: w, Nonce: "n", Contract: simulated.Contract()}, nil
	}})
	require.ErrorIs(t, err, ingress.ErrWrongServer)
}
