package deployment_test

import (
	"testing"

	"go.uber.org/goleak"
)

// The thread that servers are started from never ends: see runtime/process.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("retain/runtime/child.parentThread"))
}
