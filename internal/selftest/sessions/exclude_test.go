package sessions_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/harness"
	"retain/internal/selftest"
	"retain/internal/selftest/suite"
)

// A session without kills, lists and lazy state passes and lacks nothing; its ledger stops the
// server. Each reason stands in every form.
func TestExclusionsAreDrawnAroundAndPrintedInEveryForm(t *testing.T) {
	selftest.Long(t, "15 s")
	file := filepath.Join(t.TempDir(), "exclude.yaml")
	require.NoError(t, os.WriteFile(file, []byte(`version: 1
objects:
  - {name: list, reason: our handlers have none}
faults:
  - {name: kill, reason: the machine keeps its processes}
configurations:
  - {name: lazy, reason: it is slow here}
`), 0o600))
	got := runSession(t, harness.Pass, suite.Properties("-runtime", "simulated", "-rapid.checks", "30", "-rapid.seed", "5", "-exclude", file)...)
	for _, reason := range []string{"object list: our handlers have none", "fault kill: the machine keeps its processes", "configuration lazy: it is slow here"} {
		assert.Contains(t, got.text, "without "+reason)
		assert.Contains(t, got.junit, `name="excluded" value="`+reason+`"`)
		assert.Contains(t, got.markdown, "without "+reason)
		assert.Contains(t, fmt.Sprint(got.summary["settings"]), reason)
	}
	assert.NotContains(t, fmt.Sprint(got.summary["faults"]), "kill", "neither plans nor the ledger kill")
	assert.Contains(t, fmt.Sprint(got.summary["faults"]), "stop")
	coverage := got.summary["coverage"].(map[string]any)
	assert.EqualValues(t, 2*(15*3+2+1+1), coverage["changes_of"], "2 classes, one fault: 15 operations at 3 moments, await at 2, resolve and reject, which have no handler, at 1")
	assert.NotContains(t, fmt.Sprint(coverage["classes"]), "lazy")
	assert.Contains(t, got.text, "2 of 2 classes")
}
