package sessions_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"unicode/utf8"

	"github.com/creack/pty"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/generators"
	"retain/internal/cli"
	"retain/internal/selftest"
	"retain/internal/selftest/suite"
	"retain/runtime/reaper"
)

// inTerminal gives a child that has not started a terminal of some columns, 0 for one
// that does not report its width. What the terminal shows is the child's text.
func inTerminal(t *testing.T, c *suite.Child, columns uint16) {
	t.Helper()
	ours, its, err := pty.Open()
	require.NoError(t, err)
	require.NoError(t, pty.Setsize(ours, &pty.Winsize{Rows: 24, Cols: columns}))
	c.Stdin, c.Stdout, c.Stderr = its, its, its
	c.Env = append(c.Env, "TERM=xterm")
	read := make(chan struct{})
	go func() {
		defer close(read)
		block := make([]byte, 4096)
		for {
			n, err := ours.Read(block)
			_, _ = c.Write(block[:n])
			if err != nil {
				return // the child has ended, and so has its terminal
			}
		}
	}()
	t.Cleanup(func() {
		_ = its.Close()
		<-read
		_ = ours.Close()
	})
}

// runInTerminal runs a child to its end, and returns the lines that it printed and the
// progress that was drawn over.
func runInTerminal(t *testing.T, c *suite.Child, columns uint16) (lines, drawn []string) {
	t.Helper()
	inTerminal(t, c, columns)
	_ = c.Run() // its verdict is the caller's to look at
	const end = "the end of it"
	_, err := c.Stdout.(*os.File).WriteString(end) // behind all that the child wrote
	require.NoError(t, err)
	c.AwaitText(t, end)
	for line := range strings.SplitSeq(strings.TrimSuffix(c.Text(), end), "\n") {
		parts := strings.Split(strings.TrimSuffix(line, "\r"), "\r")
		lines = append(lines, parts[len(parts)-1])
		drawn = append(drawn, parts[:len(parts)-1]...)
	}
	return lines, drawn
}

// plain matches a line that a session prints: label and text, the rest of a row, or
// package testing's own.
var plain = regexp.MustCompile(`^([a-z][a-z ]{9} +\S.*|interrupted .*|measuring  .*|           \S.*|    ?ms .*| *\d+  .*| +<- .*|--- FAIL.*|PASS|FAIL|)$`)

// The progress is on one line, apart from all others. It begins with the findings and is
// narrower than the terminal.
func TestSessionShowsProgressInTerminal(t *testing.T) {
	selftest.Long(t, "20 s")
	for name, columns := range map[string]uint16{"wide": 300, "usual": 80, "narrow": 20, "unknown": 0} {
		t.Run(name, func(t *testing.T) {
			run := suite.New(t, nil, "-test.run", "^TestProperties$", "-runtime", "simulated", "-rapid.checks", "12", "-rapid.seed", "3")
			lines, drawn := runInTerminal(t, run, columns)
			require.True(t, run.ProcessState.Success(), run.Text())
			shown := 0
			for _, d := range drawn {
				if strings.TrimSpace(d) == "" {
					continue
				}
				shown++
				assert.Contains(t, d, "0 findings")
				width := int(columns)
				if width == 0 {
					width = cli.UsualColumns
				}
				assert.Less(t, utf8.RuneCountInString(d), width)
			}
			assert.NotZero(t, shown, "nothing was drawn: %q", run.Text())
			for _, line := range lines {
				assert.Regexp(t, plain, line)
			}
			assert.Contains(t, strings.Join(lines, "\n"), "pass       no acknowledged write was lost")
			assert.Equal(t, "PASS", lines[len(lines)-2], "the line is gone in the end")
		})
	}
}

// The reduction and the measurement after it show progress. The reduced plan has a fault, so
// that the measurement lasts for more than a second, after which progress is drawn.
func TestReductionShowsProgressInTerminal(t *testing.T) {
	selftest.Long(t, "10 s")
	t.Parallel() // it mostly waits
	run := suite.New(t, nil, "-test.run", "^TestProperties$", "-runtime", "simulated", "-bugs", "double-apply", "-bugs.rate", "1", "-rapid.seed", "5",
		"-load", "0", "-rapid.checks", "100", "-shrink.budget", "20s")
	lines, drawn := runInTerminal(t, run, 200)
	progress := strings.Join(drawn, "\n")
	assert.Regexp(t, `[12] findings? · `, progress)
	assert.Contains(t, progress, "asking the server about a violation (")
	assert.Contains(t, progress, " · shrinking: ")
	assert.Regexp(t, `measuring how often it fails: \d+ of 20 executions, \d+ failed`, progress)
	for _, line := range lines {
		assert.Regexp(t, plain, line)
	}
	assert.GreaterOrEqual(t, strings.Count("\n"+strings.Join(lines, "\n"), "\nviolation  "), 2)
}

// An installation shows progress before the first server is there.
func TestInstallationShowsProgressInTerminal(t *testing.T) {
	bin := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(bin, "npm"), []byte("#!/bin/sh\nexec sleep 60\n"), 0o755))
	run := suite.New(t, []string{"PATH=" + bin + ":" + os.Getenv("PATH"), reaper.EnvCache + "=" + t.TempDir()}, suite.Properties("-runtime", "process", "-restate.version", "1.6.1")...)
	inTerminal(t, run, 120)
	require.NoError(t, run.Start())
	run.AwaitText(t, "0 findings · installing restate-server 1.6.1 ")
	run.AwaitText(t, "once (1s)")
	require.NoError(t, run.Process.Signal(syscall.SIGINT))
	require.Error(t, run.Wait())
	assert.Equal(t, cli.RunAgain, run.ProcessState.ExitCode())
	run.AwaitText(t, "interrupted before the first plan was over")
}

// A stored history may take minutes.
func TestRecheckShowsProgressInTerminal(t *testing.T) {
	plan := filepath.Join(t.TempDir(), "plan.json")
	require.NoError(t, os.WriteFile(plan, generators.Encode(crowd()), 0o600))
	replay := suite.New(t, nil, "-test.run", "^TestReplay$", "-runtime", "simulated", "-plan", plan, "-check.budget", "1ns")
	require.Error(t, replay.Run())
	history := regexp.MustCompile(`-run Recheck -history (\S+)`).FindStringSubmatch(replay.Text())
	require.NotNil(t, history, replay.Text())
	check := suite.New(t, nil, "-test.run", "^TestRecheck$", "-history", filepath.Join(replay.Dir, history[1]))
	_, drawn := runInTerminal(t, check, 100)
	assert.Regexp(t, `checking \d+ operations`, strings.Join(drawn, "\n"))
}
