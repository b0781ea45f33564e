package compare

import (
	"math/big"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"

	"retain/generators"
)

func rate(failures, runs int) generators.Rate {
	return generators.Rate{Failures: failures, Runs: runs}
}

// exact is Fisher's test in rational numbers.
func exact(a, b generators.Rate) float64 {
	failures, runs := a.Failures+b.Failures, a.Runs+b.Runs
	table := func(k int) *big.Rat {
		choose := func(n, k int) *big.Int { return new(big.Int).Binomial(int64(n), int64(k)) }
		both := new(big.Int).Mul(choose(a.Runs, k), choose(b.Runs, failures-k))
		return new(big.Rat).SetFrac(both, choose(runs, failures))
	}
	seen, p := table(a.Failures), new(big.Rat)
	for k := max(0, failures-b.Runs); k <= min(failures, a.Runs); k++ {
		if table(k).Cmp(seen) <= 0 {
			p.Add(p, table(k))
		}
	}
	out, _ := p.Float64()
	return out
}

func TestFisherAgreesWithRationalArithmetic(t *testing.T) {
	assert.InDelta(t, 34.0/70, Fisher(rate(3, 4), rate(1, 4)), 1e-12, "the lady tasting tea, two-sided")
	random := rand.New(rand.NewPCG(5, 6))
	for range 300 {
		a, b := rate(0, 1+random.IntN(40)), rate(0, 1+random.IntN(40))
		a.Failures, b.Failures = random.IntN(a.Runs+1), random.IntN(b.Runs+1)
		assert.InDelta(t, exact(a, b), Fisher(a, b), 1e-9, "%v %v", a, b)
		assert.InDelta(t, exact(a, b), Fisher(b, a), 1e-9, "%v %v", b, a)
	}
	assert.InDelta(t, 1, Fisher(rate(0, 0), rate(9, 9)), 0)
}

// So many executions tell the rates apart nine times in ten, by simulation, and fewer
// would not.
func TestNeededExecutionsTellRatesApart(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	share := func(n int, p, q, level float64) float64 {
		draw := func(p float64) (r generators.Rate) {
			r.Runs = n
			for range n {
				if random.Float64() < p {
					r.Failures++
				}
			}
			return r
		}
		told := 0
		const times = 2000
		for range times {
			if Fisher(draw(p), draw(q)) <= level {
				told++
			}
		}
		return float64(told) / times
	}
	for _, c := range []struct{ p, q float64 }{{0.15, 0}, {0.5, 0.05}, {0.9, 0.4}, {0, 0.3}} {
		n := Needed(c.p, c.q, 0.01)
		assert.Positive(t, n)
		assert.InDelta(t, power, share(n, c.p, c.q, 0.01), 0.06, "%v with %d", c, n)
		assert.Less(t, share(n/2, c.p, c.q, 0.01), power-0.05, "%v with %d", c, n/2)
	}
	assert.Zero(t, Needed(0.2, 0.2, 0.01), "no number tells equal rates apart")
	assert.Zero(t, Needed(0.2, 0.21, 0.01), "more than is reasonable")
	assert.Equal(t, 5, Needed(1, 0, 0.01))
}

func TestFirstLookTellsAlwaysFromNever(t *testing.T) {
	for versions := 2; versions <= 12; versions++ {
		at, level := looks(versions, 20)
		assert.LessOrEqual(t, Fisher(rate(at[0], at[0]), rate(0, at[0])), level)
		assert.LessOrEqual(t, at[0], 9, "%d versions", versions)
		assert.Equal(t, 20, at[len(at)-1])
		assert.Equal(t, at[1], nextLook(at, at[0]))
		assert.Zero(t, nextLook(at, 20))
	}
	at, _ := looks(2, 3)
	assert.Equal(t, []int{3}, at, "fewer than tell anything")
}

// Versions with one rate are told apart in at most 1 comparison of 20, although they are
// compared again and again.
func TestEqualVersionsAreRarelyToldApart(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	const times, versions = 1000, 4
	for _, p := range []float64{0.05, 0.3, 0.5, 0.9} {
		wrong := 0
		for range times {
			at, level := looks(versions, 20)
			rates := make([]generators.Rate, versions)
			apart := false
			for _, look := range at {
				for v := range rates {
					for ; rates[v].Runs < look; rates[v].Runs++ {
						if random.Float64() < p {
							rates[v].Failures++
						}
					}
				}
				for v := range rates {
					for w := range v {
						apart = apart || Fisher(rates[v], rates[w]) <= level
					}
				}
			}
			if apart {
				wrong++
			}
		}
		assert.LessOrEqual(t, float64(wrong)/times, error95, "rate %v", p)
	}
}
