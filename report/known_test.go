package report

import (
	"encoding/json"
	"encoding/xml"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/campaign"
	"retain/harness"
	"retain/harness/session"
)

var clearAll = harness.KnownFinding{Link: "https://github.com/restatedev/restate/issues/4396", Why: "clearAll fails"}

// knownSession is a session that passed 94 plans and showed a known finding in two.
func knownSession(t *testing.T) (*Reporter, *session.Result, *strings.Builder) {
	out := &strings.Builder{}
	p := &Reporter{Name: "TestProperties", Out: out, SDK: "sdk go 1.2.0", Seed: 8123}
	s := sessionOf(94)
	for _, n := range []int{3, 7} {
		r := stuckMap(t)
		r.Number, r.Verdict, r.Known, r.Dir = n, harness.Known, []harness.KnownFinding{clearAll}, t.TempDir()
		s.Counts[harness.Known]++
		s.Known = append(s.Known, r)
		p.Run(r)
	}
	return p, s, out
}

func TestPassNamesKnownFindingsWithTheirLinks(t *testing.T) {
	p, s, out := knownSession(t)
	s.KnownNotSeen = []harness.KnownFinding{{Link: "https://example.com/2", Expires: "2026-01-31", Expired: true}}
	assert.Equal(t, 2, strings.Count(out.String(), "\n"), "a line for each: %s", out)
	assert.Regexp(t, `^known      plan 3, kept in \S+: https://github.com/restatedev/restate/issues/4396 \(clearAll fails\)\n`, out.String())
	p.End(s)
	text := out.String()
	assert.Contains(t, text, "\npass       but for known findings in 2 plans, no acknowledged write was lost, doubled or seen out of order\n")
	assert.Contains(t, text, "\nverdicts   94 pass · 2 known · 0 violation · 0 undecided · 0 harness\n"+
		"known      2 plans: https://github.com/restatedev/restate/issues/4396 (clearAll fails)\n"+
		"           not seen: https://example.com/2, whose entry expired on 2026-01-31\nexcludes ")
	assert.FileExists(t, filepath.Join(s.Known[0].Dir, "report.html"))
	assert.Contains(t, p.Markdown(s), "2 plans: https://github.com/restatedev/restate/issues/4396")
}

func TestSummaryAndJUnitHaveKnownFindings(t *testing.T) {
	p, s, _ := knownSession(t)
	path := filepath.Join(t.TempDir(), "s.json")
	require.NoError(t, p.Summary(path, s))
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	var got struct {
		Verdict  string
		Verdicts map[string]int
		Findings []any
		Known    []struct {
			Link  string
			Plans []int
			Dirs  []string
		}
	}
	require.NoError(t, json.Unmarshal(text, &got))
	assert.Equal(t, "pass", got.Verdict)
	assert.Equal(t, 2, got.Verdicts["known"])
	assert.Empty(t, got.Findings)
	require.Len(t, got.Known, 1)
	assert.Equal(t, clearAll.Link, got.Known[0].Link)
	assert.Equal(t, []int{3, 7}, got.Known[0].Plans)
	assert.Len(t, got.Known[0].Dirs, 2)

	var j JUnit
	j.Add(p, s)
	body, err := xml.Marshal(j.suites[0])
	require.NoError(t, err)
	assert.Equal(t, 2, j.suites[0].Skipped)
	assert.Zero(t, j.suites[0].Failures+j.suites[0].Errors)
	assert.Contains(t, string(body), `<skipped message="known: https://github.com/restatedev/restate/issues/4396 (clearAll fails)">`)
}

func TestViolationSaysWhyAKnownFindingDoesNotExcuseIt(t *testing.T) {
	r := stuckMap(t)
	r.Known = []harness.KnownFinding{clearAll}
	assert.Contains(t, Finding(r, Context{}).String(), "\nknown      https://github.com/restatedev/restate/issues/4396 (clearAll fails)\n")
	r.Known[0].InPart = true
	assert.Contains(t, Finding(r, Context{}).String(), "\nknown      in part, and something else broke too: https://")
	r.Known[0].InPart, r.Known[0].Expired, r.Known[0].Expires = false, true, "2026-01-31"
	assert.Contains(t, Finding(r, Context{}).String(), "\nknown      its entry expired on 2026-01-31: https://")
}

func TestSessionLostToKnownFindingsSaysSo(t *testing.T) {
	_, s, _ := knownSession(t)
	s.Verdict, s.Counts = harness.Vacuous, map[harness.Verdict]int{harness.Pass: 1, harness.Known: 2}
	s.Missing, s.Because = []string{"plans without a known finding: 1 of 3, half of them needed"}, "known findings took the others"
	text := Session(s, plainProcess, 8123).String()
	assert.Contains(t, text, "\nbecause    known findings took the others\n")
	assert.Contains(t, text, "\ndo         choose a version or a -config without them; -known none makes them violations\n")
	assert.Equal(t, 1, strings.Count(text, "\nknown "), text)
}

// The plans of a known finding count for nothing, and the page names it.
func TestCampaignNamesKnownFindings(t *testing.T) {
	c := readTwo(t, 30)
	before := c.Totals()
	changed := 0
	eachPlan(c, func(j *campaign.PlanResult) {
		if j.Verdict == harness.Pass && changed < 2 {
			j.Verdict, j.Known = harness.Known, []harness.KnownFinding{clearAll}
			changed++
		}
	})
	after := c.Totals()
	assert.Equal(t, before.Plans-2, after.Plans)
	assert.Equal(t, before.Verdicts[harness.Pass]-2, after.Verdicts[harness.Pass])
	assert.Less(t, after.Operations, before.Operations)
	text := Campaign(c, "").String()
	assert.Contains(t, text, "\nknown      2 plans: https://github.com/restatedev/restate/issues/4396 (clearAll fails)\n")
	assert.Contains(t, text, " pass · 2 known · ")
	contains(t, writtenCampaign(t, c), "restate/issues/4396 (clearAll fails)")
}
