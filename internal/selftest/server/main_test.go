// Package server_test tests sessions on the real server: losses, crashes, bad networks, shortages,
// other servers and configurations.
package server_test

import (
	"testing"

	"retain/internal/selftest/suite"
)

func TestMain(m *testing.M) { suite.Main(m) }
