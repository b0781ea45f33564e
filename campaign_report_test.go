package retain_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/campaign"
	"retain/harness"
	"retain/report"
)

// TestReport makes the page of -dir again, of one campaign or of all its shards
// together, and says what they came to.
func TestReport(t *testing.T) {
	if *dirFlag == "" {
		skipped(t, "give -dir DIR, the directory of a campaign or one that has those of its shards")
	}
	c, err := campaign.Read(*dirFlag)
	if err != nil {
		cannotBegin(t, fmt.Errorf("-dir: %w", err))
	}
	if !conclude(t, c) {
		t.Fail()
	}
}

// TestTwoShardsBecomeOne: each draws its own plans of the campaign, and what both
// recorded is in the report that is made of them.
func TestTwoShardsBecomeOne(t *testing.T) {
	dir := t.TempDir()
	plans, operations, numbers := 0, 0, map[int]bool{}
	for _, shard := range []string{"0", "1"} {
		at := filepath.Join(dir, "shard-"+shard)
		c := newChild(t, nil, "-test.run", "^TestCampaign$", "-runtime", "simulated", "-duration", "5s", "-rapid.seed", "5", "-shard", shard+"/2", "-resume", at)
		_ = c.Run() // on a slow machine a shard alone may prove too little
		part, err := campaign.Read(at)
		require.NoError(t, err)
		for _, s := range part.Sittings {
			assert.Equal(t, shard+"/2", s.Shard.String())
			for _, j := range s.Plans {
				assert.Equal(t, shard, fmt.Sprint(j.Number%2), "plan %d", j.Number)
				assert.False(t, numbers[j.Number], "plan %d was drawn before", j.Number)
				numbers[j.Number] = true
			}
		}
		plans += part.Totals().Plans
		operations += part.Totals().Operations
		require.Positive(t, part.Totals().Plans, c.text())
	}
	merged := newChild(t, nil, "-test.run", "^TestReport$", "-dir", dir)
	ended := merged.Run()
	both, err := campaign.Read(dir)
	require.NoError(t, err, merged.text())
	verdict, _ := both.Verdict()
	assert.Contains(t, []harness.Verdict{harness.Pass, harness.Vacuous}, verdict)
	assert.Equal(t, verdict == harness.Pass, ended == nil, merged.text())
	assert.Equal(t, plans, both.Totals().Plans)
	assert.Equal(t, operations, both.Totals().Operations)
	said := merged.text()
	assert.True(t, strings.HasPrefix(said, string(verdict)+" "), said)
	assert.Contains(t, said, fmt.Sprintf("%d plans · ", plans))
	assert.Contains(t, said, "2 sittings of 2 shards")
	page, err := os.ReadFile(filepath.Join(dir, harness.PageFile))
	require.NoError(t, err)
	assert.True(t, strings.Contains(string(page), fmt.Sprintf("%d plans · ", plans)), "the page says the same")
}

// TestAFindingStandsInThePage: a bug that is planted is found, and the page of the
// campaign shows its table and leads to its folder, with no hand.
func TestAFindingStandsInThePage(t *testing.T) {
	dir := t.TempDir()
	c := newChild(t, nil, "-test.run", "^TestCampaign$", "-runtime", "simulated", "-bugs", "lost-write", "-bugs.rate", "1", "-duration", "5s", "-rapid.seed", "5",
		"-shrink.budget", "5s", "-resume", dir)
	require.Error(t, c.Run(), "it violates: %s", c.text())
	merged := newChild(t, []string{report.StepSummary + "=step.md"}, "-test.run", "^TestReport$", "-dir", dir, "-summary", "summary.json", "-junit", "junit.xml")
	require.Error(t, merged.Run(), "its report is red: %s", merged.text())
	for name, says := range map[string]string{
		"step.md": "### retain: violation · ", "summary.json": `"verdict": "violation"`, "junit.xml": `type="violation"`,
	} {
		text, err := os.ReadFile(filepath.Join(merged.dir, name))
		require.NoError(t, err)
		assert.Contains(t, string(text), says, name)
	}
	assert.True(t, strings.HasPrefix(merged.text(), "violation "), merged.text())
	text, err := os.ReadFile(filepath.Join(dir, harness.PageFile))
	require.NoError(t, err)
	page := string(text)
	has := func(text, what string) {
		assert.True(t, strings.Contains(page, text), "the page lacks %s: %s", what, text)
	}
	has(`<pre class="table">    ms `, "the table")
	has(`class="drawing"`, "the picture")
	all, err := campaign.Read(dir)
	require.NoError(t, err)
	require.NotEmpty(t, all.Sittings[0].Found)
	first := filepath.ToSlash(filepath.Join("findings", filepath.Base(all.Sittings[0].Found[0].Dir)))
	has(`href="`+first+`/`, "the way to the folder")
	assert.FileExists(t, filepath.Join(dir, first, harness.PageFile))
	assert.False(t, strings.Contains(page, "the records are all that is known"), "it has read the folder")
}

// TestADirectoryOfNothingIsToldInALine, in one line.
func TestADirectoryOfNothingIsToldInALine(t *testing.T) {
	c := newChild(t, nil, "-test.run", "^TestReport$", "-dir", t.TempDir())
	require.Error(t, c.Run())
	assert.Contains(t, c.text(), "no records in ")
	assert.Contains(t, c.text(), "name the directory of a campaign")
}

// TestFlagsOfTheDeploymentsExist: what the manifests, the image and the nightly
// workflow say is what this command line knows.
func TestFlagsOfTheDeploymentsExist(t *testing.T) {
	goFlags := []string{"run", "timeout"} // of go test, which hands them on
	for file, pattern := range map[string]string{
		"deploy/campaign.yaml":          `(?m)^ +- -([\w.]+)=`,
		"deploy/report.yaml":            `(?m)^ +- -([\w.]+)=`,
		"deploy/Dockerfile":             `"-([\w.]+)=`,
		".github/workflows/nightly.yml": `(?m) -([a-z.]+) ["'\w]`,
	} {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		found := regexp.MustCompile(pattern).FindAllStringSubmatch(string(text), -1)
		assert.NotEmpty(t, found, file)
		for _, m := range found {
			if !strings.HasSuffix(file, ".yml") || !slices.Contains(goFlags, m[1]) {
				assert.NotNil(t, flag.Lookup(m[1]), "%s gives -%s, which there is not", file, m[1])
			}
		}
	}
}
