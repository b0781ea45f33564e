package compare

import (
	"slices"

	"retain/generators"
)

// error95 is the accepted probability that a comparison tells versions apart that do not
// differ.
const error95 = 0.05

// looks are the numbers of executions after which versions are compared, and level is the
// level of each test then. The first is the least that tells a plan that always fails from
// one that never does; they double, and the last is most. The probability of an error is
// divided by the pairs of versions and the looks (Bonferroni), so that it holds for the
// whole comparison, whenever it ends.
func looks(versions, most int) (at []int, level float64) {
	pairs := max(1, versions*(versions-1)/2)
	for first := 2; ; first++ {
		at = nil
		for n := first; n < most; n *= 2 {
			at = append(at, n)
		}
		at = append(at, most)
		level = error95 / float64(pairs*len(at))
		if at[0] >= most || Fisher(generators.Rate{Failures: first, Runs: first}, generators.Rate{Runs: first}) <= level {
			return at, level
		}
	}
}

// nextLook is the first look above n, 0 after the last one.
func nextLook(at []int, n int) int {
	if i := slices.IndexFunc(at, func(look int) bool { return look > n }); i >= 0 {
		return at[i]
	}
	return 0
}
