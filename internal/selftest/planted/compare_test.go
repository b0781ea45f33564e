package planted_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/internal/cli"
	"retain/internal/selftest"
	"retain/internal/selftest/suite"
)

// compared runs a comparison on the simulated runtime and returns its JSON.
func compared(t *testing.T, run *suite.Child) (out struct {
	Version  int
	Verdict  string
	Sentence string
	Versions []struct {
		Name     string
		Failures int `json:"strikes"`
		Runs     int
		Drawn    struct{ Plans int }
	}
}) {
	_ = run.Run()
	text, err := os.ReadFile(filepath.Join(run.Dir, "comparison.json"))
	require.NoError(t, err, run.Text())
	require.NoError(t, json.Unmarshal(text, &out))
	assert.Equal(t, 1, out.Version)
	pages, err := filepath.Glob(filepath.Join(run.Dir, "testdata", "comparisons", "*", "report.html"))
	require.NoError(t, err)
	assert.Len(t, pages, 1)
	return out
}

// comparison is a run of the command.
func comparison(t *testing.T, more ...string) *suite.Child {
	run := suite.New(t, nil, append([]string{"-test.run", "^TestCompare$", "-runtime", "simulated", "-bugs.rate", "1", "-summary", "comparison.json"}, more...)...)
	suite.CopyRegressions(t, run.Dir)
	return run
}

func TestCompareFindsTheVersionWithThePlantedBug(t *testing.T) {
	run := comparison(t, "-restate.versions", "none,lost-write,rollback", "-plan", filepath.Join(cli.Regressions, "lost-write.json"))
	got := compared(t, run)
	assert.Equal(t, cli.NotGreen, run.ProcessState.ExitCode(), run.Text())
	assert.Equal(t, "violation", got.Verdict)
	assert.Contains(t, run.Text(), "violation  ")
	assert.Positive(t, got.Versions[1].Failures)
	assert.Zero(t, got.Versions[0].Failures)
	assert.Contains(t, run.Text(), "replay     go test -run Replay -plan testdata/regressions/lost-write.json -bugs=lost-write")
}

// The command that a comparison names shows the failure.
func TestReplayExecutesAStoredCase(t *testing.T) {
	run := suite.New(t, nil, "-test.run", "^TestReplay$", "-runtime", "simulated", "-bugs", "lost-write", "-bugs.rate", "1", "-shrink.budget", "0",
		"-plan", suite.StoredCase("lost-write.json"))
	require.Error(t, run.Run())
	assert.Contains(t, run.Text(), "violation  an acknowledged add is missing after a kill")
}

func TestCompareIsGreenWhereNoVersionFails(t *testing.T) {
	run := comparison(t, "-restate.versions", "none,reordered-list", "-plan", filepath.Join(cli.Regressions, "lost-write.json"), "-rapid.checks", "3")
	got := compared(t, run)
	assert.Zero(t, run.ProcessState.ExitCode(), run.Text())
	assert.Equal(t, "pass", got.Verdict)
	assert.Equal(t, "on none: 0 of 3 (none) and 0 of 3 (reordered-list)", got.Sentence)
}

func TestCompareExecutesTheSameDrawnPlansOnEachVersion(t *testing.T) {
	selftest.Long(t, "15 s")
	run := comparison(t, "-restate.versions", "none,lost-write", "-rapid.checks", "5", "-rapid.seed", "3", "-load", "0")
	got := compared(t, run)
	for _, v := range got.Versions {
		assert.Equal(t, 5, v.Drawn.Plans, v.Name)
		assert.Equal(t, 5, v.Runs, v.Name)
	}
	assert.Positive(t, got.Versions[1].Failures)
	assert.Contains(t, run.Text(), "latency 50 %")
}
