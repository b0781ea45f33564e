package compare

import (
	"math"

	"gonum.org/v1/gonum/stat/combin"

	"retain/generators"
)

// Fisher is the two-sided p-value of Fisher's exact test for two rates: the probability of
// a difference that is as rare as the one that was seen or rarer, if both had the same
// rate (Fisher, "On the interpretation of χ² from contingency tables, and the calculation
// of P", J. R. Stat. Soc. 85(1) 1922; two-sided by the rarer tables, as in R's fisher.test).
// It holds for few executions. The binomial coefficients are gonum's.
func Fisher(a, b generators.Rate) float64 {
	failures, runs := a.Failures+b.Failures, a.Runs+b.Runs
	if failures == 0 || failures == runs || a.Runs == 0 || b.Runs == 0 {
		return 1
	}
	low, high := max(0, failures-b.Runs), min(failures, a.Runs)
	tables := make([]float64, high-low+1) // probabilities, each from the one before
	tables[0] = math.Exp(logChoose(a.Runs, low) + logChoose(b.Runs, failures-low) - logChoose(runs, failures))
	for i := range len(tables) - 1 {
		k := low + i
		tables[i+1] = tables[i] * float64((failures-k)*(a.Runs-k)) / float64((k+1)*(b.Runs-failures+k+1))
	}
	const tied = 1 + 1e-7 // equal tables differ by rounding
	seen, p := tables[a.Failures-low]*tied, 0.0
	for _, t := range tables {
		if t <= seen {
			p += t
		}
	}
	return min(1, p)
}

// logChoose is the logarithm of n over k.
func logChoose(n, k int) float64 { return combin.LogGeneralizedBinomial(float64(n), float64(k)) }

const (
	// power is the probability with which the executions of [Needed] tell two rates apart.
	power = 0.9
	// mostNeeded bounds what [Needed] looks for.
	mostNeeded = 500
)

// Needed is how many executions of each tell two rates apart, at a level of [Fisher]'s test
// and with 90 % probability, if the true rates are p and q; 0 if that takes more than 500,
// as for equal ones. It sums the probabilities of all results that the test tells apart.
func Needed(p, q, level float64) int {
	if p == q {
		return 0
	}
	low, high := 1, 1 // the power grows with the executions but for small steps
	for powerOf(high, p, q, level) < power {
		if high == mostNeeded {
			return 0
		}
		low, high = high+1, min(2*high, mostNeeded)
	}
	for low < high {
		if middle := (low + high) / 2; powerOf(middle, p, q, level) >= power {
			high = middle
		} else {
			low = middle + 1
		}
	}
	return low
}

// powerOf is the probability that n executions of each tell the rates apart, the rarer
// failures as the lower count.
func powerOf(n int, p, q, level float64) (sum float64) {
	if p > q {
		p, q = q, p
	}
	upTo := make([]float64, n+2) // the probability of fewer failures, at q
	for x := range n + 1 {
		upTo[x+1] = upTo[x] + binomial(n, x, q)
	}
	least := 0
	for x := range n + 1 {
		least = max(least, x+1) // it grows with x
		for least <= n && Fisher(generators.Rate{Failures: x, Runs: n}, generators.Rate{Failures: least, Runs: n}) > level {
			least++
		}
		if least > n {
			break
		}
		sum += binomial(n, x, p) * (1 - upTo[least])
	}
	return sum
}

// binomial is the probability of x failures in n executions.
func binomial(n, x int, p float64) float64 {
	switch {
	case p <= 0 && x == 0, p >= 1 && x == n:
		return 1
	case p <= 0, p >= 1:
		return 0
	}
	return math.Exp(logChoose(n, x) + float64(x)*math.Log(p) + float64(n-x)*math.Log1p(-p))
}
