package retain_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/generators"
	"retain/harness"
)

// replayed runs the regressions of a directory that has one case, which is
// expected to fail on these.
func replayed(t *testing.T, fails []harness.Expectation, args ...string) (text string, passed bool) {
	kept, _, err := harness.LoadCase(filepath.Join(regressions, "lost-write.json"))
	require.NoError(t, err)
	require.Equal(t, kept.Rate.Runs, kept.Rate.Strikes, "it always failed")
	kept.Fails = fails
	c := newChild(t, nil, append([]string{"-test.run", "^TestRegressions$", "-runtime", "simulated"}, args...)...)
	require.NoError(t, kept.Save(filepath.Join(c.dir, regressions, "lost-write.json")))
	err = c.Run()
	return c.text(), err == nil
}

// TestARegressionThatIsBackIsRed: a case that always failed and fails again is
// red, unless it is expected to; then a pass is news.
func TestARegressionThatIsBackIsRed(t *testing.T) {
	bug := []string{"-bugs", "lost-write", "-bugs.rate", "1"}
	text, passed := replayed(t, nil, bug...)
	assert.False(t, passed, text)
	assert.Contains(t, text, "back       lost-write.json: ")
	assert.Contains(t, text, "violation  ", "what broke is told too")

	text, passed = replayed(t, nil)
	assert.True(t, passed, text)
	assert.Contains(t, text, "pass       lost-write.json: passed 3 times of 3, which excludes that it fails in more than 63 % of executions (95 %); it failed 20 of 20")

	text, passed = replayed(t, []harness.Expectation{{Bug: "lost-write"}}, bug...)
	assert.True(t, passed, text)
	assert.Contains(t, text, "expected   lost-write.json fails here, as it says it does")

	text, passed = replayed(t, []harness.Expectation{{Server: "1.*"}})
	assert.True(t, passed, text)
	assert.Contains(t, text, "news       lost-write.json passed 3 times of 3, and was expected to fail here")
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
