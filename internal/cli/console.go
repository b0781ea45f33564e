package cli

import (
	"fmt"
	"os"
	"strings"

	"golang.org/x/term"

	"retain/internal/printable"
	"retain/report"
)

// console prints the output of the entry points, and their progress.
var console = report.NewConsole(os.Stdout, func() int { return columns(os.Stdout) })

// UsualColumns is the assumed width of a terminal that does not report it.
const UsualColumns = 80

// columns is the width of a terminal in which a line can be redrawn, 0 for any other
// file.
func columns(f *os.File) int {
	if !term.IsTerminal(int(f.Fd())) || os.Getenv("TERM") == "dumb" {
		return 0
	}
	if width, _, err := term.GetSize(int(f.Fd())); err == nil && width > 0 {
		return width
	}
	return UsualColumns
}

// say prints a line.
func say(words ...any) {
	fmt.Fprintln(console, printable.Line(strings.TrimSuffix(fmt.Sprintln(words...), "\n")))
}

// skipped skips a test that lacks its flags, and prints why if -run is given.
func skipped(t T, why string) {
	t.Helper()
	if flagValue("test.run") != "" {
		say("skipped   ", why)
	}
	t.Skip(why)
}

// cannotBegin ends a test that could not begin, with one line.
func cannotBegin(t T, err error) {
	t.Helper()
	ended.red = true
	line := printable.Middle(strings.Join(strings.Fields(err.Error()), " "), maxError)
	fmt.Fprintln(console, "harness    could not begin, which says nothing about Restate:", line)
	t.FailNow()
}

// verbose reports whether -test.v is given.
func verbose() bool {
	v := flagValue("test.v")
	return v != "" && v != "false"
}
