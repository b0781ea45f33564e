// Package stored_test tests stored histories, plans and regressions: judging, replaying and keeping
// them.
package stored_test

import (
	"testing"

	"retain/internal/selftest/suite"
)

func TestMain(m *testing.M) { suite.Main(m) }
