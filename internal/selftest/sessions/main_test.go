// Package sessions_test tests what a session prints and writes, its progress and its interruption.
package sessions_test

import (
	"testing"

	"retain/internal/selftest/suite"
)

func TestMain(m *testing.M) { suite.Main(m) }
