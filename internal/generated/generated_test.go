package generated

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestReplaceChangesWhatStandsBetweenTheMarkers(t *testing.T) {
	page, err := Replace("a\n<!-- x begin -->\nold\n<!-- x end -->\nb\n", "x", "new\n")
	require.NoError(t, err)
	assert.Equal(t, "a\n<!-- x begin -->\nnew\n<!-- x end -->\nb\n", page)
	for _, without := range []string{"", "<!-- x begin -->\n", "<!-- x end -->\n<!-- x begin -->\n", "<!-- y begin -->\n<!-- y end -->\n"} {
		_, err := Replace(without, "x", "new")
		assert.ErrorContains(t, err, "has no markers", without)
	}
}
