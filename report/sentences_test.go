package report

import (
	"fmt"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/campaign"
	"retain/checker"
	"retain/generators"
	"retain/harness"
	"retain/harness/regress"
	"retain/model"
	"retain/runtime"
	"retain/runtime/serverlog"
)

// reword replaces every sentence of the table, and each of its parts, for one test.
func reword(t *testing.T) {
	t.Helper()
	was := model.Sentences
	t.Cleanup(func() { model.Sentences = was })
	n := 0
	next := func() string { n++; return fmt.Sprintf("reworded %d", n) }
	other := model.Wording{
		Guarantees: map[model.GuaranteeCode]string{}, Reports: map[model.GuaranteeCode]string{}, Operations: map[model.ChangeKind]string{},
		Reporting: next() + " ", After: next() + " ", Surfaces: next(),
	}
	for code := range was.Guarantees {
		other.Guarantees[code] = next() + " {operation}"
	}
	for code := range was.Reports {
		other.Reports[code] = next()
	}
	for operation := range was.Operations {
		other.Operations[operation] = next()
	}
	model.Sentences = other
}

// fingerprintsOf are the fingerprints that a segment recorded, by plan.
func fingerprintsOf(s campaign.Segment) map[int]string {
	out := map[int]string{}
	for _, f := range s.Violations {
		out[f.Number] = f.Fingerprint
	}
	return out
}

// violations are a run of each way to fail: an object of each guarantee of the state, the
// guarantees of liveness, and what the server reports.
func violations() (out []*harness.Run) {
	for _, code := range model.GuaranteeCodes() {
		g := model.Guarantee{Code: code, Object: model.Counter, Fault: model.Kill}
		if code == model.AcknowledgedMissing {
			g.Operation = model.AddChange
		}
		object := checker.ObjectResult{Object: model.Object{Kind: model.Counter}, Verdict: checker.Violation, Guarantee: g}
		liveness := &harness.Liveness{Guarantee: model.Guarantee{Code: code}}
		out = append(out,
			&harness.Run{Verdict: harness.Violation, Check: checker.Result{Verdict: checker.Violation, Objects: []checker.ObjectResult{object}}},
			&harness.Run{Verdict: harness.Violation, Outcome: &harness.Outcome{Liveness: liveness}},
			&harness.Run{Verdict: harness.Violation, Admissions: []serverlog.Admission{{Code: code}}})
	}
	return out
}

// casesOf are the failures as regressions, read back from their files.
func casesOf(t *testing.T, runs []*harness.Run) (out []*regress.Case) {
	t.Helper()
	dir := t.TempDir()
	shrunk := &regress.Shrunk{Rate: generators.Rate{Failures: 1, Runs: 1}}
	shrunk.Best = generators.StartAndStop(model.Kill)
	for i, r := range runs {
		path := filepath.Join(dir, fmt.Sprint(i, ".json"))
		require.NoError(t, regress.CaseOf(r.Guarantee(), shrunk, regress.Subject{}, runtime.Identity{}, "").Save(path))
		kept, _, err := regress.LoadCase(path)
		require.NoError(t, err)
		out = append(out, kept)
	}
	return out
}

// sentenceText is what differs between two pages of one campaign: sentences, and where it is.
var sentenceText = regexp.MustCompile(`reworded \d+`)

// No decision reads a sentence: with all of them replaced, regressions match what they
// matched, findings that are known are known, and the campaign's page shows the same.
func TestNothingDependsOnTheSentences(t *testing.T) {
	runs := violations()
	kept := casesOf(t, runs)
	shows := func() (out []bool) {
		for _, c := range kept {
			for _, r := range runs {
				out = append(out, c.Matches(r))
			}
		}
		return out
	}
	shown := shows()
	require.Contains(t, shown, true)
	require.Contains(t, shown, false)
	before := resumeVersion1(t)
	grouped := groupViolations(before)
	rows := findings(before)

	reword(t)
	assert.Equal(t, shown, shows(), "a regression matches by its code")
	replayVersion1(t)
	after := resumeVersion1(t)
	assert.Equal(t, fingerprintsOf(before.Segments[1]), fingerprintsOf(after.Segments[1]))
	assert.Len(t, groupViolations(after), len(grouped))
	for i, f := range findings(after) {
		assert.Regexp(t, sentenceText, f.Says)
		assert.Equal(t, rows[i].Plans, f.Plans)
		require.Equal(t, len(rows[i].Rows), len(f.Rows))
		for j, row := range f.Rows {
			assert.Equal(t, rows[i].Rows[j].Label, row.Label)
		}
	}
	page := writtenCampaign(t, after)
	contains(t, page, "ListObject list-0")
	contains(t, page, "was acknowledged at")
	contains(t, page, "reworded")
	for _, f := range rows {
		lacks(t, page, f.Says)
	}
}

// No display cuts a text: a fact, a clause or a detail with a separator in it stays whole.
func TestSeparatorsInTextsCutNothing(t *testing.T) {
	now := time.Unix(0, 0)
	p := NewSessionProgress("", 1, 0)
	p.now = func() time.Time { return now }
	p.Does("reading: one", "1: 2")
	now = now.Add(5 * time.Second)
	p.Does("reading: two", "")
	assert.Contains(t, p.Status().Parts, "reading: two (0s)", "other work")
	now = now.Add(5 * time.Second)
	p.Does("reading: two", "3: 4")
	assert.Contains(t, p.Status().Parts, "reading: two: 3: 4 (5s)", "the same work")

	fault := outage{Fault: model.Fault{Kind: model.Stop}, Facts: []string{"x · gone after 210 ms", "down 520 ms"}}
	drawing := painter{scale: scale{frame: frame{chars: 48}}}
	assert.Equal(t, "stop · down 520 ms at 0 ms", drawing.label(fault))

	clause := "the last attempt got a; b; " + fmt.Sprintf("%0*d", lineWidth, 0)
	r := harness.Run{Outcome: &harness.Outcome{Liveness: &harness.Liveness{Detail: "one; " + clause, Clauses: []string{"one", clause}}}}
	assert.Equal(t, []string{"one", clause}, judged(r, false))
}
