package main

import (
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/internal/generated"
)

func TestImportsRunOneWay(t *testing.T) {
	_, g, err := load()
	require.NoError(t, err)
	assert.NoError(t, g.check())
	assert.Greater(t, len(g), 20, "packages of the module")
}

func TestDesignPageHasTheImportGraph(t *testing.T) {
	root, g, err := load()
	require.NoError(t, err)
	page, err := os.ReadFile(pageIn(root))
	require.NoError(t, err)
	want, err := generated.Replace(string(page), part, fenced(g.text()))
	require.NoError(t, err)
	assert.True(t, want == string(page), "docs/design.md is behind the import graph: go run ./internal/imports -w")
}

func TestCheckRefusesWrongImports(t *testing.T) {
	for _, c := range []struct {
		name, list, says string
	}{
		{"the model imports the checker", "retain/model retain/checker\nretain/checker", "model imports checker: model stand below pure"},
		{"pure packages import each other", "retain/checker retain/generators\nretain/generators", "checker and generators stand beside each other"},
		{"the runtime imports the generators", "retain/runtime/process retain/generators\nretain/generators", "runtime and generators stand beside each other"},
		{"execution imports one of its sub-packages", "retain/harness retain/harness/session\nretain/harness/session", "harness imports harness/session"},
		{"a helper imports the command line", "retain/internal/printable retain/internal/cli\nretain/internal/cli", "helpers stand below command line"},
		{"a package imports the tests", "retain/campaign retain/internal/selftest/child\nretain/internal/selftest/child", "campaigns stand below tests and tools"},
		{"a pure package opens files", "retain/checker os", "checker imports os: a pure package has no input and output"},
		{"diagnosis runs sessions", "retain/harness/triage retain/harness/session\nretain/harness/session", "diagnosis, known findings, origin of the server stand below sessions"},
		{"two sub-packages import each other", "retain/harness/a retain/harness/b\nretain/harness/b retain/harness/a", "an import cycle: harness/a -> harness/b -> harness/a"},
		{"a package that no layer has", "retain/elsewhere", "no layer has the package elsewhere"},
	} {
		t.Run(c.name, func(t *testing.T) {
			assert.ErrorContains(t, parse(c.list).check(), c.says)
		})
	}
}

func TestCheckAcceptsImportsOfEarlierLayers(t *testing.T) {
	assert.NoError(t, parse(`
		retain/internal/printable fmt os
		retain/model retain/internal/printable
		retain/service retain/model net/http
		retain/runtime/ingress retain/service retain/runtime
		retain/runtime retain/model
		retain/harness retain/runtime retain/runtime/ingress
		retain/harness/triage retain/harness
		retain/harness/session retain/harness/triage
		retain/report retain/harness/session
		retain/internal/cli retain/report
		retain retain/internal/cli
	`).check())
}

func TestTextGroupsPackagesByLayer(t *testing.T) {
	assert.Equal(t, "model\n  model\npure\n  checker  model\n", parse("retain/checker fmt retain/model\nretain/model").text())
}
