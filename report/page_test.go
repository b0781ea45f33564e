package report

import (
	"fmt"
	"html"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/harness"
	"retain/harness/triage"
	"retain/runtime/serverlog"
)

// pageOf is the page of a run, as it is written when the run is reported.
func pageOf(t *testing.T, r harness.Run) string {
	t.Helper()
	require.NoError(t, WritePage(r, plainProcess))
	text, err := os.ReadFile(filepath.Join(r.Dir, triage.PageFile))
	require.NoError(t, err)
	return string(text)
}

// tags are what HTML puts around a text.
var tags = regexp.MustCompile(`<[^>]*>`)

func TestPageContainsTheTerminalsLines(t *testing.T) {
	r := lost(t, found)
	page := pageOf(t, r)
	text := html.UnescapeString(tags.ReplaceAllString(page, " "))
	words := strings.Join(strings.Fields(text), " ")
	rows := Finding(r, plainProcess)
	_, says := rows.verdict()
	contains(t, words, "violation "+says)
	for _, row := range rows[1:] {
		for _, line := range row.Lines {
			if row.proof == nil {
				contains(t, words, oneLine(line))
			}
		}
		if row.proof == nil {
			continue
		}
		for _, line := range row.proof.Rows {
			contains(t, words, strings.Join(strings.Fields(fmt.Sprint(line.Ms(), " ", line.Column, " ", line.Text)), " "))
			if line.Remark != "" {
				contains(t, words, line.Text+" <- "+line.Remark)
			}
		}
	}
}

func TestPageLoadsNothing(t *testing.T) {
	r := lost(t, found)
	page := pageOf(t, r)
	for _, m := range regexp.MustCompile(`(?:src|href)="([^"]*)"`).FindAllStringSubmatch(page, -1) {
		_, err := os.Stat(filepath.Join(r.Dir, m[1]))
		assert.NoError(t, err)
	}
	for _, outside := range []string{"http://", "https://", "<script", "<link", "@import"} {
		lacks(t, page, outside)
	}
}

func TestPageHasTheDetailsThatTheTerminalOmits(t *testing.T) {
	files := map[string]string{}
	for name, text := range found {
		files[name] = text
	}
	files[triage.LogFile] = strings.Repeat("earlier\n", 300) + "ERROR <b>not markup</b>\n"
	r := lost(t, files)
	r.Admissions = []serverlog.Admission{{Line: "ERROR trim gap", Class: "data loss", Life: 2}}
	page := pageOf(t, r)

	contains(t, page, `<rect class="up" x="118" y="22" width="248.4" height="26"><title>answered for 30 ms, from 0 ms on</title></rect>`)
	contains(t, page, `<rect class="down" x="366.4" y="22" width="331.2" height="26"><title>no answer for 40 ms, from 30 ms on</title></rect>`)
	contains(t, page, "When the server answered: 60 % of the time known, in 100 ms")
	contains(t, page, `<path class="glyph kill" transform="translate(366.4 13)" d="`+glyphOf("kill")+`"><title>kill at 30 ms</title></path>`)
	contains(t, page, "calls go through after 30 ms")
	contains(t, page, "<title>health says 200, calls fail until 30 ms</title>")
	contains(t, page, "ERROR &lt;b&gt;not markup&lt;/b&gt;")
	contains(t, page, "The last 120 of 301 lines")
	contains(t, page, `<a href="picture.html">picture.html</a>`)
	lacks(t, page, "<iframe")
	contains(t, page, "lazy-suspend-always")
	contains(t, page, "trim gap")
}

// A run that was kept and has less to show.
func TestPageOmitsSectionsWithoutData(t *testing.T) {
	r := harness.Run{Number: 12, Verdict: harness.Harness, Sentence: "the port is taken", Dir: t.TempDir()}
	page := pageOf(t, r)
	assert.Contains(t, page, "the port is taken")
	for _, absent := range []string{"picture.html", `id="availability"`, `id="recovery"`, `id="log"`} {
		lacks(t, page, absent)
	}
	assert.NoError(t, WritePage(harness.Run{Verdict: harness.Harness}, plainProcess), "what was not kept has no page")
}
