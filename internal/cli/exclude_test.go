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
	"retain/harness"
	"retain/model"
)

// excluding gives -exclude a file for a test.
func excluding(t *testing.T, text string) string {
	path := filepath.Join(t.TempDir(), "exclude.yaml")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	with(t, excludeFlag, path)
	t.Cleanup(func() { keepExclusions("", nil, nil) })
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
		"- 1\n":                   `:1: want fields: version, objects`,
		"\x00":                    `exclude.yaml`,
		"\xff\xfev\x00e\x00r\x00": `exclude.yaml: it is not UTF-8 text: save it as UTF-8`,
		list + "  - {name: pause, reason: caf\xe9}\n": `exclude.yaml: it is not UTF-8 text`,
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
	keepExclusions("camp", generators.Exclusions{pauseExcluded}, nil)
	assert.NoError(t, checkExclude())
	keepExclusions("camp", nil, nil)
	assert.ErrorContains(t, checkExclude(), "the campaign in camp leaves out something else")
}

var (
	pauseExcluded = generators.Exclusion{What: generators.ExcludedFault, Name: "pause", Reason: "x"}
	unserved      = generators.Exclusions{
		{What: generators.ExcludedObject, Name: "list", Reason: "the deployment does not serve ListObject"},
		{What: generators.ExcludedFault, Name: "crash", Reason: "not our process"},
	}
)

// Two command lines with the same file and the same deployment: the second goes on with what
// the first one recorded.
func TestACampaignWithAFileGoesOnWithWhatDiscoveryAdded(t *testing.T) {
	excluding(t, "version: 1\nfaults:\n  - {name: pause, reason: x}\n")
	with(t, deploymentFlag, "http://127.0.0.1:9080")
	require.NoError(t, checkExclude())
	require.NoError(t, excludeDiscovered("the deployment", unserved))
	all, found := exclusions, discovered.exclusions
	require.Equal(t, append(generators.Exclusions{pauseExcluded}, unserved...), all)
	require.Equal(t, unserved, found)
	for name, recorded := range map[string]generators.Exclusions{"recorded apart": found, "an old record": nil} {
		t.Run(name, func(t *testing.T) {
			keepExclusions("camp", all, recorded)
			require.NoError(t, checkExclude())
			require.NoError(t, excludeDiscovered("the deployment", unserved))
			assert.Equal(t, all, exclusions)
			assert.Equal(t, recorded, discovered.exclusions)
		})
	}
	for name, text := range map[string]string{
		"more":          "version: 1\nfaults:\n  - {name: pause, reason: x}\n  - {name: stop, reason: x}\n",
		"another":       "version: 1\nfaults:\n  - {name: stop, reason: x}\n",
		"the found one": "version: 1\nfaults:\n  - {name: pause, reason: x}\n  - {name: crash, reason: not our process}\n",
	} {
		t.Run(name, func(t *testing.T) {
			excluding(t, text)
			keepExclusions("camp", all, found)
			assert.ErrorContains(t, checkExclude(), "leaves out something else")
		})
	}
}

// What is served beside what a campaign began with is not drawn; what is missing is named.
func TestACampaignThatGoesOnRefusesHandlersThatServeLess(t *testing.T) {
	t.Cleanup(func() { keepExclusions("", nil, nil) })
	keepExclusions("camp", unserved, unserved)
	require.NoError(t, excludeDiscovered("the deployment", nil), "it serves more")
	require.NoError(t, excludeDiscovered("the deployment", generators.Exclusions{{What: generators.ExcludedOperation, Name: "list clear", Reason: "not served"}}), "lists are not drawn")
	assert.Equal(t, unserved, exclusions)
	less := generators.Exclusions{{What: generators.ExcludedOperation, Name: "map clearAll", Reason: "not served"}}
	assert.EqualError(t, excludeDiscovered("the deployment", less),
		"the plans of the campaign in camp have what the deployment lacks now (operation map clearAll: not served): bring back the handlers that it began with, or begin another campaign")
	assert.Equal(t, unserved, exclusions)
	keepExclusions("camp", nil, nil) // as it was recorded before faults of a process were left out
	assert.EqualError(t, excludeDiscovered("the deployment", append(less, harness.WithoutProcess()[:1]...)),
		"the campaign in camp was begun by an earlier retain: it draws faults that can't be done to the deployment (fault crash: retain did not start the handlers' process): begin another campaign")
	assert.Empty(t, exclusions)
}

func TestKindsLeaveTheOthersOut(t *testing.T) {
	t.Cleanup(func() { keepExclusions("", nil, nil) })
	with(t, kindsFlag, "list,counter")
	require.NoError(t, checkExclude())
	assert.Equal(t, []model.Kind{model.Counter, model.List}, exclusions.Kinds())
	assert.Equal(t, "-kinds list,counter", exclusions[0].Reason)
	for kinds, says := range map[string]string{
		"list,lists": "-kinds list,lists: no kind of objects is called \"lists\": want some of", "list,list": "list stands twice", ",": "no kind of objects is called \"\"",
	} {
		with(t, kindsFlag, kinds)
		err := checkExclude()
		require.Error(t, err, kinds)
		assert.Contains(t, err.Error(), says)
		assert.NotContains(t, err.Error(), "\n")
	}
}

// A file and -kinds together leave out what either does; nothing that is left is one line.
func TestKindsAndAFileAreBothLeftOut(t *testing.T) {
	excluding(t, "version: 1\nobjects:\n  - name: list\n    reason: none\n")
	with(t, kindsFlag, "list,counter")
	require.NoError(t, checkExclude())
	assert.Equal(t, []model.Kind{model.Counter}, exclusions.Kinds())
	with(t, kindsFlag, "list")
	assert.ErrorContains(t, checkExclude(), "nothing is left to draw")
}
