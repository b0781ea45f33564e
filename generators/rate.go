package generators

import (
	"context"
	"fmt"
	"math"
)

// missed is the accepted probability of missing a failure that happens now and then: 1
// in 20.
const missed = 0.05

// Rate is how often a plan failed in how many executions.
type Rate struct {
	Failures int `json:"strikes"`
	Runs     int `json:"runs"`
}

// Interval is the 95 % confidence interval of the failure rate, from 0 to 1: Wilson's score
// interval ("Probable inference, the law of succession, and statistical inference", J. Am.
// Stat. Assoc. 22 1927), which holds for few executions and for rates near 0 and 1. Without
// executions it is 0 to 1.
func (r Rate) Interval() (low, high float64) {
	if r.Runs == 0 {
		return 0, 1
	}
	const z = 1.959964 // 97.5 % of a normal distribution lie below
	n, p := float64(r.Runs), float64(r.Failures)/float64(r.Runs)
	middle := (p + z*z/(2*n)) / (1 + z*z/n)
	half := z / (1 + z*z/n) * math.Sqrt(p*(1-p)/n+z*z/(4*n*n))
	return max(0, middle-half), min(1, middle+half)
}

// RunsNeeded is how many executions without a failure show, at 95 %, that the
// plan does not fail any more: at least 3, computed from the lower end of the
// interval. It is 0 for a plan that never failed: no number suffices.
func (r Rate) RunsNeeded() int {
	if r.Failures == 0 {
		return 0
	}
	low, _ := r.Interval()
	return max(3, attemptsFor(low))
}

// OneIn is in about how many operations one fails, if each of n in an execution fails by
// chance: an execution of n operations fails with probability 1-(1-1/OneIn)^n. It is 0 if
// every execution failed, or none: then nothing tells it from another cause.
func (r Rate) OneIn(n int) int {
	if r.Failures == 0 || r.Failures >= r.Runs || n <= 0 {
		return 0
	}
	each := -math.Expm1(math.Log1p(-float64(r.Failures)/float64(r.Runs)) / float64(n))
	return max(1, int(math.Round(1/each)))
}

// String prints "19 of 20 (95 %: 76 to 99 %)".
func (r Rate) String() string {
	low, high := r.Interval()
	return fmt.Sprintf("%d of %d (95 %%: %.0f to %.0f %%)", r.Failures, r.Runs, 100*low, 100*high)
}

// attemptsFor is the number of attempts after which something that fails with
// probability p has failed at least once in 19 of 20 cases.
func attemptsFor(p float64) int {
	if p >= 1-missed {
		return 1
	}
	if p <= 0 {
		return math.MaxInt
	}
	return int(math.Ceil(math.Log(missed) / math.Log1p(-p)))
}

// Measure executes a plan so many times and counts how often it fails. Executions that
// end in an error are repeated, but three in a row are an error. The rate so far is
// returned with it.
func Measure(ctx context.Context, p Plan, fails Fails, runs int) (Rate, error) {
	r := Rate{}
	for broken := 0; r.Runs < runs; {
		if ctx.Err() != nil {
			return r, fmt.Errorf("measure how often the plan fails: %w", context.Cause(ctx))
		}
		failed, err := fails(ctx, p)
		if err != nil {
			if broken++; broken >= mostBroken {
				return r, fmt.Errorf("measure how often the plan fails: %d executions in a row showed nothing: %w", broken, err)
			}
			continue
		}
		broken = 0
		r.Runs++
		if failed {
			r.Failures++
		}
	}
	return r, nil
}
