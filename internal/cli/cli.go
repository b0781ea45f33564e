// Package cli is retain's command line on top of that of package testing: the flags,
// the checks of them, and what each entry point does.
//
// The flags are registered by the import of this package. The root's test files are its
// users: each entry point there calls the function of its name here with its test as a
// [T]. The package judges nothing itself: it configures sessions and campaigns, and
// prints and stores what package report makes of them.
package cli

import (
	"context"
	"fmt"
	"os"

	"retain/internal/printable"
)

// Exit codes of the test binary, beside 0 for a green result.
const (
	// NotGreen: something was judged and is not green, or could not be judged.
	NotGreen = 1
	// BadCommandLine: the command line was refused before anything started.
	BadCommandLine = 2
	// RunAgain: the session or campaign was cut short; running it again may finish it.
	// deploy/campaign.yaml distinguishes it from NotGreen.
	RunAgain = 3
)

// T is the part of a test, a benchmark or a fuzz test that an entry point uses.
type T interface {
	Name() string
	Context() context.Context
	ArtifactDir() string
	Cleanup(func())
	Errorf(format string, args ...any)
	Fail()
	FailNow()
	Helper()
	Skip(args ...any)
	TempDir() string
}

// Main checks the command line, runs the tests and returns the exit code. A bad command
// line is refused in one line, before any test starts. knownFindings is the text of
// [KnownFindings].
func Main(m interface{ Run() int }, knownFindings string) int {
	shippedFindings = knownFindings
	err := parseFlags()
	if err == nil {
		err = inheritFlags()
	}
	if err == nil {
		err = checkFlags()
	}
	if err != nil {
		for _, line := range linesOf(err) {
			fmt.Fprintln(os.Stderr, "retain:", printable.Middle(line, maxError))
		}
		return BadCommandLine
	}
	code := m.Run()
	if ended.cut || ended.interrupted && !ended.red {
		code = RunAgain
	}
	return code
}

// maxError is the most columns of an error that are printed. The middle is cut: one end
// says what is wrong, the other what to do.
const maxError = 2000

// ended records how sessions and campaigns ended, for the exit code.
var ended struct {
	cut         bool // a campaign was cut short
	interrupted bool // a session was interrupted
	red         bool // a session is not green for another reason
}
