// Package commandline_test tests the command line and the documentation of it: flags, refused input,
// links and commands of the pages.
package commandline_test

import (
	"testing"

	"retain/internal/selftest/suite"
)

func TestMain(m *testing.M) { suite.Main(m) }
