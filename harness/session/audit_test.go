package session

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/generators"
	"retain/harness"
	"retain/model"
	"retain/runtime/simulated"
)

// It reports how much it left out.
func TestLedgerTakesAtMostATenthOfTheTime(t *testing.T) {
	s := &session{Options: Options{Workers: 2}, began: time.Now().Add(-time.Minute)}
	sys := bootedServer(t)
	sys.served = []served{{outcome: harness.Outcome{Plan: generators.StartAndStop(model.Kill)}}}
	until := func(closing, due bool) (time.Duration, string) {
		u, why := s.grant(t.Context(), sys, closing, due)
		return time.Until(u).Round(time.Second), why
	}
	left, why := until(true, false)
	assert.Empty(t, why)
	assert.Equal(t, 12*time.Second, left, "a tenth of a minute, of two workers")
	left, _ = until(false, false)
	assert.Equal(t, 6*time.Second, left, "what leaves earlier has half of it")

	s.audits = audits{spent: 10 * time.Second, once: 3 * time.Second}
	_, why = until(true, false)
	assert.Equal(t, sampled, why, "the kill and the start would take longer")
	left, why = until(true, true)
	assert.Empty(t, why, "the session's own is due")
	assert.Equal(t, 6*time.Second, left)
	s.audits.once = time.Second
	_, why = until(false, false)
	assert.Equal(t, sampled, why)

	s.Fresh = true
	u, why := s.grant(t.Context(), sys, false, false)
	assert.Empty(t, why)
	assert.Zero(t, u, "a replay's is whole")
	sys.unfit = true
	_, why = until(true, true)
	assert.Equal(t, "a runtime had failed", why)
}

// bootedServer is a simulated server that is up.
func bootedServer(t *testing.T) *server {
	r := simulated.New(simulated.Options{Nonce: "n"})
	sys := &server{System: &harness.System{Runtime: r, Control: r, Nonce: "n"}}
	require.NoError(t, sys.Boot(t.Context()))
	t.Cleanup(func() { require.NoError(t, sys.Shutdown(context.Background())) })
	return sys
}
