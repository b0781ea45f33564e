package cli

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"retain/generators"
)

// excluding gives -exclude a file for a test.
func excluding(t *testing.T, text string) string {
	path := filepath.Join(t.TempDir(), "exclude.yaml")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	with(t, excludeFlag, path)
	t.Cleanup(func() { exclusions = nil })
	return path
}

// The file on the flags page is read, fits the schema, and its reasons stand in the settings.
func TestExclusionsOfTheFlagsPageAreRead(t *testing.T) {
	_, text, found := strings.Cut(document(t, "docs/flags.md"), "```yaml\n")
	require.True(t, found)
	text, _, _ = strings.Cut(text, "```")
	excluding(t, text)
	require.NoError(t, checkExclude())
	require.Len(t, exclusions, 4)
	assert.Equal(t, generators.Exclusion{What: generators.ExcludedOperation, Name: "map clearAll", Reason: "fails under lazy state, our issue 17"}, exclusions[1])
	assert.Equal(t, exclusions, DrawOptions().Exclude)
	assert.Equal(t, exclusions, Options().Exclude)
	settings := alteredSettings("process")
	require.Len(t, settings, 4)
	assert.Equal(t, "fault pause: the machine can't freeze processes", settings[3].Value)
	assert.True(t, fitsExcludeSchema(t, text))
}

func fitsExcludeSchema(t *testing.T, text string) bool {
	s, err := jsonschema.NewCompiler().Compile(filepath.Join("..", "..", "docs", "exclude.schema.json"))
	require.NoError(t, err)
	var value any
	if yaml.Unmarshal([]byte(text), &value) != nil {
		return false
	}
	body, err := json.Marshal(value)
	require.NoError(t, err)
	read, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	require.NoError(t, err)
	return s.Validate(read) == nil
}

func TestBadExclusionsAreOneLineWithFileAndLine(t *testing.T) {
	list := "version: 1\nfaults:\n"
	for text, want := range map[string]string{
		"":                         "exclude.yaml: the file is empty",
		"# nothing\n":              "exclude.yaml: the file is empty",
		"version: 2\nfaults: []\n": `:1: want version: 1`,
		"faults:\n  - name: pause\n    reason: x\n": `:1: want version: 1`,
		"version: 1\n":                                                        `:1: it leaves nothing out`,
		list + "  - name: pause\n":                                            `:3: fault pause has no reason`,
		list + "  - name: pause\n    reason: \"  \"\n":                        `:3: fault pause has no reason`,
		list + "  - name: pause\n    reason: ~\n":                             `:4: reason: want text`,
		list + "  - reason: x\n":                                              `:3: want a name`,
		list + "  - name: pause\n    reason: x\n    until: y\n":               `:5: unknown field "until"`,
		list + "  - name: meteor\n    reason: x\n":                            `:3: no fault is called "meteor": want one of stop`,
		list + "  - name: start\n    reason: x\n":                             `:3: fault start: it undoes another one`,
		list + "  - pause\n":                                                  `:3: want fields: name, reason`,
		list + "  pause: x\n":                                                 `:3: faults: want a list`,
		list + "  - {name: pause, reason: x}\n  - {name: pause, reason: y}\n": `:4: fault pause is excluded twice`,
		"version: 1\nfault:\n  - name: pause\n":                               `:2: unknown field "fault"`,
		"version: 1\nfaults: []\nfaults: []\n":                                `:3: `,
		"version: 1\nfaults:\n\t- name: pause\n":                              `:3: `,
		list + "  - {name: stop, reason: x}\n  - {name: kill, reason: x}\n":   `nothing is left to draw: every fault that ends the server`,
		"version: 1\nobjects:\n  - {name: table, reason: x}\n":                `:3: no object is called "table": want one of counter; register; list; map`,
		"version: 1\nconfigurations:\n  - {name: wet, reason: x}\n":           `:3: no configuration is called "wet"`,
		"version: 1\noperations:\n  - {name: map put, reason: x}\n":           `:3: no operation is called "map put"`,
		list + "  - {name: pause, reason: x}\n---\nversion: 1\n":              `a second document`,
		"- 1\n": `:1: want fields: version, objects`,
		"\x00":  `exclude.yaml`,
	} {
		path := excluding(t, text)
		err := checkExclude()
		if !assert.Error(t, err, text) {
			continue
		}
		assert.True(t, strings.HasPrefix(err.Error(), "-exclude "+path), "%s", err)
		assert.Contains(t, err.Error(), want, text)
		assert.NotContains(t, err.Error(), "\n", text)
		assert.Nil(t, exclusions)
	}
}

func TestWhatIsExcludedCantBePinned(t *testing.T) {
	excluding(t, "version: 1\nconfigurations:\n  - {name: lazy, reason: slow}\n")
	with(t, serverFlag, "lazy-state")
	assert.EqualError(t, checkExclude(), "-config lazy-state is excluded (configuration lazy: slow): leave one of them out")
	with(t, serverFlag, "plain-4")
	assert.NoError(t, checkExclude())
}

// A campaign that goes on has its recorded exclusions; another file is refused.
func TestACampaignKeepsItsExclusions(t *testing.T) {
	excluding(t, "version: 1\nfaults:\n  - {name: pause, reason: x}\n")
	exclusions = generators.Exclusions{{What: generators.ExcludedFault, Name: "pause", Reason: "x"}}
	assert.NoError(t, checkExclude())
	exclusions = generators.Exclusions{}
	assert.ErrorContains(t, checkExclude(), "leaves out something else")
}
