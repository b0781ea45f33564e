package session

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestExpectedTimeFollowsPlansAndWorkers(t *testing.T) {
	assert.Equal(t, time.Minute, Options{Time: time.Minute}.expected())
	assert.Equal(t, time.Minute, Options{Plans: 20}.expected())
	assert.Equal(t, 30*time.Second, Options{Plans: 20, Workers: 2, Time: time.Hour}.expected())
}

// Nothing follows from re-sent operations then.
func TestSessionBeyondTheRetentionDrawsNoMorePlans(t *testing.T) {
	s := &session{Options: Options{Plans: 5}, began: time.Now().Add(-time.Minute), kept: time.Hour}
	require.NoError(t, s.outlasted())
	_, more := s.take(t.Context())
	assert.True(t, more)
	s.kept = 30 * time.Second
	require.ErrorContains(t, s.outlasted(), "the session took 1m0s, and answers are kept under their idempotency keys for 30s")
	_, more = s.take(t.Context())
	assert.False(t, more)
}
