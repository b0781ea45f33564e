package campaign

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/harness"
	"retain/harness/known"
	"retain/harness/session"
	"retain/internal/selftest"
	"retain/runtime"
	"retain/runtime/simulated"
)

// stuckRetries is a list with the finding of [simulated.StuckRetry].
func stuckRetries(t *testing.T, expires string) known.List {
	l, err := known.Decode("known.json", []byte(`{"version":1,"known":[{"guarantee":"operation-finishes","failure":{"code":"RT0016","status":"[590]"},
		"versions":["`+runtime.DefaultVersion+`"],"link":"https://example.com/1","expires":"`+expires+`"}]}`))
	require.NoError(t, err)
	return l
}

// A campaign goes on after a known finding, keeps few folders of it, reduces nothing, and
// its records have the link.
func TestCampaignGoesOnAfterKnownFindings(t *testing.T) {
	selftest.Long(t, "15 s")
	t.Parallel() // it mostly waits
	o := short(t, 12*time.Second, simulated.StuckRetry)
	o.Session.Bounds = harness.Bounds{Recovery: 20 * time.Second, Completion: 2 * time.Second}
	o.Start.Known, o.Start.Workers = stuckRetries(t, "2999-12-31"), 6
	c, err := Conduct(t.Context(), o)
	require.NoError(t, err)
	totals := c.Totals()
	verdict, why := c.Verdict()
	assert.NotEqual(t, harness.Violation, verdict, "%v", why)
	assert.Empty(t, c.Segments[0].Violations)
	assert.Empty(t, c.Segments[0].Reductions)
	seen := c.Known()
	require.Len(t, seen, 1)
	assert.Equal(t, "https://example.com/1", seen[0].Link)
	assert.Len(t, seen[0].Plans, totals.Verdicts[harness.Known])
	assert.Equal(t, totals.Verdicts[harness.Pass], totals.Plans, "%v", totals.Verdicts)
	assert.Empty(t, c.KnownNotSeen())
	kept, err := filepath.Glob(filepath.Join(o.Dir, "known", "*"))
	require.NoError(t, err)
	assert.Len(t, kept, min(keptFolders, totals.Verdicts[harness.Known]))
	text, err := os.ReadFile(filepath.Join(o.Dir, c.Segments[0].File))
	require.NoError(t, err)
	assert.Contains(t, string(text), `"verdict":"known"`)
	assert.Contains(t, string(text), `"known":[{"link":"https://example.com/1","expires":"2999-12-31"}]`)
}

func TestCampaignIsRedForAnExpiredEntry(t *testing.T) {
	selftest.Long(t, "10 s")
	t.Parallel() // it mostly waits
	o := short(t, 8*time.Second, simulated.StuckRetry)
	o.Session.Bounds = harness.Bounds{Recovery: 20 * time.Second, Completion: time.Second}
	o.Start.Known, o.Start.Workers = stuckRetries(t, "2026-01-31"), 4
	c, err := Conduct(t.Context(), o)
	require.NoError(t, err)
	verdict, _ := c.Verdict()
	assert.Equal(t, harness.Violation, verdict)
	assert.Empty(t, c.Known())
}

// Plans of a known finding alone prove nothing.
func TestCampaignIsVacuousIfMostPlansAreLostToKnownFindings(t *testing.T) {
	dir := t.TempDir()
	var records []Record
	for n := range 3 {
		j := PlanResult{Number: n, Run: "r", Verdict: harness.Known, Known: []harness.KnownFinding{{Link: "https://example.com/1"}}, Identity: "restate-server 1.6.1 (3407756), process"}
		if n == 0 {
			j.Verdict, j.Known = harness.Pass, nil
		}
		records = append(records, j)
	}
	onDisk(t, dir, begunAt(noon, "a"), append(records, Canary{Caught: true})...)
	c, err := Read(dir)
	require.NoError(t, err)
	verdict, why := c.Verdict()
	assert.Equal(t, harness.Vacuous, verdict)
	assert.Contains(t, why, session.LostToKnown(map[harness.Verdict]int{harness.Pass: 1, harness.Known: 2}))
}

// Of a finding that no plan showed the version counts, and the configuration.
func TestCampaignNamesKnownFindingsThatWereNotSeen(t *testing.T) {
	for text, want := range map[string]int{
		`"versions":["1.6.1"]`:                                  1,
		`"versions":["1.6.2"]`:                                  0,
		`"versions":["1.6.1"],"configuration":{"state":"lazy"}`: 0,
	} {
		dir := t.TempDir()
		b := begunAt(noon, "a")
		require.NoError(t, json.Unmarshal([]byte(`[{"guarantee":"operation-finishes","link":"https://example.com/1",`+text+`}]`), &b.Known))
		j := PlanResult{Number: 1, Run: "r", Verdict: harness.Pass, Identity: "restate-server 1.6.1 (3407756), process"}
		j.classify()
		onDisk(t, dir, b, j)
		c, err := Read(dir)
		require.NoError(t, err)
		assert.Len(t, c.KnownNotSeen(), want, text)
	}
}
