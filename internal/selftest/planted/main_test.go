// Package planted_test tests that planted bugs are found, reduced and explained by a witness.
package planted_test

import (
	"testing"

	"retain/internal/selftest/suite"
)

func TestMain(m *testing.M) { suite.Main(m) }
