// Package retain_test has the entry points of the suite. What they do is in package
// internal/cli, the flags included; the tests of the suite itself are below internal.
package retain_test

import (
	_ "embed"
	"os"
	"testing"

	"retain/internal/cli"
)

//go:embed testdata/known.json
var knownFindings string

// TestMain refuses a bad command line in one line, before any test starts.
func TestMain(m *testing.M) { os.Exit(cli.Main(m, knownFindings)) }
