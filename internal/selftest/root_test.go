package selftest

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The root is a table of contents: entry points, and nothing else.
func TestRootHasFiveShortGoFiles(t *testing.T) {
	const mostLines = 79
	files, err := filepath.Glob(filepath.Join("..", "..", "*.go"))
	require.NoError(t, err)
	var names []string
	for _, file := range files {
		names = append(names, filepath.Base(file))
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		assert.LessOrEqual(t, bytes.Count(text, []byte("\n")), mostLines, "lines of %s: move what it does to internal/cli", filepath.Base(file))
	}
	assert.Equal(t, []string{"campaign_test.go", "fuzz_test.go", "main_test.go", "properties_test.go", "regressions_test.go"}, names,
		"the tests of the suite itself are in internal/selftest, benchmarks in internal/bench")
}
