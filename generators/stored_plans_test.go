package generators

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A change of the generators changes what a seed means. It changes nothing of a
// plan that was kept.
func TestStoredPlansDoNotDependOnTheGenerators(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("..", "testdata", "regressions", "*.json"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	plans := func() (out []Plan) {
		for _, f := range files {
			text, err := os.ReadFile(f)
			require.NoError(t, err)
			var kept struct{ Plan json.RawMessage }
			require.NoError(t, json.Unmarshal(text, &kept))
			p, err := Decode(kept.Plan)
			require.NoError(t, err, f)
			out = append(out, p)
		}
		return out
	}
	before, drawn := plans(), Draw(1, 2, Options{})
	reorder := func() {
		slices.Reverse(running)
		for _, part := range kindParts {
			slices.Reverse(part.operations)
			for i := range part.operations { // another name is another weight for the draws
				part.operations[i].weight = 7 - part.operations[i].weight
			}
		}
	}
	reorder()
	defer reorder()
	assert.NotEqual(t, drawn, Draw(1, 2, Options{}), "the seed means another plan now")
	assert.Equal(t, before, plans())
}
