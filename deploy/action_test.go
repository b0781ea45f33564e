package deploy

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

var action = filepath.Join("..", "action.yml")

// actionFile is the part of an action's file that a workflow has too.
type actionFile struct {
	Inputs map[string]struct {
		Default string `yaml:"default"`
	} `yaml:"inputs"`
	Outputs map[string]struct {
		Value string `yaml:"value"`
	} `yaml:"outputs"`
	Runs struct {
		Using string           `yaml:"using"`
		Steps []map[string]any `yaml:"steps"`
	} `yaml:"runs"`
}

// asWorkflow is a workflow with the steps of an action: actionlint reads the expressions and
// the inputs of those, and of an action's file only the heads.
func asWorkflow(t *testing.T, text []byte) []byte {
	t.Helper()
	var a actionFile
	require.NoError(t, yaml.Unmarshal(text, &a))
	require.Equal(t, "composite", a.Runs.Using)
	inputs, outputs := map[string]any{}, map[string]string{}
	for name, of := range a.Inputs {
		inputs[name] = map[string]any{"type": "string", "default": of.Default}
	}
	for name, of := range a.Outputs {
		outputs[name] = of.Value
	}
	out, err := yaml.Marshal(map[string]any{
		"on":   map[string]any{"workflow_call": map[string]any{"inputs": inputs}},
		"jobs": map[string]any{"action": map[string]any{"runs-on": "ubuntu-latest", "outputs": outputs, "steps": a.Runs.Steps}},
	})
	require.NoError(t, err)
	return out
}

// TestActionHasNoErrors also shows that mistakes in it are found.
func TestActionHasNoErrors(t *testing.T) {
	text, err := os.ReadFile(action)
	require.NoError(t, err)
	assert.Empty(t, complaints(t, asWorkflow(t, text)))
	for right, wrong := range map[string]string{
		"inputs.sdk == 'java'": "inputs.sdks == 'java'", "go-version-file:": "go-versions-file:", "shell: bash": "shell: basch", "if: always()": "if: allways()",
		"github.action_path": "github.action_paths", "if-no-files-found:": "if-no-file-found:",
	} {
		require.Contains(t, string(text), right)
		assert.NotEmpty(t, complaints(t, asWorkflow(t, []byte(strings.Replace(string(text), right, wrong, 1)))), wrong)
	}
}

// A workflow that uses the action is checked against its inputs and its head.
func TestWorkflowsOfTheGuideHaveNoErrors(t *testing.T) {
	guide, err := os.ReadFile(filepath.Join("..", "docs", "test-your-sdk.md"))
	require.NoError(t, err)
	blocks := regexp.MustCompile("(?s)```yaml\n(on:.*?)```").FindAllSubmatch(guide, -1)
	require.NotEmpty(t, blocks)
	for _, block := range blocks {
		local := regexp.MustCompile(`uses: \S*/retain@\S+`).ReplaceAll(block[1], []byte("uses: ./"))
		assert.Empty(t, complaints(t, local))
		assert.NotEmpty(t, complaints(t, []byte(strings.Replace(string(local), "duration:", "durations:", 1))))
	}
}

// Each input reaches the script, and each output comes from it.
func TestActionHandsOverEachInput(t *testing.T) {
	text, err := os.ReadFile(action)
	require.NoError(t, err)
	script, err := os.ReadFile("action.sh")
	require.NoError(t, err)
	var a actionFile
	require.NoError(t, yaml.Unmarshal(text, &a))
	for name := range a.Inputs {
		if name == "artifact" { // of the upload alone
			continue
		}
		variable := "INPUT_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
		assert.Contains(t, string(text), variable+": ${{ inputs."+name+" }}")
		assert.Contains(t, string(script), variable)
	}
	for name, of := range a.Outputs {
		assert.Equal(t, "${{ steps.retain.outputs."+name+" }}", of.Value)
		assert.Contains(t, string(script), "output "+name+" ")
	}
}
