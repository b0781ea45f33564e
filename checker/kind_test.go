package checker

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"

	"retain/model"
)

// A kind that brings nothing but its sequential specification is decided all the same.
// Not in parallel: nothing else may decide meanwhile.
func TestKindsAreDecidedByTheirSpecificationAlone(t *testing.T) {
	parts := kindParts
	// jit prunes additions by the counts that are the states of a counter's machine.
	kindParts = map[model.Kind]kindPart{model.Counter: {machine: parts[model.Counter].machine, impossible: parts[model.Counter].impossible}}
	defer func() { kindParts = parts }()
	for _, kind := range decidedKinds {
		rng := rand.New(rand.NewPCG(13, 1))
		verdicts := map[Verdict]int{}
		for range times(1000) {
			h := drawSimulation(rng, kind, 4+rng.IntN(4)).run()
			mutate(rng, h)
			object := model.Object{Kind: kind}
			b := objectsOf(h)[0]
			want := Violation
			if bruteForce(h, object, model.Resolved) {
				want = Pass
			}
			f := decideAll(kind, b.records)
			verdicts[f.Verdict]++
			if f.Verdict != want {
				t.Fatalf("%s says %s, brute force %s\n%s", f.By, f.Verdict, want, dump(h))
			}
			if v, _ := decideJIT(kind, b.records, ample()); f.By != ByAnswer && v != want {
				t.Fatalf("jit says %s, brute force %s\n%s", v, want, dump(h))
			}
		}
		assert.NotZero(t, verdicts[Pass], kind)
		assert.NotZero(t, verdicts[Violation], kind)
	}
	assert.Equal(t, "there is none for a list", whyNot(part{kind: model.List}))
}
