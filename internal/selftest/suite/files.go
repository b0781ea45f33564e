package suite

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"retain/internal/cli"
)

// CopyRegressions copies the project's stored cases to a child's directory.
func CopyRegressions(t *testing.T, dir string) {
	require.NoError(t, os.CopyFS(filepath.Join(dir, cli.Regressions), os.DirFS(filepath.Join(Root(), cli.Regressions))))
}

// StoredCase is the path of one of the project's stored cases.
func StoredCase(name string) string { return filepath.Join(Root(), cli.Regressions, name) }

// StoredHistory is the path of a history that another program recorded.
func StoredHistory(name string) string {
	return filepath.Join(Root(), "model", "testdata", "histories", name+".jsonl")
}
