// Package campaigns_test tests campaigns as a user runs them: resuming after a kill, shards,
// reports, findings.
package campaigns_test

import (
	"testing"

	"retain/internal/selftest/suite"
)

func TestMain(m *testing.M) { suite.Main(m) }
