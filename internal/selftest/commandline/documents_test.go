package commandline_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"retain/internal/selftest/suite"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// maxReadmeWords is how long the README may be: all else is a page in docs.
const maxReadmeWords = 900

func TestReadmeHasAtMost900Words(t *testing.T) {
	t.Chdir(suite.Root())
	words := len(strings.Fields(readPage(t, "README.md")))
	assert.LessOrEqual(t, words, maxReadmeWords, "move what is not for a first reader to docs/")
}

// readPage returns a page of the documentation.
func readPage(t *testing.T, path ...string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(path...))
	require.NoError(t, err)
	return string(text)
}

// TestEachDocumentedCommandRunsOneTest: -run WORD selects the test of that name, and no
// other test that has the word in its name. A second one would slow each replay and
// could make it red.
func TestEachDocumentedCommandRunsOneTest(t *testing.T) {
	t.Chdir(suite.Root())
	words := map[string]bool{}
	for _, page := range []string{"README.md", "docs/campaign.md", "docs/flags.md", "docs/history.md", "docs/output.md"} {
		for _, m := range regexp.MustCompile(`-run\s+([A-Z]\w+)`).FindAllStringSubmatch(readPage(t, filepath.FromSlash(page)), -1) {
			words[m[1]] = true
		}
	}
	require.Subset(t, words, map[string]bool{"Properties": true, "Replay": true, "Recheck": true, "Regressions": true, "Campaign": true, "Report": true, "Redraw": true})
	for word := range words {
		list := suite.New(t, nil, "-test.list", word)
		require.NoError(t, list.Run(), list.Text())
		assert.Equal(t, "Test"+strings.TrimPrefix(word, "Test")+"\n", list.Text())
	}
}

// TestLinksOfTheDocumentationResolve follows each link to a file of the repository and
// to a heading in it.
func TestLinksOfTheDocumentationResolve(t *testing.T) {
	t.Chdir(suite.Root())
	for _, page := range pages(t) {
		for _, m := range regexp.MustCompile(`\]\(([^)#\s]*)#?([^)\s]*)\)`).FindAllStringSubmatch(readPage(t, page), -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			target := page
			if m[1] != "" {
				target = filepath.Join(filepath.Dir(page), filepath.FromSlash(m[1]))
			}
			if assert.FileExists(t, target, "%s: %s", page, m[0]) && m[2] != "" {
				assert.Contains(t, anchors(readPage(t, target)), m[2], "%s: %s", page, m[0])
			}
		}
	}
}

// anchors are the names of a page's headings, as GitHub makes them.
func anchors(page string) (names []string) {
	for _, m := range regexp.MustCompile(`(?m)^#+ (.*)$`).FindAllStringSubmatch(page, -1) {
		name := regexp.MustCompile(`[^a-z0-9 _-]`).ReplaceAllString(strings.ToLower(m[1]), "")
		names = append(names, strings.ReplaceAll(name, " ", "-"))
	}
	return names
}

// TestDocumentedTestsExist: a test that was renamed is renamed in the pages too.
func TestDocumentedTestsExist(t *testing.T) {
	t.Chdir(suite.Root())
	declared := map[string]bool{}
	err := filepath.WalkDir(".", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		for _, m := range regexp.MustCompile(`(?m)^func ((?:Test|Fuzz|Benchmark)\w+)\(`).FindAllStringSubmatch(readPage(t, path), -1) {
			declared[m[1]] = true
		}
		return nil
	})
	require.NoError(t, err)
	require.True(t, declared["TestDocumentedTestsExist"], "the tests were not found")
	for _, page := range pages(t) {
		for _, name := range regexp.MustCompile(`\b(?:Test|Fuzz|Benchmark)[A-Z]\w+`).FindAllString(readPage(t, page), -1) {
			assert.True(t, declared[name], "%s: there is no %s", page, name)
		}
	}
}

// pages are the paths of the documentation.
func pages(t *testing.T) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join("docs", "*.md"))
	require.NoError(t, err)
	return append(found, "README.md", "CONTRIBUTING.md", "CHANGELOG.md")
}
