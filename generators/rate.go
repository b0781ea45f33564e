package generators

import (
	"context"
	"fmt"
	"math"
)

// missed is the share of mistakes that is put up with where something that
// happens now and then is looked for: 1 in 20.
const missed = 0.05

// Rate is how often a plan failed in how many executions.
type Rate struct {
	Strikes int `json:"strikes"`
	Runs    int `json:"runs"`
}

// Interval is the 95 % interval of the failure rate behind what was seen, from 0
// to 1: Wilson's score interval ("Probable inference, the law of succession, and
// statistical inference", J. Am. Stat. Assoc. 22 1927), which holds for few
// executions and for rates near 0 and 1. Without executions it is 0 to 1.
func (r Rate) Interval() (low, high float64) {
	if r.Runs == 0 {
		return 0, 1
	}
	const z = 1.959964 // 97.5 % of a normal distribution lie below
	n, p := float64(r.Runs), float64(r.Strikes)/float64(r.Runs)
	middle := (p + z*z/(2*n)) / (1 + z*z/n)
	half := z / (1 + z*z/n) * math.Sqrt(p*(1-p)/n+z*z/(4*n*n))
	return max(0, middle-half), min(1, middle+half)
}

// RunsNeeded is how many executions without a failure show, at 95 %, that the
// plan does not fail any more: at least 3, computed from the lower end of the
// interval. It is 0 for a plan that never failed: no number would do.
func (r Rate) RunsNeeded() int {
	if r.Strikes == 0 {
		return 0
	}
	low, _ := r.Interval()
	return max(3, attemptsFor(low))
}

// String prints "19 of 20 (95 %: 76 to 99 %)".
func (r Rate) String() string {
	low, high := r.Interval()
	return fmt.Sprintf("%d of %d (95 %%: %.0f to %.0f %%)", r.Strikes, r.Runs, 100*low, 100*high)
}

// attemptsFor is how often something must be tried that fails with probability p
// until not having seen it fail is wrong at most 1 time in 20.
func attemptsFor(p float64) int {
	if p >= 1-missed {
		return 1
	}
	if p <= 0 {
		return math.MaxInt
	}
	return int(math.Ceil(math.Log(missed) / math.Log1p(-p)))
}

// Measure executes a plan so many times and counts how often it fails. Executions
// that show nothing are not counted, but three in a row are an error. What was seen
// until an error is returned with it.
func Measure(ctx context.Context, p Plan, strikes Strikes, runs int) (Rate, error) {
	r := Rate{}
	for broken := 0; r.Runs < runs; {
		if ctx.Err() != nil {
			return r, fmt.Errorf("measure how often the plan fails: %w", context.Cause(ctx))
		}
		struck, err := strikes(ctx, p)
		if err != nil {
			if broken++; broken >= mostBroken {
				return r, fmt.Errorf("measure how often the plan fails: %d executions in a row showed nothing: %w", broken, err)
			}
			continue
		}
		broken = 0
		r.Runs++
		if struck {
			r.Strikes++
		}
	}
	return r, nil
}
