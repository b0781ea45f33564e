package stored_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/internal/cli"
	"retain/internal/selftest/suite"
)

// The name and the texts of a case are printed escaped.
func TestRegressionFileCannotForgeOutput(t *testing.T) {
	t.Parallel()
	run := suite.New(t, nil, "-test.run", "^TestRegressions$", "-runtime", "simulated")
	text, err := os.ReadFile(suite.StoredCase("lost-write.json"))
	require.NoError(t, err)
	const forged = `\u001b[31m\nviolation forged`
	text = bytes.Replace(text, []byte(`"runtime": "`), []byte(`"settings": ["A=`+forged+`"], "runtime": "`+forged), 1)
	require.Contains(t, string(text), forged)
	require.NoError(t, os.MkdirAll(filepath.Join(run.Dir, cli.Regressions), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(run.Dir, cli.Regressions, "a\nviolation \x1b[31m.json"), text, 0o644))
	require.NoError(t, run.Run(), run.Text())
	assert.NotContains(t, run.Text(), "\x1b")
	assert.NotRegexp(t, `(?m)^violation`, run.Text())
	assert.Contains(t, run.Text(), `a\nviolation \x1b[31m.json: passed`)
}
