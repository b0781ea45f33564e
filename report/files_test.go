package report

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/harness"
	"retain/harness/regress"
	"retain/harness/session"
	"retain/model"
	"retain/runtime/serverlog"
)

// reported is a reporter that has reported a session with these runs.
func reported(t *testing.T, runs ...harness.Run) (*Reporter, *session.Result, *strings.Builder) {
	t.Helper()
	out := &strings.Builder{}
	p := &Reporter{Name: "TestProperties", Out: out, SDK: "sdk go 1.2.0", Seed: 8123}
	s := sessionOf(94)
	s.Counts = map[harness.Verdict]int{}
	for _, r := range runs {
		p.Run(r)
		s.Counts[r.Verdict]++
		if r.Verdict != harness.Pass {
			s.Failures = append(s.Failures, r)
			s.Verdict = r.Verdict
		}
	}
	p.End(s)
	return p, s, out
}

func passed(n int) harness.Run { return harness.Run{Number: n, Verdict: harness.Pass} }

func TestSummaryJSONHasVerdictCountsAndFindings(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s.json")
	p, s, _ := reported(t, passed(0), lost(t, found))
	require.NoError(t, p.Summary(path, s))
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	var got map[string]any
	require.NoError(t, json.Unmarshal(text, &got))
	assert.Equal(t, float64(SummaryVersion), got["version"])
	assert.Equal(t, "violation", got["verdict"])
	assert.Contains(t, got["reason"], "an acknowledged add is missing after a kill")
	assert.Equal(t, float64(1204), got["in_flight_at_fault"])
	assert.Equal(t, map[string]any{"before stop": 10.0, "after stop": 11.0, "before kill": 12.0, "after kill": 13.0}, got["cells"])
	assert.Equal(t, map[string]any{"one-timer": 10.0, "plain-4": 84.0}, got["server_configurations"])
	assert.Equal(t, map[string]any{"objects": 1128.0, "of": 1128.0, "reads": 2300.0, "seconds": 5.0}, got["ledger"])
	assert.Equal(t, map[string]any{"runtime": 1.0, "from": 20.0, "to": 26.0, "up": false}, got["availability"].([]any)[1])
	assert.Len(t, got["recovery_seconds"], 94)
	assert.InDelta(t, 3.0/94, got["excludes"], 1e-9)
	assert.Equal(t, "sdk go 1.2.0", got["sdk"])

	finding := got["findings"].([]any)[0].(map[string]any)
	assert.Equal(t, "7f2c-61", finding["id"])
	assert.Equal(t, "an acknowledged add is missing after a kill", finding["guarantee"])
	assert.Equal(t, "lazy-suspend-always", finding["server_configuration"])
	assert.Equal(t, map[string]any{"what": "checker", "fact": "porcupine agrees", "out": true}, finding["ruled_out"].([]any)[0])
	assert.Contains(t, finding["where"], "gone from the state")
}

// Every field of the summary is described where its reader looks.
func TestOutputPageNamesEveryFieldOfTheSummary(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "docs", "output.md"))
	require.NoError(t, err)
	var fields func(v any)
	fields = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, e := range v {
				fields(e)
			}
		case map[string]any:
			for name, e := range v {
				assert.True(t, strings.Contains(string(page), "`"+name+"`"), "docs/output.md has no field %s", name)
				if !slices.Contains([]string{"verdicts", "faults", "cells", "server_configurations", "classes", "partitions"}, name) {
					fields(e)
				}
			}
		}
	}
	r := lost(t, found)
	r.Admissions, r.Problem, r.Ledger = []serverlog.Admission{{Line: "l", Class: "c", Life: 1}}, errors.New("disk full"), true
	p, s, _ := reported(t, r)
	small := r
	small.Check.Objects, small.Plan.Config.Server = slices.Clone(r.Check.Objects), "plain-4"
	small.Check.Objects[0].Guarantee = model.Guarantee{Code: model.NoLegalOrder}
	p.Shrunk(r, &regress.Shrunk{Run: &small})
	s.Missing, s.Because, s.Ledger.Note = []string{"m"}, "b", "n"
	body, err := json.Marshal(p.summary(s))
	require.NoError(t, err)
	var all any
	require.NoError(t, json.Unmarshal(body, &all))
	fields(all)
}

// strict decodes XML and refuses what the struct does not know.
func strict(t *testing.T, text []byte) junitSuites {
	t.Helper()
	known := map[string][]string{
		"testsuites": {}, "testsuite": {"name", "tests", "failures", "errors", "skipped", "time"}, "properties": {},
		"property": {"name", "value"}, "testcase": {"classname", "name", "time"}, "failure": {"message", "type"}, "error": {"message", "type"}, "system-out": {},
	}
	d := xml.NewDecoder(bytes.NewReader(text))
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		if e, ok := token.(xml.StartElement); ok {
			require.Contains(t, known, e.Name.Local)
			for _, a := range e.Attr {
				require.Contains(t, known[e.Name.Local], a.Name.Local, e.Name.Local)
			}
		}
	}
	var out junitSuites
	require.NoError(t, xml.Unmarshal(text, &out))
	return out
}

func TestJUnitHasACasePerPlan(t *testing.T) {
	harnessRun := harness.Run{Number: 4, Verdict: harness.Harness, Sentence: "a control character \x1b[31m in <a log> & \xff more"}
	p, s, _ := reported(t, passed(0), passed(1), lost(t, found), harness.Run{Number: 3, Verdict: harness.Undecided, Sentence: "register-0: no time"}, harnessRun)
	var j JUnit
	j.Add(p, s)
	vacuous, lacking, _ := reported(t, passed(0))
	lacking.Verdict, lacking.Missing = harness.Vacuous, []string{"restarts: 0 of 94 needed"}
	j.Add(vacuous, lacking)
	path := filepath.Join(t.TempDir(), "junit.xml")
	require.NoError(t, j.Write(path))
	text, err := os.ReadFile(path)
	require.NoError(t, err)

	suites := strict(t, text).Suites
	require.Len(t, suites, 2)
	first := suites[0]
	assert.Equal(t, "TestProperties", first.Name)
	assert.Equal(t, 6, first.Tests, "five plans and the session")
	assert.Equal(t, len(first.Cases), first.Tests)
	assert.Equal(t, 2, first.Failures)
	assert.Equal(t, 1, first.Errors)
	assert.Equal(t, "58.000", first.Time)
	assert.Contains(t, first.Properties, junitProperty{"seed", "8123"})

	assert.Nil(t, first.Cases[0].Failure)
	violated := first.Cases[2]
	require.NotNil(t, violated.Failure)
	assert.Equal(t, "plan 61", violated.Name)
	assert.Equal(t, "1.000", violated.Time)
	assert.Equal(t, "violation", violated.Failure.Type)
	assert.Contains(t, violated.Failure.Message, "violation: an acknowledged add is missing after a kill")
	assert.Contains(t, violated.Failure.Text, "ruled out  checker (porcupine agrees)")
	assert.Equal(t, "undecided", first.Cases[3].Failure.Type)
	require.NotNil(t, first.Cases[4].Error, "what is ours is an error, not a failure")
	assert.Contains(t, first.Cases[4].Error.Text, `\x1b[31m in <a log> & \xff more`)
	assert.Nil(t, first.Cases[5].Failure, "the session fails by its plans alone")

	second := suites[1]
	assert.Equal(t, 1, second.Failures)
	assert.Equal(t, "vacuous", second.Cases[1].Failure.Type)
	assert.Contains(t, second.Cases[1].Failure.Text, "restarts: 0 of 94 needed")
}

func TestMarkdownIsAppended(t *testing.T) {
	r := lost(t, found)
	p, s, _ := reported(t, passed(0), r)
	golden(t, "markdown-violation", p.Markdown(s))

	p, s, _ = reported(t, passed(0))
	golden(t, "markdown-pass", p.Markdown(s))

	path := filepath.Join(t.TempDir(), "summary.md")
	require.NoError(t, os.WriteFile(path, []byte("before\n"), 0o644))
	require.NoError(t, p.AppendMarkdown(path, s))
	require.NoError(t, p.AppendMarkdown(path, s))
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.True(t, strings.HasPrefix(string(text), "before\n### retain: pass"))
	assert.Equal(t, 2, strings.Count(string(text), "### retain: pass"))

	p, s, _ = reported(t, r, r, r, r, r)
	assert.Equal(t, maxTold, strings.Count(p.Markdown(s), "### retain: violation"))
	assert.Contains(t, p.Markdown(s), "... and 2 more")
}

func TestViolationPrintsAtOnceAndOthersPrintASummary(t *testing.T) {
	r := lost(t, found)
	_, _, out := reported(t, passed(0), r)
	assert.Equal(t, Finding(r, Context{SDK: "sdk go 1.2.0", Passed: 1}).String(), out.String(), "a violation is printed at once, and nothing after it")

	_, _, out = reported(t, passed(0), passed(1))
	assert.True(t, strings.HasPrefix(out.String(), "pass  "), out.String())

	undecided := harness.Run{Number: 7, Verdict: harness.Undecided, Sentence: "no time", Dir: t.TempDir()}
	_, _, out = reported(t, passed(0), undecided)
	assert.True(t, strings.HasPrefix(out.String(), "note       plan 7 is undecided, and kept in "+undecided.Dir+"\nundecided  1 of 2 plans: "), out.String())

	broken := harness.Run{Number: 7, Verdict: harness.Harness, Sentence: "no disk"}
	_, _, out = reported(t, passed(0), broken, broken)
	assert.Equal(t, 1, strings.Count(out.String(), "harness    "))
	assert.Contains(t, out.String(), "1 earlier plan passed and are kept")
	assert.Contains(t, out.String(), "also       plan 7: no disk\n")
}

// A session that could not begin leaves its files behind too.
func TestSessionThatCouldNotBeginIsReported(t *testing.T) {
	p := &Reporter{Name: "TestProperties", Out: io.Discard}
	s := p.CouldNotBegin(errors.New("no Docker"))
	dir := t.TempDir()
	require.NoError(t, p.Summary(filepath.Join(dir, "s.json"), s))
	var got map[string]any
	text, err := os.ReadFile(filepath.Join(dir, "s.json"))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &got))
	assert.Equal(t, "harness", got["verdict"])
	for _, field := range []string{"server_configurations", "faults", "findings", "recovery_seconds", "availability"} {
		assert.NotNil(t, got[field], field)
	}
	var j JUnit
	j.Add(p, s)
	require.NoError(t, j.Write(filepath.Join(dir, "j.xml")))
	text, err = os.ReadFile(filepath.Join(dir, "j.xml"))
	require.NoError(t, err)
	suite := strict(t, text).Suites[0]
	assert.Equal(t, 1, suite.Errors)
	assert.Contains(t, suite.Cases[0].Error.Text, "what       could not begin: no Docker\n")
	assert.True(t, strings.HasPrefix(p.Markdown(s), "### retain: harness · "))
}

func TestMarkdownTakesNothingForMarkup(t *testing.T) {
	assert.Equal(t, "a \\| b \\`c\\` \\*d\\* \\_e\\_ \\[f\\] &lt;g&gt; &amp; \\\\ \\# \\~", escapeMarkdown("a | b `c` *d* _e_ [f] <g> & \\ # ~"))
}
