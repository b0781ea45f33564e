package retain_test

import (
	"testing"

	"retain/internal/cli"
)

// TestRegressions replays every stored case so often that a failure that is back is
// missed at most 1 time in 20.
func TestRegressions(t *testing.T) {
	for _, c := range cli.RegressionCases() {
		t.Run(c.Name, func(t *testing.T) { c.Replay(t) })
	}
}
