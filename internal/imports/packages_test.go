package main

import (
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestEveryPackageHasOneComment reads tests too: packages of tests alone have theirs
// there. Two comments in one block count as two.
func TestEveryPackageHasOneComment(t *testing.T) {
	root, _, err := load()
	require.NoError(t, err)
	dirs, err := goCommand(root, "list", "-f", "{{.Dir}}", "./...")
	require.NoError(t, err)
	for dir := range strings.Lines(dirs) {
		dir = strings.TrimSpace(dir)
		assert.Len(t, comments(t, dir), 1, "package comments in %s", dir)
	}
}

// comments returns the first lines of the package comments of a directory.
func comments(t *testing.T, dir string) (found []string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	require.NoError(t, err)
	for _, path := range files {
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.PackageClauseOnly|parser.ParseComments)
		require.NoError(t, err)
		for line := range strings.Lines(file.Doc.Text()) {
			if strings.HasPrefix(line, "Package "+file.Name.Name+" ") || strings.HasPrefix(line, "Command ") {
				found = append(found, line)
			}
		}
	}
	return found
}
