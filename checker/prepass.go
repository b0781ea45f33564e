package checker

import (
	"slices"

	"retain/model"
)

// reduced is a history after the pre-pass.
type reduced struct {
	records []record
	// after maps a list's element to the one that stands before it in every
	// answer, "" for the head: see [neighbours], which the pre-pass leaves to who needs it.
	after map[string]string
	// conflict holds the IDs of two operations that contradict each other by
	// themselves: the history is illegal. Nil for none.
	conflict []int32
	// spent: the time was up.
	spent bool
}

// prepass makes a history cheaper to search without changing whether it has a
// legal order. Its rules are about values written by exactly one operation and
// different from the initial one; let w be the writer of such a value v.
//
//   - An ambiguous w whose value nobody observed is dropped. In an order with w
//     in it, nothing that stands between w and the next change of the state can
//     have answered v, nor have expected it with success, or v would be
//     observed; so the order stays legal without w. Observed means: seen in an
//     answer, or expected by an ambiguous compare-and-set whose own value is
//     observed. The latter matters: w(1), ambiguous cas(1->2), read 2. Nor is a
//     w dropped that an ambiguous compare-and-set expects whose own value has
//     several writers, because then nobody knows whether that one was observed.
//   - An observed w, ambiguous or answered, ends at its earliest observer's
//     return: it stands before that observer in every legal order. If that is
//     before w's call, the history is illegal.
//   - A list's element v stands behind the same element in every answer that
//     shows it, since w happened once and lists only grow or empty; an order in
//     which w happens elsewhere need not be searched.
//
// Answered writes are never dropped: an unobserved one still hides what was
// there before. What clears is neither dropped nor ended early: its value, the
// initial one, has more than one writer (add 0->3, reset, add 0->2).
//
// The cost is linear in the history and the elements of its answers.
func prepass(records []record, clock *deadline) reduced {
	writers := writersOf(records)
	seen := observe(records, writers, clock)
	if clock != nil && clock.out {
		return reduced{spent: true}
	}
	out := reduced{records: make([]record, 0, len(records))}
	for i, r := range records {
		e, ok := r.writes()
		if w, known := writers[e]; ok && known && w == i {
			if seen.by[i] < 0 && r.optional() && !seen.wanted[i] {
				continue
			}
			if r.ret = seen.end[i]; r.ret < r.call {
				out.conflict = []int32{r.id, records[seen.by[i]].id}
				return out
			}
		}
		out.records = append(out.records, r)
	}
	return out
}

// observations say who saw what a record wrote: by is the observer that ends
// first, -1 for nobody, and end is when the record must have ended, at the
// latest: at its return or at its observer's end. wanted is set for a record that
// something expects of which nobody knows whether it was observed.
type observations struct {
	by     []int
	end    []int64
	wanted []bool
}

// observe finds the observers of all records whose value is theirs alone. A
// compare-and-set whose own value is observed observes what it expected.
func observe(records []record, writers map[entry]int, clock *deadline) observations {
	seen := observations{
		by: slices.Repeat([]int{-1}, len(records)), end: make([]int64, len(records)), wanted: make([]bool, len(records)),
	}
	for i, r := range records {
		seen.end[i] = r.ret
	}
	var again []int // compare-and-sets that were observed, or observed earlier
	see := func(observer int, e entry) {
		w, known := writers[e]
		if !known || w == several || seen.by[w] >= 0 && seen.end[w] <= seen.end[observer] {
			return
		}
		seen.by[w] = observer
		seen.end[w] = min(seen.end[w], seen.end[observer])
		if _, cas := records[w].op.(model.RegisterCompareAndSet); cas {
			again = append(again, w)
		}
	}
	for i, r := range records {
		r.eachSeen(func(e entry) {
			if !clock.gone(1) {
				see(i, e)
			}
		})
		for len(again) > 0 {
			w := again[len(again)-1]
			again = again[:len(again)-1]
			see(w, entry{value: records[w].op.(model.RegisterCompareAndSet).Expect})
		}
		seen.want(records, writers, i)
	}
	return seen
}

// want marks what an ambiguous compare-and-set expects, and what that expects in
// turn, if the set's own value has several writers.
func (seen observations) want(records []record, writers map[entry]int, i int) {
	for first := true; ; first = false {
		cas, ok := records[i].op.(model.RegisterCompareAndSet)
		if !ok || records[i].answer != nil || first && writers[entry{value: cas.Value}] != several {
			return
		}
		w, known := writers[entry{value: cas.Expect}]
		if !known || w == several || seen.wanted[w] {
			return
		}
		seen.wanted[w] = true
		i = w
	}
}

// neighbours finds what stands before each element in the answers of a list. It
// gives up on an element that several operations may have appended. Where two
// answers disagree, either will do: the history is illegal with any order.
func neighbours(records []record) map[string]string {
	var after map[string]string
	writers := writersOf(records)
	for _, r := range records {
		list, ok := r.answer.(model.Texts)
		if !ok {
			continue
		}
		if after == nil {
			after = map[string]string{}
		}
		before := ""
		for _, v := range list {
			if w, known := writers[entry{value: v}]; known && w != several {
				after[v] = before
			}
			before = v
		}
	}
	return after
}
