package retain_test

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
	"retain/harness"
	"retain/report"
)

// replayed runs the regressions of a directory that has one case, which always
// failed, in a child that may leave files behind.
func replayed(t *testing.T, change func(*harness.Case), args ...string) (c *child, passed bool) {
	kept, _, err := harness.LoadCase(filepath.Join(regressions, "lost-write.json"))
	require.NoError(t, err)
	require.Equal(t, kept.Rate.Runs, kept.Rate.Strikes, "it always failed")
	kept.Fails = nil
	change(kept)
	c = newChild(t, []string{report.StepSummary + "=step.md"}, append([]string{"-test.run", "^TestRegressions$", "-runtime", "simulated"}, args...)...)
	require.NoError(t, kept.Save(filepath.Join(c.dir, regressions, "lost-write.json")))
	err = c.Run()
	return c, err == nil
}

// TestARegressionThatIsBackIsRed: a case that always failed and fails again is
// red, unless it is expected to; then a pass is news, and another violation than
// the one that it is kept for is as red as any.
func TestARegressionThatIsBackIsRed(t *testing.T) {
	unexpected := func(*harness.Case) {}
	expects := func(e harness.Expectation) func(*harness.Case) {
		return func(c *harness.Case) { c.Fails = []harness.Expectation{e} }
	}
	lostWrite := []string{"-bugs", "lost-write", "-bugs.rate", "1"}
	for _, c := range []struct {
		name   string
		change func(*harness.Case)
		args   []string
		passed bool
		says   []string
	}{
		{"back", unexpected, lostWrite, false, []string{"back       lost-write.json: an acknowledged add is missing", "violation  "}},
		{"gone", unexpected, nil, true, []string{"pass       lost-write.json: passed 3 times of 3, which excludes that it fails in more than 63 % of executions (95 %); it failed 20 of 20"}},
		{"expected", expects(harness.Expectation{Bug: "lost-write"}), lostWrite, true, []string{"expected   lost-write.json fails here, as it says it does"}},
		{"news", expects(harness.Expectation{Server: "1.*"}), nil, true, []string{"news       lost-write.json passed 3 times of 3, and was expected to fail here"}},
		{"another", expects(harness.Expectation{Bug: "lost-write"}), []string{"-bugs", "lost-write,stuck-key", "-bugs.rate", "1", "-completion.max", "2s"}, false,
			[]string{"back       lost-write.json, with another violation than it is kept for: ", "an accepted operation finishes, and not: an acknowledged add is missing", "violation  "}},
		{"on another server", func(c *harness.Case) { c.Settings = []string{"WAL=off"} }, nil, true,
			[]string{"pass       lost-write.json: ", "; kept with WAL=off, which was not given (-restate.env)"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			run, passed := replayed(t, c.change, c.args...)
			assert.Equal(t, c.passed, passed, run.text())
			for _, what := range c.says {
				assert.Contains(t, run.text(), what)
			}
		})
	}
}

// TestKeptCasesAreToldInFiles: what is asked for of a session is there after a
// replay of what was kept too.
func TestKeptCasesAreToldInFiles(t *testing.T) {
	args := []string{"-bugs", "lost-write", "-bugs.rate", "1", "-summary", "summary.json", "-junit", "junit.xml", "-test.artifacts"}
	run, passed := replayed(t, func(*harness.Case) {}, args...)
	require.False(t, passed)
	read := func(name string) string {
		text, err := os.ReadFile(filepath.Join(run.dir, name))
		require.NoError(t, err, run.text())
		return string(text)
	}
	assert.Contains(t, read("summary.json"), `"verdict": "violation"`)
	assert.Contains(t, read("junit.xml"), `testsuite name="TestRegressions/lost-write"`)
	assert.Contains(t, read("junit.xml"), "<failure ")
	assert.Contains(t, read("step.md"), "### retain: violation")
	copied, err := filepath.Glob(filepath.Join(run.dir, "_artifacts", "*", "*", harness.FindingFile))
	require.NoError(t, err)
	assert.NotEmpty(t, copied, run.text())

	run, passed = replayed(t, func(c *harness.Case) { c.Fails = []harness.Expectation{{Bug: "lost-write"}} }, args...)
	require.True(t, passed, run.text())
	assert.NotContains(t, read("junit.xml"), "<failure ", "a known failure makes no build red")
	assert.Contains(t, read("junit.xml"), "<skipped ")
}

// TestPromotingKeepsThePlan: -promote keeps a plan that fails with its witness and its
// rate, under a name that is free.
func TestPromotingKeepsThePlan(t *testing.T) {
	kept, plan, err := harness.LoadCase(filepath.Join(regressions, "rollback.json"))
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "plan.json")
	require.NoError(t, os.WriteFile(file, generators.Encode(plan), 0o600))
	args := []string{"-test.run", "^TestReplay$", "-plan", file, "-runtime", "simulated", "-bugs", "rollback", "-bugs.rate", "1", "-promote", "again"}
	c := newChild(t, nil, args...)
	require.Error(t, c.Run(), "it fails, and is red")
	path := filepath.Join(c.dir, regressions, "again.json")
	require.FileExists(t, path, c.text())
	again, _, err := harness.LoadCase(path)
	require.NoError(t, err)
	assert.Equal(t, kept.Guarantee, again.Guarantee)
	assert.Equal(t, []harness.Expectation{{Bug: "rollback", Why: "it is planted"}}, again.Fails)
	assert.Equal(t, again.Rate.Runs, again.Rate.Strikes)
	assert.NotEmpty(t, again.Witness)

	unreduced := newCommand(t, c.dir, nil, c.Path, append(slices.Clone(args[:len(args)-1]), "whole", "-shrink.budget", "0")...)
	require.Error(t, unreduced.Run())
	assert.Contains(t, unreduced.text(), "note       the plan is kept as it was executed: it was not reduced\n")
	whole, asItWas, err := harness.LoadCase(filepath.Join(c.dir, regressions, "whole.json"))
	require.NoError(t, err, unreduced.text())
	assert.Equal(t, plan, asItWas)
	assert.Positive(t, whole.Rate.Strikes, "the replay itself failed so often")
	assert.NotEmpty(t, whole.Witness)

	taken := newCommand(t, c.dir, nil, c.Path, args...)
	require.Error(t, taken.Run())
	assert.Regexp(t, "^retain: -promote: .*again.json is there already: [^\n]*\n$", taken.text())
}

// TestAnInterruptedReductionIsOnDisk: Ctrl-C in the middle of a reduction leaves
// the best plan so far, which fails when it is replayed, and from which a replay
// goes on.
func TestAnInterruptedReductionIsOnDisk(t *testing.T) {
	bug := []string{"-runtime", "simulated", "-bugs", "lost-write", "-bugs.rate", "0.3"}
	c := newChild(t, nil, append([]string{"-test.run", "^TestProperties$", "-rapid.seed", "11", "-rapid.checks", "100"}, bug...)...)
	require.NoError(t, c.Start())
	smaller := func() bool { return strings.Count(c.text(), "\nshrinking  ") >= 3 } // for how long, the plan, a smaller one
	require.Eventually(t, smaller, time.Minute, 5*time.Millisecond)
	require.NoError(t, c.Process.Signal(syscall.SIGINT))
	require.Error(t, c.Wait())
	assert.Contains(t, c.text(), "ended early: interrupted")

	found, err := filepath.Glob(filepath.Join(c.dir, "testdata", "findings", "*", harness.ReducedFile))
	require.NoError(t, err)
	require.Len(t, found, 1)
	text, err := os.ReadFile(filepath.Join(filepath.Dir(found[0]), harness.ReductionFile))
	require.NoError(t, err)
	var left generators.Reduction
	require.NoError(t, json.Unmarshal(text, &left))
	assert.Equal(t, generators.Interrupted, left.Ending)
	assert.Less(t, len(left.Best.Steps), left.From)

	replay := newCommand(t, c.dir, nil, c.Path, append([]string{"-test.run", "^TestReplay$", "-plan", found[0], "-rapid.checks", "100"}, bug...)...)
	require.Error(t, replay.Run())
	assert.Contains(t, replay.text(), "violation  ")
	assert.Contains(t, replay.text(), fmt.Sprintf(", from %d ", left.From), "it goes on where it was")
}
