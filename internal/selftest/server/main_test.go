// Package server_test tests sessions on the real server: losses, crashes, bad networks, shortages,
// other servers and configurations.
package server_test

import (
	"fmt"
	"os"
	"testing"

	"retain/internal/selftest/suite"
)

// TestMain runs the tests or, in the place of a server, spoils what it keeps.
func TestMain(m *testing.M) {
	if what := os.Getenv(envDamage); what != "" {
		if err := damage(what); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	suite.Main(m)
}
