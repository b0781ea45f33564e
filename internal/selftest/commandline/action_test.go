package commandline_test

import (
	"encoding/xml"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/internal/selftest/suite"
)

// step is what the script of the GitHub action left, and how it ended.
type step struct {
	code             int
	text, summary    string
	outputs          map[string]string
	workspace, junit string
}

// runAction runs deploy/action.sh as GitHub does: in a workspace, with the inputs in the
// environment and files for what it says.
func runAction(t *testing.T, inputs ...string) (s step) {
	t.Helper()
	s.workspace = t.TempDir()
	github := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(s.workspace, "exclude.yaml"), []byte("version: 1\nfaults:\n  - {name: pause, reason: no freezer}\n"), 0o600))
	env := append([]string{
		"GITHUB_WORKSPACE=" + s.workspace, "GITHUB_OUTPUT=" + filepath.Join(github, "output"), "GITHUB_STEP_SUMMARY=" + filepath.Join(github, "summary"),
		"RETAIN_BINARY=" + suite.Binary(t), "INPUT_RUNTIME=simulated", "INPUT_DURATION=", "INPUT_FLAGS=",
	}, inputs...)
	c := suite.Command(t, s.workspace, env, filepath.Join(suite.Root(), "deploy", "action.sh"))
	err := c.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		s.code = exit.ExitCode()
	} else {
		require.NoError(t, err, c.Text())
	}
	read := func(path string) string {
		text, _ := os.ReadFile(path) // absent where nothing was said
		return string(text)
	}
	s.text, s.summary, s.outputs = c.Text(), read(filepath.Join(github, "summary")), map[string]string{}
	for line := range strings.Lines(read(filepath.Join(github, "output"))) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		s.outputs[name] = value
	}
	s.junit = read(s.outputs["junit"])
	return s
}

func TestActionOfAPassLeavesItsFiles(t *testing.T) {
	s := runAction(t, "INPUT_DURATION=2s", "INPUT_EXCLUDE=exclude.yaml", `INPUT_FLAGS=-rapid.seed 5 -load "0"`, "INPUT_DIRECTORY=out")
	require.Equal(t, 0, s.code, s.text)
	assert.Equal(t, "pass", s.outputs["verdict"])
	assert.Equal(t, filepath.Join(s.workspace, "out", "junit.xml"), s.outputs["junit"])
	assert.NoError(t, xml.Unmarshal([]byte(s.junit), new(struct{})))
	assert.FileExists(t, s.outputs["summary"])
	assert.NoDirExists(t, s.outputs["findings"])
	assert.True(t, strings.HasPrefix(s.summary, "### retain: pass · "), s.summary)
	assert.Contains(t, s.summary, "without fault pause: no freezer")
	assert.Contains(t, s.summary, "seed 5")
}

func TestActionOfAViolationKeepsItsFindings(t *testing.T) {
	s := runAction(t, "INPUT_FLAGS=-bugs lost-write -bugs.rate 1\n-shrink.budget 0")
	assert.Equal(t, 1, s.code, s.text)
	assert.Equal(t, "violation", s.outputs["verdict"])
	assert.Contains(t, s.junit, `type="violation"`)
	plans, err := filepath.Glob(filepath.Join(s.outputs["findings"], "*", "plan.json"))
	require.NoError(t, err)
	assert.NotEmpty(t, plans)
	assert.True(t, strings.HasPrefix(s.outputs["findings"], filepath.Join(s.workspace, "retain-results")), "what is uploaded has them")
	assert.True(t, strings.HasPrefix(s.summary, "### retain: violation · "), s.summary)
}

func TestActionOfAHarnessErrorSaysSo(t *testing.T) {
	s := runAction(t, "INPUT_RUNTIME=process", "INPUT_FLAGS=-restate.binary /bin/false")
	assert.Contains(t, []int{1, 3}, s.code, s.text)
	assert.Equal(t, "harness", s.outputs["verdict"], s.text)
	assert.Contains(t, s.junit, "<error")
}

func TestActionThatCanNotBuildHasAVerdict(t *testing.T) {
	bin := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(bin, "go"), []byte("#!/bin/sh\necho no compiler >&2; exit 1\n"), 0o700))
	s := runAction(t, "RETAIN_BINARY=", "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"))
	assert.Equal(t, 1, s.code, s.text)
	assert.Equal(t, "harness", s.outputs["verdict"])
	assert.Contains(t, s.summary, "### retain: harness")
	assert.Contains(t, s.text, "no compiler")
	assert.Contains(t, s.text, "::error title=retain::retain does not build")
}

func TestActionRefusesBadInputInOneLine(t *testing.T) {
	for input, says := range map[string]string{
		"INPUT_DURATION=soon":        "soon",
		"INPUT_EXCLUDE=none.yaml":    "-exclude: ",
		"INPUT_RUNTIME=cloud":        "want auto, container, process or simulated",
		"INPUT_FLAGS=-no.such 1":     "-no.such",
		`INPUT_FLAGS=-rapid.seed "5`: "flags: ",
	} {
		s := runAction(t, input)
		assert.Equal(t, 2, s.code, s.text)
		assert.Equal(t, "bad-input", s.outputs["verdict"], input)
		assert.Contains(t, s.summary, "### retain: bad input", input)
		assert.Contains(t, s.summary, says, input)
		assert.Contains(t, s.text, "::error title=retain::", input)
	}
}
