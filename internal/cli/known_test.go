package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A line for each bad entry, and nothing of the list is used.
func TestBadEntriesOfKnownFindingsAreALineEach(t *testing.T) {
	path := filepath.Join(t.TempDir(), "known.json")
	require.NoError(t, os.WriteFile(path, []byte(`{"version":1,"known":[{"guarantee":"lost","versions":["1.6.1"],"link":"https://example.com/1"},
		{"guarantee":"read-went-back","versions":["1.6.1"],"link":"https://example.com/1"},{"guarantee":"read-went-back","versions":[],"link":"https://example.com/1"}]}`), 0o600))
	with(t, knownFlag, path)
	t.Cleanup(func() { knownFindings = nil })
	lines := linesOf(checkKnown())
	require.Len(t, lines, 2)
	assert.Regexp(t, `^-known .*known.json: entry 1: .*lost`, lines[0])
	assert.Regexp(t, `^-known .*known.json: entry 3: versions: want at least one`, lines[1])
	assert.Empty(t, knownFindings)
	assert.Equal(t, "-known "+path, alteredKnown()[0].Name+" "+alteredKnown()[0].Value)
	assert.NotEmpty(t, alteredKnown()[0].SHA256)
}

// The shipped list is built in: it needs no file, and alters nothing.
func TestShippedKnownFindingsAreBuiltIn(t *testing.T) {
	was := shippedFindings
	t.Cleanup(func() { shippedFindings, knownFindings = was, nil })
	shippedFindings = document(t, KnownFindings)
	t.Chdir(t.TempDir())
	require.NoError(t, checkKnown())
	var links []string
	for _, e := range knownFindings {
		links = append(links, strings.TrimPrefix(e.Link, "https://github.com/restatedev/restate/issues/"))
	}
	assert.Equal(t, []string{"4396", "5011", "5011", "4085", "4085", "4508", "4513"}, links)
	assert.Empty(t, alteredKnown())
	with(t, knownFlag, "none")
	require.NoError(t, checkKnown())
	assert.Empty(t, knownFindings)
}
