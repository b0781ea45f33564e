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
func TestKeptPlansOutliveTheGenerators(t *testing.T) {
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
		for k := range writing {
			slices.Reverse(writing[k])
			for i := range writing[k] { // another name is another weight for the draws
				writing[k][i].weight = 7 - writing[k][i].weight
			}
		}
	}
	reorder()
	defer reorder()
	assert.NotEqual(t, drawn, Draw(1, 2, Options{}), "the seed means another plan now")
	assert.Equal(t, before, plans())
}
