package generators

import (
	"slices"

	"pgregory.net/rapid"
)

// rapid leans towards small values and the first element of a list, and shrinks
// towards them. So every list that is drawn from here stands with its simplest
// element first, and a yes that makes a plan longer is never what rapid shrinks to.

// pick draws one of the values; the first ones come up a little more often.
func pick[V any](t *rapid.T, label string, values ...V) V {
	return rapid.SampledFrom(values).Draw(t, label)
}

// rare is true in one of 2^n draws, and shrinks to false.
func rare(t *rapid.T, label string, n int) bool {
	return heads(t, label, n) == n
}

// common is true in all but one of 2^n draws, and shrinks to false.
func common(t *rapid.T, label string, n int) bool {
	return heads(t, label, n) > 0
}

// heads tosses n coins. It never stops early: the draws that follow must keep their bits
// when rapid changes one of these.
func heads(t *rapid.T, label string, n int) int {
	out := 0
	for range n {
		if rapid.Bool().Draw(t, label) {
			out++
		}
	}
	return out
}

// subset draws some of the values, at least the first one if no other.
func subset[V any](t *rapid.T, label string, values ...V) []V {
	var out []V
	for _, v := range values {
		if common(t, label, 1) {
			out = append(out, v)
		}
	}
	if len(out) == 0 {
		return slices.Clip(values[:1]) // what is appended to it overwrites no other value
	}
	return out
}

// times repeats a value: its weight in a list to draw from.
func times[V any](n int, v V) []V {
	out := make([]V, n)
	for i := range out {
		out[i] = v
	}
	return out
}
