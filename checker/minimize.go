package checker

import (
	"slices"
	"sort"
)

// Two minimisers share these: [prover] and [Witness]. They are two because their
// results differ. A proof is a set of the run's own operations with their own answers,
// which the sentence and the picture are about. A witness is a history of its own:
// elements, entries and units are deleted from its answers, and operations merged. A
// witness that begins with the proof ends larger (docs/checker.md, limits): what the proof
// made ambiguous can neither be merged nor deleted any more.

// release takes away as many of the tokens as it can: all, or else each half. without
// reports whether these could go. The last ones are the likeliest to stay.
func release[T any](tokens []T, spent func() bool, without func([]T) bool) {
	if len(tokens) == 0 || without(tokens) || len(tokens) == 1 || spent() {
		return
	}
	half := len(tokens) / 2
	release(tokens[:half], spent, without)
	release(tokens[half:], spent, without)
}

// shortestPrefix finds the earliest return up to which the records violate, by bisection:
// each prefix of a legal history is legal. The last call of violates that answers true is
// about that prefix.
func shortestPrefix(records []record, violates func(prefix []record) bool) {
	var ends []int64
	for _, r := range records {
		if r.ret != open {
			ends = append(ends, r.ret)
		}
	}
	slices.Sort(ends)
	sort.Search(len(ends), func(i int) bool { return violates(prefix(records, ends[i])) })
}

// prefix is the history as it was known at an instant.
func prefix(records []record, at int64) []record {
	var out []record
	for _, r := range records {
		switch {
		case r.call > at:
		case r.ret <= at:
			out = append(out, r)
		case !r.op.ReadOnly():
			r.answer, r.ret = nil, open
			out = append(out, r)
		}
	}
	return out
}
