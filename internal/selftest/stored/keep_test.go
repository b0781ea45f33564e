package stored_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/generators"
	"retain/harness/regress"
	"retain/harness/triage"
	"retain/internal/cli"
	"retain/internal/selftest"
	"retain/internal/selftest/suite"
	"retain/report"
	"retain/runtime/reaper"
)

// replayed runs the regressions of a directory with one case, which always failed.
func replayed(t *testing.T, change func(*regress.Case), args ...string) (c *suite.Child, passed bool) {
	kept, _, err := regress.LoadCase(suite.StoredCase("lost-write.json"))
	require.NoError(t, err)
	require.Equal(t, kept.Rate.Runs, kept.Rate.Failures, "it always failed")
	kept.Fails = nil
	change(kept)
	c = suite.New(t, []string{report.StepSummary + "=step.md"}, append([]string{"-test.run", "^TestRegressions$", "-runtime", "simulated"}, args...)...)
	require.NoError(t, kept.Save(filepath.Join(c.Dir, cli.Regressions, "lost-write.json")))
	err = c.Run()
	return c, err == nil
}

// A case that always failed and fails again is red, unless it is expected to fail; then
// a pass is news. Another violation than that of the case is red in any event.
func TestRegressionThatIsBackFails(t *testing.T) {
	t.Parallel()
	unexpected := func(*regress.Case) {}
	expects := func(e regress.Expectation) func(*regress.Case) {
		return func(c *regress.Case) { c.Fails = []regress.Expectation{e} }
	}
	lostWrite := []string{"-bugs", "lost-write", "-bugs.rate", "1"}
	for _, c := range []struct {
		name   string
		change func(*regress.Case)
		args   []string
		passed bool
		says   []string
	}{
		{"back", unexpected, lostWrite, false, []string{"back       lost-write.json: an acknowledged add is missing", "violation  "}},
		{"gone", unexpected, nil, true, []string{"pass       lost-write.json: passed 3 times of 3, which excludes that it fails in more than 63 % of executions (95 %); it failed 20 of 20"}},
		{"expected", expects(regress.Expectation{Bug: "lost-write"}), lostWrite, true, []string{"expected   lost-write.json fails here, as it says it does", "with -bugs lost-write, -bugs.rate 1"}},
		{"news", expects(regress.Expectation{Server: "1.*"}), nil, true, []string{"news       lost-write.json passed 3 times of 3, and was expected to fail here"}},
		{"another", expects(regress.Expectation{Bug: "lost-write"}), []string{"-bugs", "lost-write,stuck-key", "-bugs.rate", "1", "-completion.max", "2s"}, false,
			[]string{"back       lost-write.json, with another violation than it is kept for: ", "an accepted operation finishes, and not: an acknowledged add is missing", "violation  "}},
		{"on another server", func(c *regress.Case) { c.Settings = []string{"WAL=off"} }, nil, true,
			[]string{"pass       lost-write.json: ", "; kept with WAL=off, which was not given (-restate.env)"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			run, passed := replayed(t, c.change, c.args...)
			assert.Equal(t, c.passed, passed, run.Text())
			for _, what := range c.says {
				assert.Contains(t, run.Text(), what)
			}
		})
	}
}

// Cases with planted bugs run on the simulated runtime, unless -runtime is given. Each
// names the origin of its rate.
func TestRegressionRunsOnItsRuntime(t *testing.T) {
	t.Parallel()
	cache := t.TempDir()
	nothing := []string{"PATH=/nonexistent", "DOCKER_HOST=unix:///nonexistent", "HOME=" + cache, reaper.EnvCache + "=" + cache} // no real server can be had
	kept, _, err := regress.LoadCase(suite.StoredCase("lost-write.json"))
	require.NoError(t, err)
	regressionsOf := func(c *regress.Case, args ...string) *suite.Child {
		run := suite.New(t, nothing, append([]string{"-test.run", "^TestRegressions$"}, args...)...)
		require.NoError(t, c.Save(filepath.Join(run.Dir, cli.Regressions, "lost-write.json")))
		return run
	}
	for _, runtime := range []string{kept.Runtime, ""} {
		c := *kept
		c.Runtime = runtime
		run := regressionsOf(&c)
		require.NoError(t, run.Run(), run.Text())
		assert.Contains(t, run.Text(), "runtime    simulated, which the case was kept for: this tests retain, not Restate\n")
		assert.Contains(t, run.Text(), "\n           on restate-server 1.7.12, simulated (this tests retain, not Restate); its rate is with lost-write planted\n")
	}
	byHand := regressionsOf(kept, "-runtime", "process", "-restate.binary", "/nonexistent/server")
	require.Error(t, byHand.Run())
	assert.Contains(t, byHand.Text(), "/nonexistent/server", "-runtime is for all")

	real := *kept
	real.Runtime, real.Fails = "restate-server 1.7.12 (577e032), process", nil
	none := regressionsOf(&real)
	require.Error(t, none.Run(), none.Text())
	assert.Contains(t, none.Text(), "no runtime to test here")
	there := regressionsOf(&real, "-runtime", "simulated")
	require.NoError(t, there.Run(), there.Text())
	assert.Contains(t, there.Text(), "; its rate is from restate-server 1.7.12 (577e032), process\n")
}

// The files of a session are also written after a replay of stored cases.
func TestRegressionsAreReportedInFiles(t *testing.T) {
	t.Parallel()
	args := []string{"-bugs", "lost-write", "-bugs.rate", "1", "-summary", "summary.json", "-junit", "junit.xml", "-test.artifacts"}
	run, passed := replayed(t, func(*regress.Case) {}, args...)
	require.False(t, passed)
	read := func(name string) string {
		text, err := os.ReadFile(filepath.Join(run.Dir, name))
		require.NoError(t, err, run.Text())
		return string(text)
	}
	assert.Contains(t, read("summary.json"), `"verdict": "violation"`)
	assert.Contains(t, read("junit.xml"), `testsuite name="TestRegressions/lost-write"`)
	assert.Contains(t, read("junit.xml"), "<failure ")
	assert.Contains(t, read("step.md"), "### retain: violation")
	copied, err := filepath.Glob(filepath.Join(run.Dir, "_artifacts", "*", "*", triage.FindingFile))
	require.NoError(t, err)
	assert.NotEmpty(t, copied, run.Text())

	run, passed = replayed(t, func(c *regress.Case) { c.Fails = []regress.Expectation{{Bug: "lost-write"}} }, args...)
	require.True(t, passed, run.Text())
	assert.NotContains(t, read("junit.xml"), "<failure ", "a known failure makes no build red")
	assert.Contains(t, read("junit.xml"), "<skipped ")
}

// -promote stores a failing plan with its witness and its rate, under a free name, and
// is green.
func TestPromoteKeepsPlan(t *testing.T) {
	selftest.Long(t, "10 s")
	t.Parallel()
	kept, plan, err := regress.LoadCase(suite.StoredCase("rollback.json"))
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "plan.json")
	require.NoError(t, os.WriteFile(file, generators.Encode(plan), 0o600))
	args := []string{"-test.run", "^TestReplay$", "-plan", file, "-runtime", "simulated", "-bugs", "rollback", "-bugs.rate", "1", "-summary", "summary.json", "-junit", "junit.xml", "-promote", "again"}
	c := suite.New(t, nil, args...)
	require.NoError(t, c.Run(), "that it fails is why it is kept: %s", c.Text())
	assert.Contains(t, c.Text(), "violation  ")
	assert.Regexp(t, `(?m)^kept       testdata/regressions/again.json: it failed 20 of 20 .*, in fresh executions of the reduced plan · go test -run Regressions/again\$$`, c.Text())
	summary, err := os.ReadFile(filepath.Join(c.Dir, "summary.json"))
	require.NoError(t, err)
	assert.Contains(t, string(summary), `"kept": "testdata/regressions/again.json"`)
	assert.Contains(t, string(summary), `"verdict": "violation"`, "what was found stays what it is")
	junit, err := os.ReadFile(filepath.Join(c.Dir, "junit.xml"))
	require.NoError(t, err)
	assert.NotContains(t, string(junit), "<failure ")
	assert.Contains(t, string(junit), `<skipped message="it was kept as testdata/regressions/again.json"`)
	path := filepath.Join(c.Dir, cli.Regressions, "again.json")
	require.FileExists(t, path, c.Text())
	again, _, err := regress.LoadCase(path)
	require.NoError(t, err)
	assert.Equal(t, kept.Guarantee, again.Guarantee)
	assert.Equal(t, []regress.Expectation{{Bug: "rollback", Why: "it is planted"}}, again.Fails)
	assert.Equal(t, again.Rate.Runs, again.Rate.Failures)
	assert.NotEmpty(t, again.Witness)

	unreduced := suite.Command(t, c.Dir, nil, c.Path, append(slices.Clone(args[:len(args)-1]), "whole", "-shrink.budget", "0")...)
	require.NoError(t, unreduced.Run(), unreduced.Text())
	assert.Contains(t, unreduced.Text(), ", in the executions of this replay · ")
	assert.NotContains(t, unreduced.Text(), "measuring  ", "no time is wanted for it")
	assert.Contains(t, unreduced.Text(), "note       the plan is kept as it was executed: it was not reduced\n")
	whole, asItWas, err := regress.LoadCase(filepath.Join(c.Dir, cli.Regressions, "whole.json"))
	require.NoError(t, err, unreduced.Text())
	assert.Equal(t, plan, asItWas)
	assert.Positive(t, whole.Rate.Failures, "the replay itself failed so often")
	assert.NotEmpty(t, whole.Witness)

	taken := suite.Command(t, c.Dir, nil, c.Path, args...)
	require.Error(t, taken.Run())
	assert.Regexp(t, "^retain: -promote: .*again.json is there already: [^\n]*\n$", taken.Text())
}

// Ctrl-C in the middle of a reduction leaves the best plan so far. It fails when it is
// replayed, and the replay continues its reduction.
func TestInterruptedReductionIsContinuedByReplay(t *testing.T) {
	selftest.Long(t, "15 s")
	t.Parallel()
	bug := []string{"-runtime", "simulated", "-bugs", "lost-write", "-bugs.rate", "0.3"}
	c := suite.New(t, nil, append([]string{"-test.run", "^TestProperties$", "-rapid.seed", "12", "-rapid.checks", "100"}, bug...)...)
	require.NoError(t, c.Start())
	smaller := func() bool { return strings.Count(c.Text(), "\nshrinking  ") >= 3 } // for how long, the plan, a smaller one
	require.Eventually(t, smaller, time.Minute, 5*time.Millisecond)
	require.NoError(t, c.Process.Signal(syscall.SIGINT))
	require.Error(t, c.Wait())
	assert.Contains(t, c.Text(), "ended early: interrupted")

	found, err := filepath.Glob(filepath.Join(c.Dir, "testdata", "findings", "*", regress.ReducedFile))
	require.NoError(t, err)
	require.Len(t, found, 1)
	text, err := os.ReadFile(filepath.Join(filepath.Dir(found[0]), regress.ReductionFile))
	require.NoError(t, err)
	var left generators.Reduction
	require.NoError(t, json.Unmarshal(text, &left))
	assert.Equal(t, generators.Interrupted, left.Ending)
	assert.Less(t, len(left.Best.Steps), left.From)

	replay := suite.Command(t, c.Dir, nil, c.Path, append([]string{"-test.run", "^TestReplay$", "-plan", found[0], "-rapid.checks", "100"}, bug...)...)
	require.Error(t, replay.Run())
	assert.Contains(t, replay.Text(), "violation  ")
	assert.Contains(t, replay.Text(), fmt.Sprintf(", from %d ", left.From), "it goes on where it was")
}
