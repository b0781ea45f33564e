package campaign

import (
	"math/rand/v2"

	"retain/generators"
)

// freely is the share of plans that are drawn towards nothing: one in so many.
// They find what no situation names.
const freely = 3

// weights say what plans should be drawn towards: situations that few plans have
// tested. It is not safe for concurrent use.
type weights struct {
	seed uint64
	all  []generators.Situation
	// tested counts the plans that tested each; tried those that were drawn towards
	// it, so that what can't be reached is not tried for ever.
	tested, tried map[generators.Situation]int
}

func newWeights(seed uint64) *weights {
	return &weights{
		seed: seed, all: generators.Situations(),
		tested: map[generators.Situation]int{}, tried: map[generators.Situation]int{},
	}
}

// aim gives plan number n something to be drawn towards, nil for nothing. A
// situation is drawn with a weight of 1 over the square of how often it was tested
// or tried.
func (w *weights) aim(n int) *generators.Situation {
	chance := rand.New(rand.NewPCG(w.seed, uint64(n)))
	if chance.IntN(freely) == 0 {
		return nil
	}
	sum, up := 0.0, make([]float64, len(w.all))
	for i, s := range w.all {
		rarely := float64(1 + w.tested[s] + w.tried[s])
		sum += 1 / (rarely * rarely)
		up[i] = sum
	}
	at := chance.Float64() * sum
	for i, s := range w.all {
		if at < up[i] {
			w.tried[s]++
			return &s
		}
	}
	return nil
}

// drawn counts a plan of an earlier sitting that was drawn towards something.
func (w *weights) drawn(aim *generators.Situation) {
	if aim != nil {
		w.tried[*aim]++
	}
}

// judged counts what a plan tested.
func (w *weights) judged(situations []string) {
	for _, text := range situations {
		var s generators.Situation
		if s.UnmarshalText([]byte(text)) == nil { // one of a newer version is none of ours
			w.tested[s]++
		}
	}
}

// covered is how many situations were tested, of how many there are.
func (w *weights) covered() (tested, of int) { return len(w.tested), len(w.all) }
