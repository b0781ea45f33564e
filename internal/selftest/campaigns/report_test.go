package campaigns_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/campaign"
	"retain/harness"
	"retain/harness/triage"
	"retain/internal/selftest"
	"retain/internal/selftest/suite"
	"retain/report"
)

// Each shard draws plans of its own, and the report of both has the plans of both.
func TestReportMergesTwoShards(t *testing.T) {
	selftest.Long(t, "15 s")
	t.Parallel()
	dir := t.TempDir()
	plans, operations, numbers := 0, 0, map[int]bool{}
	for _, shard := range []string{"0", "1"} {
		at := filepath.Join(dir, "shard-"+shard)
		c := suite.New(t, nil, "-test.run", "^TestCampaign$", "-runtime", "simulated", "-duration", "5s", "-rapid.seed", "5", "-shard", shard+"/2", "-dir", at)
		_ = c.Run() // on a slow machine a shard alone may prove too little
		part, err := campaign.Read(at)
		require.NoError(t, err)
		for _, s := range part.Segments {
			assert.Equal(t, shard+"/2", s.Shard.String())
			for _, j := range s.Plans {
				assert.Equal(t, shard, fmt.Sprint(j.Number%2), "plan %d", j.Number)
				assert.False(t, numbers[j.Number], "plan %d was drawn before", j.Number)
				numbers[j.Number] = true
			}
		}
		plans += part.Totals().Plans
		operations += part.Totals().Operations
		require.Positive(t, part.Totals().Plans, c.Text())
	}
	merged := suite.New(t, nil, "-test.run", "^TestReport$", "-dir", dir)
	ended := merged.Run()
	both, err := campaign.Read(dir)
	require.NoError(t, err, merged.Text())
	verdict, _ := both.Verdict()
	assert.Contains(t, []harness.Verdict{harness.Pass, harness.Vacuous}, verdict)
	assert.Equal(t, verdict == harness.Pass, ended == nil, merged.Text())
	assert.Equal(t, plans, both.Totals().Plans)
	assert.Equal(t, operations, both.Totals().Operations)
	said := merged.Text()
	assert.True(t, strings.HasPrefix(said, string(verdict)+" "), said)
	assert.Contains(t, said, fmt.Sprintf("%d plans · ", plans))
	assert.Contains(t, said, "2 segments of 2 shards")
	page, err := os.ReadFile(filepath.Join(dir, triage.PageFile))
	require.NoError(t, err)
	assert.True(t, strings.Contains(string(page), fmt.Sprintf("%d plans · ", plans)), "the page says the same")
}

// A planted bug is found; the campaign's page shows its table and links to its folder.
func TestReportPageHasFinding(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	c := suite.New(t, nil, "-test.run", "^TestCampaign$", "-runtime", "simulated", "-bugs", "lost-write", "-bugs.rate", "1", "-duration", "5s", "-rapid.seed", "5",
		"-shrink.budget", "5s", "-dir", dir)
	require.Error(t, c.Run(), "it violates: %s", c.Text())
	merged := suite.New(t, []string{report.StepSummary + "=step.md"}, "-test.run", "^TestReport$", "-dir", dir, "-summary", "summary.json", "-junit", "junit.xml")
	require.Error(t, merged.Run(), "its report is red: %s", merged.Text())
	for name, says := range map[string]string{
		"step.md": "### retain: violation · ", "summary.json": `"verdict": "violation"`, "junit.xml": `type="violation"`,
	} {
		text, err := os.ReadFile(filepath.Join(merged.Dir, name))
		require.NoError(t, err)
		assert.Contains(t, string(text), says, name)
	}
	assert.True(t, strings.HasPrefix(merged.Text(), "violation "), merged.Text())
	text, err := os.ReadFile(filepath.Join(dir, triage.PageFile))
	require.NoError(t, err)
	page := string(text)
	has := func(text, what string) {
		assert.True(t, strings.Contains(page, text), "the page lacks %s: %s", what, text)
	}
	has(`<table class="proof">`, "the table")
	has(`<svg class="scene" id="drawing-`, "the picture")
	all, err := campaign.Read(dir)
	require.NoError(t, err)
	require.NotEmpty(t, all.Segments[0].Violations)
	first := filepath.ToSlash(filepath.Join("findings", filepath.Base(all.Segments[0].Violations[0].Dir)))
	has(`href="`+first+`/`, "the way to the folder")
	assert.FileExists(t, filepath.Join(dir, first, triage.PageFile))
	assert.False(t, strings.Contains(page, "the records are all that is known"), "it has read the folder")
}

func TestReportOfEmptyDirectoryFailsInOneLine(t *testing.T) {
	t.Parallel()
	c := suite.New(t, nil, "-test.run", "^TestReport$", "-dir", t.TempDir())
	require.Error(t, c.Run())
	assert.Contains(t, c.Text(), "no records in ")
	assert.Contains(t, c.Text(), "name the directory of a campaign")
}
