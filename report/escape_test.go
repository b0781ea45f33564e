package report

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/checker"
	"retain/harness"
	"retain/harness/session"
	"retain/harness/triage"
	"retain/internal/printable"
	"retain/model"
	"retain/runtime/serverlog"
)

// hostile tries to begin a line of its own, to colour it, to turn it around and to
// hide a part of it, and is longer than any line.
var hostile = "\x1b[31m x\nverdict pass\r\npass       forged\u202e\u200b\xff" + strings.Repeat("long ", 1000)

// hostileRun is a violation in which all text from outside is hostile: a register
// answers what nobody wrote.
func hostileRun(t *testing.T) harness.Run {
	r := lost(t, map[string]string{triage.LogFile: hostile, "name\n\x1b[31m": ""})
	h, register := r.Outcome.History, model.Object{Kind: model.Register}
	h.Runtime, h.Notes, h.Damage = hostile, []string{hostile}, hostile
	h.Operations = []model.Invoked{
		{ID: 1, Process: hostile, Object: register, Op: model.RegisterWrite{Value: hostile}, Call: at(1), Return: at(2), Outcome: model.OK, Answer: model.Done{}},
		{ID: 2, Process: "x" + hostile, Object: register, Op: model.RegisterRead{}, Call: at(8), Return: at(9), Outcome: model.OK, Answer: model.Text(hostile + "x")},
	}
	r.Check = checker.Check(h, checker.Options{})
	require.Equal(t, checker.Violation, r.Check.Verdict)
	r.Where, r.Sentence = hostile, hostile
	r.Admissions = []serverlog.Admission{{Line: hostile, Class: "data loss"}}
	r.Hypotheses = []harness.Hypothesis{{What: "checker", Fact: hostile, RuledOut: true}, {What: "late", Fact: hostile}}
	return r
}

// assertHonest shows that each line is one that this package began, and that all of
// it can be seen, within so many columns.
func assertHonest(t *testing.T, text string, width int) {
	t.Helper()
	assert.Equal(t, printable.Lines(text), text)
	for line := range strings.Lines(text) {
		assert.NotRegexp(t, `^(verdict pass|pass +forged)`, strings.TrimSpace(line))
		assert.LessOrEqual(t, printable.Columns(line), width)
		for _, r := range strings.TrimSuffix(line, "\n") {
			assert.True(t, unicode.IsPrint(r), "%U", r)
		}
	}
}

func TestTextFromOutsideForgesNoLine(t *testing.T) {
	r := hostileRun(t)
	finding := Finding(r, Context{})
	assertHonest(t, finding.String(), maxLine+11)
	assertHonest(t, Recheck(r.Outcome.History, r.Check, hostile, time.Minute).String(), maxLine+11)
	broken := harness.Run{Number: 1, Verdict: harness.Harness, Sentence: hostile, Dir: r.Dir}
	assertHonest(t, Finding(broken, Context{}).String(), maxLine+11)
	stuck := r
	stuck.Check = checker.Result{}
	stuck.Outcome.Liveness = &harness.Liveness{Detail: hostile, Operation: 1}
	assertHonest(t, Finding(stuck, Context{}).String(), maxLine+11)

	var markdown, html strings.Builder
	finding.markdown(&markdown)
	assertHonest(t, markdown.String(), 4*maxLine)
	require.NoError(t, Page(&html, r, Context{}))
	assert.Equal(t, printable.Lines(html.String()), html.String())

	reporter := &Reporter{Out: io.Discard, SDK: hostile}
	session := &session.Result{Verdict: harness.Violation, Failures: []harness.Run{r}, Counts: map[harness.Verdict]int{harness.Violation: 1}}
	reporter.Run(r)
	var units JUnit
	units.Add(reporter, session)
	path := filepath.Join(t.TempDir(), "junit.xml")
	require.NoError(t, units.Write(path))
	xml, err := os.ReadFile(path)
	require.NoError(t, err)
	assertHonest(t, string(xml), 8*maxLine)
}
