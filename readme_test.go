package retain_test

import (
	"flag"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/generators"
)

func TestTheReadmeNamesEveryFlagAndConfiguration(t *testing.T) {
	text, err := os.ReadFile("README.md")
	require.NoError(t, err)
	readme := string(text)
	flag.VisitAll(func(f *flag.Flag) {
		if !strings.HasPrefix(f.Name, "test.") && !strings.HasPrefix(f.Name, "rapid.") {
			assert.True(t, strings.Contains(readme, "`-"+f.Name), "the README says nothing of -%s", f.Name)
		}
	})
	for _, s := range generators.Servers() {
		assert.True(t, strings.Contains(readme, "`"+s.Name+"`"), "the README says nothing of %s", s.Name)
	}
}

// TestEachCommandOfTheReadmeRunsOneTest: -run WORD selects the test of that name and
// no other whose name has the word in it too, which would take its time with every
// replay and make it red.
func TestEachCommandOfTheReadmeRunsOneTest(t *testing.T) {
	text, err := os.ReadFile("README.md")
	require.NoError(t, err)
	words := map[string]bool{}
	for _, m := range regexp.MustCompile(`-run\s+([A-Z]\w+)`).FindAllStringSubmatch(string(text), -1) {
		words[m[1]] = true
	}
	require.Subset(t, words, map[string]bool{"Properties": true, "Replay": true, "Recheck": true, "Regressions": true, "Campaign": true, "Report": true, "Redraw": true})
	for word := range words {
		list := newChild(t, nil, "-test.list", word)
		require.NoError(t, list.Run(), list.text())
		assert.Equal(t, "Test"+word+"\n", list.text())
	}
}
