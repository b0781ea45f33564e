package deploy

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rhysd/actionlint"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var workflow = filepath.Join("..", ".github", "workflows", "nightly.yml")

// complaints are what actionlint has to say of a workflow.
func complaints(t *testing.T, text []byte) (out []string) {
	t.Helper()
	l, err := actionlint.NewLinter(io.Discard, &actionlint.LinterOptions{})
	require.NoError(t, err)
	project, err := actionlint.NewProject("..") // it has the action
	require.NoError(t, err)
	found, err := l.Lint(workflow, text, project)
	require.NoError(t, err)
	for _, e := range found {
		out = append(out, e.Error())
	}
	return out
}

func TestNightlyWorkflowHasNoErrors(t *testing.T) {
	text, err := os.ReadFile(workflow)
	require.NoError(t, err)
	assert.Empty(t, complaints(t, text))
	for right, wrong := range map[string]string{
		"matrix.shard }}": "matrix.shards }}", "needs: campaign": "needs: campaigns", "retention-days:": "retention-day:", "runs-on: ubuntu-latest": "run-on: ubuntu-latest",
		"17 1 * * *": "77 1 * * *",
	} {
		require.Contains(t, string(text), right)
		assert.NotEmpty(t, complaints(t, []byte(strings.Replace(string(text), right, wrong, 1))), wrong)
	}
}

// TestCIWorkflowHasNoErrors also shows that each mistake in it is found.
func TestCIWorkflowHasNoErrors(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(filepath.Dir(workflow), "ci.yml"))
	require.NoError(t, err)
	assert.Empty(t, complaints(t, text))
	for right, wrong := range map[string]string{"github.event_name": "github.event_nam", "timeout-minutes:": "timeout-minute:", "branches: [main]": "branchs: [main]"} {
		require.Contains(t, string(text), right)
		assert.NotEmpty(t, complaints(t, []byte(strings.Replace(string(text), right, wrong, 1))), wrong)
	}
}
