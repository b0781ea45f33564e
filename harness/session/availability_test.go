package session_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/harness"
	"retain/harness/internal/sessiontest"
	"retain/harness/session"
)

// Each server has spans of its own.
func TestSessionSpansAreOnItsClock(t *testing.T) {
	result := sessiontest.Conduct(t, session.Options{Plans: 4, Workers: 2}, nil)
	require.Equal(t, harness.Pass, result.Verdict)
	last := map[int]time.Duration{}
	seen := map[bool]int{}
	for _, s := range result.Availability {
		seen[s.Up]++
		assert.LessOrEqual(t, s.From, s.To)
		assert.GreaterOrEqual(t, s.From, last[s.Runtime], "a runtime's spans follow each other")
		last[s.Runtime] = s.To
		assert.Less(t, s.To, result.Took)
	}
	assert.Contains(t, last, 1)
	assert.GreaterOrEqual(t, seen[false], 4*sessiontest.KillsOfAPlan)
	assert.Greater(t, seen[true], seen[false])
}
