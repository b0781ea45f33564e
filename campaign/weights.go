package campaign

import (
	"math/rand/v2"

	"retain/generators"
)

// unbiasedShare is the share of plans without a target situation: one in so many. They
// find what no situation names.
const unbiasedShare = 3

// weights choose the target situations of plans: those that few plans have tested. They
// are not safe for concurrent use.
type weights struct {
	seed uint64
	// class is the class in which a plan begins: only its situations are targets.
	class func(n int) generators.Class
	all   []generators.Situation
	// tested counts the plans that tested each; tried those that were drawn towards
	// it, so that what can't be reached is not tried for ever.
	tested, tried map[generators.Situation]int
}

// newWeights are those of a campaign of which nothing was tested yet.
func newWeights(b Start) *weights {
	return &weights{
		seed: b.Seed, all: b.Exclude.Situations(),
		class:  func(n int) generators.Class { return generators.ClassOf(b.Seed, n, b.options(nil)) },
		tested: map[generators.Situation]int{}, tried: map[generators.Situation]int{},
	}
}

// pick chooses the target situation of plan number n, nil for none. A situation of the
// plan's class is drawn with a weight of 1 over the square of how often it was tested
// or tried, in the other classes counted in part: most bugs need none in particular.
func (w *weights) pick(n int) *generators.Situation {
	chance := rand.New(rand.NewPCG(w.seed, uint64(n)))
	if chance.IntN(unbiasedShare) == 0 {
		return nil
	}
	class := w.class(n)
	sum, up := 0.0, make([]float64, len(w.all))
	for i, s := range w.all {
		if up[i] = sum; s.Class != class {
			continue
		}
		rarely := 1 + w.times(s)
		for _, other := range generators.Classes() {
			if s.Class = other; other != class {
				rarely += w.times(s) / float64(len(generators.Classes()))
			}
		}
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

// times is how often a situation was tested or tried.
func (w *weights) times(s generators.Situation) float64 { return float64(w.tested[s] + w.tried[s]) }

// addDrawn counts the target situation of a plan of an earlier segment.
func (w *weights) addDrawn(target *generators.Situation) {
	if target != nil {
		w.tried[*target]++
	}
}

// addResult counts what a plan tested.
func (w *weights) addResult(situations []string) {
	for _, text := range situations {
		var s generators.Situation
		if s.UnmarshalText([]byte(text)) == nil { // one of a newer version is none of ours
			w.tested[s]++
		}
	}
}

// covered is how many situations were tested, of how many there are.
func (w *weights) covered() (tested, of int) { return len(w.tested), len(w.all) }
