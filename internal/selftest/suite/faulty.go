package suite

import (
	"testing"

	"github.com/stretchr/testify/require"

	"retain/internal/selftest/faulty"
	"retain/service/reference"
)

// Faulty serves the handlers of package faulty that have a bug, until the test ends.
func Faulty(t *testing.T, b faulty.Bug) *reference.Server {
	handlers, err := faulty.New(b)
	require.NoError(t, err)
	s, err := reference.Listen(reference.Options{Handler: handlers})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}
