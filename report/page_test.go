package report

import (
	"html"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/harness"
)

// pageOf is the page of a run, as it is written when the run is told.
func pageOf(t *testing.T, r harness.Run) string {
	t.Helper()
	require.NoError(t, WritePage(r, told))
	text, err := os.ReadFile(filepath.Join(r.Dir, harness.PageFile))
	require.NoError(t, err)
	return string(text)
}

// tags are what HTML puts around a text.
var tags = regexp.MustCompile(`<[^>]*>`)

func TestThePageSaysWhatTheTerminalSays(t *testing.T) {
	r := lost(t, found)
	page := pageOf(t, r)
	text := html.UnescapeString(tags.ReplaceAllString(page, " "))
	words := strings.Join(strings.Fields(text), " ")
	rows := Finding(r, told)
	_, says := rows.verdict()
	assert.Contains(t, words, "violation "+says)
	for _, row := range rows[1:] {
		for _, line := range row.Lines {
			assert.Contains(t, words, oneLine(line))
		}
	}
}

func TestThePageNeedsNothingElse(t *testing.T) {
	r := lost(t, found)
	page := pageOf(t, r)
	for _, m := range regexp.MustCompile(`(?:src|href)="([^"]*)"`).FindAllStringSubmatch(page, -1) {
		assert.FileExists(t, filepath.Join(r.Dir, m[1]))
	}
	for _, outside := range []string{"http://", "https://", "<script", "<link", "@import"} {
		assert.NotContains(t, page, outside)
	}
}

func TestThePageHasWhatTheTerminalHasNoRoomFor(t *testing.T) {
	files := map[string]string{}
	for name, text := range found {
		files[name] = text
	}
	files[harness.LogFile] = strings.Repeat("earlier\n", 300) + "ERROR <b>not markup</b>\n"
	r := lost(t, files)
	r.Admissions = []harness.Admission{{Line: "ERROR trim gap", Class: "data loss", Life: 2}}
	page := pageOf(t, r)

	assert.Contains(t, page, `<div class="bar" id="availability"><span class="up" style="left:0.00%;width:30.00%" title="answered for 30 ms, from 0 ms on"></span>`+
		`<span class="down" style="left:30.00%;width:40.00%" title="no answer for 40 ms, from 30 ms on"></span>`)
	assert.Contains(t, page, "When the server answered: 60 % of the time known, in 100 ms")
	assert.Contains(t, page, `<span class="mark kill" style="left:30.00%" title="kill at 30 ms"></span>`)
	assert.Contains(t, page, "at 40 ms: calls go through after 30 ms")
	assert.Contains(t, page, `<span class="health" style="left:66.67%;width:33.33%"`)
	assert.Contains(t, page, "ERROR &lt;b&gt;not markup&lt;/b&gt;")
	assert.Contains(t, page, "The last 120 of 301 lines")
	assert.Contains(t, page, `<iframe src="picture.html"`)
	assert.Contains(t, page, "lazy-suspend-always")
	assert.Contains(t, page, "trim gap")
}

// A run that was kept and has less to show.
func TestAPageOfLess(t *testing.T) {
	r := harness.Run{Number: 12, Verdict: harness.Harness, Sentence: "the port is taken", Dir: t.TempDir()}
	page := pageOf(t, r)
	assert.Contains(t, page, "the port is taken")
	for _, absent := range []string{"iframe src", `id="availability"`, `id="recovery"`, `id="log"`} {
		assert.NotContains(t, page, absent)
	}
	assert.NoError(t, WritePage(harness.Run{Verdict: harness.Harness}, told), "what was not kept has no page")
}
