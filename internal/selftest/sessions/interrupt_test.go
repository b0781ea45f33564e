package sessions_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/generators"
	"retain/harness/regress"
	"retain/internal/cli"
	"retain/internal/selftest"
	"retain/internal/selftest/suite"
	"retain/model"
)

// interruptedAt starts a child, sends it a signal once it has printed a text, and waits
// for its end.
func interruptedAt(t *testing.T, c *suite.Child, what string, by syscall.Signal) {
	t.Helper()
	require.NoError(t, c.Start())
	c.AwaitText(t, what)
	require.NoError(t, c.Process.Signal(by))
	require.Error(t, c.Wait(), "what was interrupted is not green: %s", c.Text())
}

// The verdict's first word, the exit code and the files say that the session was
// interrupted.
func TestInterruptedSessionReportsResultSoFar(t *testing.T) {
	plan := filepath.Join(t.TempDir(), "plan.json")
	require.NoError(t, os.WriteFile(plan, generators.Encode(generators.StartAndStop(model.Kill)), 0o600))
	for _, c := range []struct {
		name string
		by   syscall.Signal
		args []string
	}{
		{"Ctrl-C", syscall.SIGINT, []string{"-test.run", "^TestProperties$", "-rapid.checks", "5000"}},
		{"a container's end", syscall.SIGTERM, []string{"-test.run", "^TestProperties$", "-rapid.checks", "5000"}},
		{"a session that another one would follow", syscall.SIGINT, []string{"-test.run", "^TestProperties$|^TestStartAndStop", "-rapid.checks", "5000"}},
		{"a replay", syscall.SIGINT, []string{"-test.run", "^TestReplay$", "-plan", plan, "-rapid.checks", "5000"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			run := suite.New(t, nil, append(c.args, "-runtime", "simulated", "-test.v", "-summary", "s.json", "-junit", "j.xml")...)
			interruptedAt(t, run, "\nplan 2 ", c.by)
			assert.Equal(t, cli.RunAgain, run.ProcessState.ExitCode(), run.Text())
			assert.Regexp(t, `(?m)^interrupted after \d+ plans, which pass$`, run.Text())
			for _, word := range []string{"harness  ", "pass  ", "add -runtime", "--- PASS", "\nPASS"} {
				assert.NotContains(t, run.Text(), "\n"+word)
			}
			var summary struct {
				Verdict, Reason string
				Verdicts        map[string]int
				Findings        []any
			}
			text, err := os.ReadFile(filepath.Join(run.Dir, "s.json"))
			require.NoError(t, err)
			require.NoError(t, json.Unmarshal(text, &summary))
			assert.Equal(t, "interrupted", summary.Verdict)
			assert.GreaterOrEqual(t, summary.Verdicts["pass"], 2)
			assert.Empty(t, summary.Findings)
			junit, err := os.ReadFile(filepath.Join(run.Dir, "j.xml"))
			require.NoError(t, err)
			assert.Contains(t, string(junit), `failures="0" errors="1"`)
			assert.Contains(t, string(junit), `type="interrupted"`)
			assert.NotContains(t, run.Text(), "TestStartAndStop", "nothing begins any more")
			assert.Empty(t, run.Histories(), "nothing is left of the plans that were under way")
		})
	}
}

// The interruption ends the case that runs, which waits for half a minute, and those
// that would follow.
func TestInterruptionEndsAllRegressions(t *testing.T) {
	run := suite.New(t, nil, "-test.run", "^TestRegressions$/^(dirty-read|double-apply)$", "-runtime", "simulated", "-bugs", "stuck-key", "-bugs.rate", "1")
	suite.CopyRegressions(t, run.Dir)
	interruptedAt(t, run, "runtime    simulated", syscall.SIGINT)
	assert.Equal(t, cli.RunAgain, run.ProcessState.ExitCode(), run.Text())
	assert.Regexp(t, `(?m)^interrupted dirty-read.json after 0 of 3 executions$`, run.Text())
	assert.NotContains(t, run.Text(), "double-apply")
	assert.NotContains(t, run.Text(), "harness")
}

func TestSecondCtrlCEndsProcessAtOnce(t *testing.T) {
	run := suite.New(t, nil, "-test.run", "^TestProperties$", "-runtime", "simulated", "-rapid.checks", "5000", "-test.v")
	require.NoError(t, run.Start())
	run.AwaitText(t, "\nplan 2 ")
	ended := make(chan error, 1)
	go func() { ended <- run.Wait() }()
	for {
		select {
		case err := <-ended:
			// By the second signal, or, if it was quicker, by the first alone.
			require.Error(t, err)
			if status := run.ProcessState.Sys().(syscall.WaitStatus); status.Signaled() {
				assert.Equal(t, syscall.SIGINT, status.Signal())
			} else {
				assert.Equal(t, cli.RunAgain, status.ExitStatus())
			}
			return
		case <-time.After(time.Millisecond):
			_ = run.Process.Signal(syscall.SIGINT) // it may have ended
		}
	}
}

// Package testing prints PASS for a test that did not fail, before the exit code says
// otherwise.
func TestInterruptedCampaignPrintsNoPass(t *testing.T) {
	run := suite.Campaign(t, nil, "-runtime", "simulated", "-duration", "5m", "-summary", "s.json", "-junit", "j.xml")
	require.NoError(t, run.Start())
	suite.AwaitPlans(t, run, 3)
	require.NoError(t, run.Process.Signal(syscall.SIGINT))
	require.Error(t, run.Wait())
	assert.Equal(t, cli.RunAgain, run.ProcessState.ExitCode(), run.Text())
	assert.NotContains(t, run.Text(), "PASS")
	assert.Contains(t, run.Text(), "\nFAIL")
	assert.Regexp(t, `(?m)^interrupted after \d+ plans, which pass$`, run.Text())
	assert.NotRegexp(t, `(?m)^pass `, run.Text())
	for file, says := range map[string]string{"s.json": `"verdict": "interrupted"`, "j.xml": `type="interrupted"`} {
		text, err := os.ReadFile(filepath.Join(run.Dir, file))
		require.NoError(t, err)
		assert.Contains(t, string(text), says)
	}
}

// The exit code is that of a violation.
func TestViolationIsReportedIfReductionIsInterrupted(t *testing.T) {
	run := suite.New(t, nil, "-test.run", "^TestProperties$", "-runtime", "simulated", "-bugs", "lost-write", "-bugs.rate", "0.3", "-rapid.checks", "100")
	interruptedAt(t, run, "\nshrinking  for ", syscall.SIGINT)
	assert.Equal(t, cli.NotGreen, run.ProcessState.ExitCode(), run.Text())
	assert.Contains(t, run.Text(), "violation  ")
	assert.NotRegexp(t, `(?m)^interrupted `, run.Text())
}

// A load is a program of its own, for a reduction that leaves no step of a plan.
func TestPlanOfALoadAloneIsReplayed(t *testing.T) {
	plan := generators.Plan{Load: generators.Load{Clients: 4, Objects: 2, Between: 50}}
	file := filepath.Join(t.TempDir(), "plan.json")
	require.NoError(t, os.WriteFile(file, generators.Encode(plan), 0o600))
	run := suite.New(t, nil, "-test.run", "^TestReplay$", "-plan", file, "-runtime", "simulated")
	require.NoError(t, run.Run(), run.Text())
	assert.Contains(t, run.Text(), "load       1 plan with a load")
}

// One step can't be reduced; its failure rate is measured.
func TestOneStepPlanIsMeasuredNotReduced(t *testing.T) {
	selftest.Long(t, "15 s")
	t.Parallel() // it mostly waits
	_, plan, err := regress.LoadCase(suite.StoredCase("rollback.json"))
	require.NoError(t, err)
	require.Len(t, plan.Steps, 1)
	file := filepath.Join(t.TempDir(), "plan.json")
	require.NoError(t, os.WriteFile(file, generators.Encode(plan), 0o600))
	args := []string{"-test.run", "^TestReplay$", "-plan", file, "-runtime", "simulated", "-bugs", "rollback", "-bugs.rate", "1", "-shrink.budget", "4s"}
	run := suite.New(t, nil, args...)
	require.Error(t, run.Run())
	assert.Regexp(t, `(?m)^rate       reproduces \d+ of \d+ .* · 1 step, from 1 · 0 executions`, run.Text())
	assert.Contains(t, run.Text(), "measuring  how often it fails, for 1s at most")
	assert.NotContains(t, run.Text(), "shrinking  ")

	reduced := regexp.MustCompile(`(?m)^replay     go test -run Replay -plan (\S+)`).FindAllStringSubmatch(run.Text(), -1)
	again := suite.Command(t, run.Dir, nil, run.Path, append(args[:2:2], append([]string{"-plan", reduced[len(reduced)-1][1]}, args[4:]...)...)...)
	require.Error(t, again.Run())
	assert.Contains(t, again.Text(), "measuring  how often it fails", "what is reduced is not reduced again")
	assert.NotContains(t, again.Text(), "shrinking  ")
}
