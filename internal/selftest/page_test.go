package selftest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestPageNamesEveryGatedTest: docs/testing.md lists each test that calls Long,
// Nightly or Seeds, as .ci/run finds them.
func TestPageNamesEveryGatedTest(t *testing.T) {
	root := filepath.Join("..", "..")
	page, err := os.ReadFile(filepath.Join(root, "docs", "testing.md"))
	require.NoError(t, err)
	gated := 0
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		for _, name := range gatedTests(t, path) {
			gated++
			assert.True(t, strings.Contains(string(page), "`"+name+"`"), "docs/testing.md does not name %s of %s", name, path)
			assert.NotEqual(t, root, filepath.Dir(path), "%s: .ci/run does not run gated tests of the root", name)
		}
		return nil
	})
	require.NoError(t, err)
	assert.Greater(t, gated, 10, "the calls were not found")
}

// gatedTests are the tests of a file that call Long, Nightly or Seeds themselves.
func gatedTests(t *testing.T, path string) (names []string) {
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
	require.NoError(t, err)
	for _, d := range file.Decls {
		f, ok := d.(*ast.FuncDecl)
		if !ok || !strings.HasPrefix(f.Name.Name, "Test") {
			continue
		}
		calls := false
		ast.Inspect(f, func(n ast.Node) bool {
			if s, ok := n.(*ast.SelectorExpr); ok {
				x, named := s.X.(*ast.Ident)
				calls = calls || named && x.Name == "selftest" && slices.Contains([]string{"Long", "Nightly", "Seeds"}, s.Sel.Name)
			}
			return true
		})
		if calls {
			names = append(names, f.Name.Name)
		}
	}
	return names
}
