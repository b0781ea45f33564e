package campaign

import (
	"testing"

	"go.uber.org/goleak"
)

// TestMain fails if anything that a test started outlives it.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
