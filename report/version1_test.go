package report

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/campaign"
	"retain/generators"
	"retain/harness"
	"retain/harness/regress"
	"retain/harness/session"
	"retain/runtime"
	"retain/runtime/simulated"
)

// before13 are files that were written before guarantees had codes: format version 1 of
// cases, findings and campaigns. A segment of the campaign was killed after it judged
// plans 11 and 15, which show what plans 1 and 5 show, and before it compared them.
const before13 = "testdata/before-13"

// simulatedWith opens simulated runtimes with these planted bugs.
func simulatedWith(t *testing.T, bugs []string, rate float64) harness.Open {
	t.Helper()
	planted, err := simulated.ParseBugs(strings.Join(bugs, ","))
	require.NoError(t, err)
	seed := uint64(0)
	return func(_ context.Context, s runtime.Settings) (*harness.System, error) {
		seed++ // one worker
		r := simulated.New(simulated.Options{Settings: s, Nonce: "n", Seed: seed, Bugs: planted, Rate: rate})
		return &harness.System{Runtime: r, Control: r, Nonce: "n", Contract: simulated.Contract()}, nil
	}
}

// before30 are files of format version 2, which were written before findings and regressions
// had their culprit in fields. Its campaign is as that of [before13]: plans 11 and 15 show
// what plans 0 and 2 show.
const before30 = "testdata/version-2"

func TestRegressionsOfVersion1AreReplayed(t *testing.T) { replayVersion1(t) }

func TestRegressionsOfVersion2AreReplayed(t *testing.T) { replayStored(t, before30, 1) }

// replayVersion1 replays the regressions: each is shown by what its planted bug does.
func replayVersion1(t *testing.T) { replayStored(t, before13, 3) }

// replayStored replays the regressions of a directory, so many.
func replayStored(t *testing.T, dir string, n int) {
	files, err := filepath.Glob(filepath.Join(dir, "regressions", "*.json"))
	require.NoError(t, err)
	require.Len(t, files, n)
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			kept, plan, err := regress.LoadCase(file)
			require.NoError(t, err)
			s, err := session.Conduct(t.Context(), session.Options{
				Draw: func(int) generators.Plan { return plan }, Plans: 20, Workers: 1, Fresh: true, Dir: t.TempDir(), Late: -1,
				Open:   simulatedWith(t, kept.Bugs(), 0.5),
				Bounds: harness.Bounds{Recovery: 3 * time.Second, Completion: 500 * time.Millisecond},
			})
			require.NoError(t, err)
			require.Equal(t, harness.Violation, s.Verdict, s.Because)
			shows := slices.IndexFunc(s.Failures, func(r harness.Run) bool { return kept.Matches(&r) })
			assert.GreaterOrEqual(t, shows, 0, "%s is shown by none of %d failures", kept.Guarantee, len(s.Failures))
		})
	}
}

// copied is a copy of a directory of [before13] or another one.
func copied(t *testing.T, from, name string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.CopyFS(dir, os.DirFS(filepath.Join(from, name))))
	return dir
}

// withStepsOf writes -rapid.steps into records: it is lower in a short test.
func withStepsOf(t *testing.T, records string, steps int) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(records, "*.jsonl"))
	require.NoError(t, err)
	require.Len(t, files, 1)
	text, err := os.ReadFile(files[0])
	require.NoError(t, err)
	text = recordedSteps.ReplaceAll(text, fmt.Appendf(nil, `"rapid_steps":%d`, steps))
	require.NoError(t, os.WriteFile(files[0], text, 0o600))
}

var recordedSteps = regexp.MustCompile(`"rapid_steps":\d+`)

func TestCampaignOfVersion2ResumesAndCountsWhatItKnows(t *testing.T) {
	after := resumed(t, before30, []string{"lost-write", "stuck-retry"}, map[int]int{11: 0, 15: 2})
	page := writtenCampaign(t, after)
	contains(t, page, "broken: an accepted operation finishes")
	contains(t, page, "an acknowledged write is missing after a kill")
}

func TestCampaignOfVersion1ResumesAndCountsWhatItKnows(t *testing.T) {
	after := resumeVersion1(t)
	page := writtenCampaign(t, after)
	contains(t, page, "broken: an accepted operation finishes")
	contains(t, page, "an acknowledged append is missing after a kill")
	contains(t, page, "ListObject list-0")
}

// resumeVersion1 resumes the campaign: the two violations that nobody got to are known.
func resumeVersion1(t *testing.T) *campaign.Campaign {
	t.Helper()
	return resumed(t, before13, []string{"lost-write", "stuck-key"}, map[int]int{11: 1, 15: 5})
}

// resumed resumes the campaign of a directory, and counts violations to findings.
func resumed(t *testing.T, from string, bugs []string, counted map[int]int) *campaign.Campaign {
	t.Helper()
	dir := copied(t, from, "campaign")
	withStepsOf(t, filepath.Join(dir, campaign.RecordsDir), generators.Draw(1, 0, generators.Options{}).RapidSteps)
	before, err := campaign.Read(dir)
	require.NoError(t, err)
	assert.Equal(t, 4, before.Totals().Plans)
	ctx, end := context.WithCancel(t.Context())
	end() // nothing is drawn
	b := before.Segments[0].Start
	b.Duration = time.Hour
	_, err = campaign.Conduct(ctx, campaign.Options{
		Session: session.Options{Open: simulatedWith(t, bugs, 0.5), Bounds: harness.DefaultBounds, Late: -1},
		Start:   b, Dir: dir, ShrinkBudget: time.Second,
	})
	require.NoError(t, err)
	after, err := campaign.Read(dir)
	require.NoError(t, err)
	require.Len(t, after.Segments, 2)
	found := map[int]int{}
	for _, f := range after.Segments[1].Violations {
		found[f.Number] = f.Finding
	}
	assert.Equal(t, counted, found, "both are findings that are known")
	for _, first := range counted {
		assert.Equal(t, 2, after.Totals().Findings[first])
	}
	assert.Len(t, after.Totals().Findings, len(counted))
	return after
}

// toldOf are the rows of a finding's folder.
func toldOf(t *testing.T, name, guarantee string, reduced *campaign.Reduction) string {
	t.Helper()
	run, shrunk, err := recalled(copied(t, before13, filepath.Join("findings", name)), campaign.Violation{Guarantee: guarantee}, reduced)
	require.NoError(t, err)
	return Finding(run, Context{Shrunk: shrunk}).String()
}

func TestFindingsOfVersion1AreReported(t *testing.T) {
	reduced := toldOf(t, "reduced", "", &campaign.Reduction{Executions: 38, From: 58, Steps: 28, Rate: generators.Rate{Failures: 2, Runs: 9}})
	assert.Contains(t, reduced, "violation  an acknowledged write is missing after a kill       MapObject map-0 · finding reduced\n")
	assert.Contains(t, reduced, `<- set("b","v56") was acknowledged at 47 ms`)
	assert.Contains(t, reduced, "reproduces 2 of 9")
	admitted := toldOf(t, "admission", "the server reports data loss", nil)
	assert.Contains(t, admitted, "the server reports data loss")
	assert.Contains(t, admitted, "admitted   data loss (life 1): 2026-11-24T12:51:05")
}

// paths are the paths of the fields of a JSON value, numbers of elements left out.
func paths(v any, at string, out map[string]bool) {
	switch v := v.(type) {
	case map[string]any:
		for name, field := range v {
			out[at+"."+name] = true
			paths(field, at+"."+name, out)
		}
	case []any:
		for _, element := range v {
			paths(element, at+"[]", out)
		}
	}
}

func TestSummaryKeepsTheFieldsOfVersion1(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(before13, "summary.json"))
	require.NoError(t, err)
	var typed summary
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	require.NoError(t, decoder.Decode(&typed), "every field is still known")
	again, err := json.Marshal(typed)
	require.NoError(t, err)
	var was, is any
	require.NoError(t, json.Unmarshal(text, &was))
	require.NoError(t, json.Unmarshal(again, &is))
	before, after := map[string]bool{}, map[string]bool{}
	paths(was, "", before)
	paths(is, "", after)
	for _, path := range slices.Sorted(maps.Keys(before)) {
		assert.True(t, after[path], "%s is not written any more", path)
	}
	assert.Equal(t, "an acknowledged write is missing after a kill", typed.Findings[0].Guarantee)
}
