package campaign

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"retain/generators"
)

// TestWeightsFavourRareSituations: what was tested often is hardly drawn, and
// what can't be reached is not tried for ever.
func TestWeightsFavourRareSituations(t *testing.T) {
	w := newWeights(Start{Seed: 1, Server: "plain-4"})
	for _, s := range w.all[len(generators.Classes()):] {
		w.tested[s] = 100
	}
	rare, free := 0, 0
	for n := range 300 {
		switch a := w.pick(n); {
		case a == nil:
			free++
		case *a == w.all[0]:
			rare++
		}
	}
	assert.InDelta(t, 100, free, 30)
	assert.Greater(t, rare, 15, "1 of %d situations", len(w.all)/len(generators.Classes()))
	assert.Less(t, rare, 150, "it is never reached, and tried less and less")
	for n := range 20 {
		assert.Equal(t, newWeights(Start{Seed: 1, Server: "plain-4"}).pick(n), newWeights(Start{Seed: 1, Server: "plain-4"}).pick(n))
	}
}
