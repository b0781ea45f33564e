package checker

import (
	"slices"
	"sort"
	"strings"

	"retain/model"
)

// The guarantees, each in the sentence that a violation prints. "%s" takes when.
const (
	nobodyWrote    = "a value appeared that nobody wrote"
	otherEntry     = "a value appeared that was written under another key"
	otherObject    = "a value appeared that was written to another object"
	neverSent      = "an operation that was never sent had an effect"
	refused        = "an operation that the server refused had an effect"
	beforeItsWrite = "a value was read before it was written"
	twoEffects     = "one idempotency key had two effects"
	twiceInList    = "one append had two effects"
	tooMuch        = "a counter counted more than was added"
	didNotMatch    = "a compare-and-set that answered that it did not match had an effect"
	twoClears      = "two clears both removed the same value"
	twoSwaps       = "two compare-and-sets both replaced the same value"
	sameStep       = "two additions answered the same step"
	listOrder      = "the elements of a list changed their order"
	acknowledged   = "the elements of a list are not in the order in which they were acknowledged"
	wentBack       = "a read went back to an older value"
	cameBack       = "what an acknowledged clear had removed came back"
	halfDone       = "a clearAll was seen half done"
	noOrder        = "the answers fit no order of the operations"

	isMissing = " is missing" // an acknowledged write, and the like
)

// Missing reports whether the broken guarantee is that something acknowledged is
// missing.
func (r ObjectResult) Missing() bool { return strings.Contains(r.Guarantee, isMissing) }

// nouns are the words for acknowledged operations.
func noun(op model.Operation) string {
	switch op.(type) {
	case model.CounterAdd, model.CounterAddThenFail:
		return "add"
	case model.ListAppend:
		return "append"
	case model.RegisterCompareAndSet:
		return "compare-and-set"
	}
	return "write"
}

func clears(op model.Operation) bool {
	switch op.(type) {
	case model.CounterReset, model.ListClear, model.MapClearAll, model.RegisterClear:
		return true
	}
	return false
}

func hasClear(records []record) bool {
	return slices.ContainsFunc(records, func(r record) bool { return clears(r.op) })
}

// name finds the sentence for a violation, the most specific one that its proof
// supports, and the value that it is about, if it is about one. legal reports
// whether a history is shown legal.
func (c *check) name(b *object, p part, pr proof, class Class, legal func([]record) bool) (string, *Stranger) {
	if class == OneEffect {
		return twoEffects, nil
	}
	explained := func() bool { // by second effects of what was sent again
		return slices.ContainsFunc(c.twice(p.records), legal)
	}
	if s, value := c.stranger(b, p, pr.last); s != "" {
		if s == twiceInList && explained() {
			return twoEffects, value
		}
		return s, value
	}
	if s := contradiction(pr); s != "" {
		return s, nil
	}
	if p.kind == model.Map && p.name == "" && hasClear(p.records) {
		return halfDone, nil // each entry by itself has an order
	}
	before, what := c.missing(p, pr)
	when := c.when(before, pr.last)
	grows := p.kind == model.Counter || p.kind == model.List
	if (when == "" || grows && what != cameBack) && explained() {
		return twoEffects, nil
	}
	if p.kind == model.Counter && len(pr.needed) == 1 {
		return tooMuch, nil
	}
	return what + when, nil
}

// stranger names a value in the answer that can't be there.
func (c *check) stranger(b *object, p part, last record) (sentence string, value *Stranger) {
	seen := map[entry]bool{}
	last.eachSeen(func(e entry) {
		if sentence != "" || e.value == "" {
			return
		}
		wrong, writers := c.origin(b, e, last)
		if wrong == "" && seen[e] && p.kind == model.List {
			wrong = twiceInList
		}
		seen[e] = true
		if wrong != "" {
			sentence, value = wrong, &Stranger{Value: e.value, Writers: writers}
		}
	})
	return sentence, value
}

// origin says what is wrong with where a value came from, "" for nothing, and which
// operations wrote it or would have.
func (c *check) origin(b *object, e entry, seenBy record) (string, []int) {
	var fits, unmatched, unsent, turnedAway, late, underOther, toOther []int
	for i := range c.h.Operations {
		o := &c.h.Operations[i]
		wrote, ok := record{op: o.Op}.writes() // or would have written
		if !ok || wrote.value != e.value {
			continue
		}
		_, did := record{op: o.Op, answer: o.In(model.Resolved).Answer}.writes()
		switch failed := o.Outcome == model.Failed; {
		case o.Object != b.Object:
			toOther = append(toOther, o.ID)
		case wrote != e:
			underOther = append(underOther, o.ID)
		case !did:
			unmatched = append(unmatched, o.ID)
		case failed && o.Reached():
			turnedAway = append(turnedAway, o.ID)
		case failed:
			unsent = append(unsent, o.ID)
		case o.Call.Seq > seenBy.ret:
			late = append(late, o.ID)
		default:
			fits = append(fits, o.ID)
		}
	}
	for _, wrong := range []struct {
		sentence string
		writers  []int
	}{
		{"", fits}, {beforeItsWrite, late}, {refused, turnedAway}, {neverSent, unsent}, {didNotMatch, unmatched},
		{otherEntry, underOther}, {otherObject, toOther},
	} {
		if wrong.writers != nil {
			return wrong.sentence, wrong.writers
		}
	}
	return nobodyWrote, nil
}

// contradiction names what two answers of a proof say against each other.
func contradiction(pr proof) string {
	for i, a := range pr.needed {
		for _, b := range pr.needed[i+1:] {
			if clears(a.op) && clears(b.op) && share(a, b) {
				return twoClears
			}
			switch x := a.answer.(type) {
			case model.Text:
				_, first := a.op.(model.RegisterCompareAndSet)
				_, second := b.op.(model.RegisterCompareAndSet)
				_, wroteA := a.writes()
				_, wroteB := b.writes()
				if first && second && wroteA && wroteB && x != "" && x.Equal(b.answer) {
					return twoSwaps
				}
			case model.Change:
				if y, ok := b.answer.(model.Change); ok && len(pr.needed) == 2 && x.Old == y.Old && a.ret >= b.call {
					return sameStep
				}
			case model.Texts:
				if y, ok := b.answer.(model.Texts); ok && (reordered(x, y) || a.ret < b.call && inserted(x, y) || b.ret < a.call && inserted(y, x)) {
					return listOrder
				}
			}
		}
	}
	return ""
}

// share reports whether both answers show one value.
func share(a, b record) bool {
	found := false
	a.eachSeen(func(x entry) {
		b.eachSeen(func(y entry) { found = found || x == y })
	})
	return found
}

// reordered reports whether two elements stand in both lists in another order.
func reordered(a, b []string) bool {
	at := make(map[string]int, len(a))
	for i, v := range a {
		at[v] = i
	}
	last := -1
	for _, v := range b {
		if i, ok := at[v]; ok {
			if i < last {
				return true
			}
			last = i
		}
	}
	return false
}

// inserted reports whether a later answer has something new in front of an element
// that an earlier one has: lists grow at their end.
func inserted(earlier, later []string) bool {
	had := make(map[string]bool, len(earlier))
	for _, v := range earlier {
		had[v] = true
	}
	fresh := false
	for _, v := range later {
		if !had[v] {
			fresh = true
		} else if fresh {
			return true
		}
	}
	return false
}

// missing finds what the last answer of a proof lacks: the record that it should
// have reflected, and the sentence for that.
func (c *check) missing(p part, pr proof) (record, string) {
	for _, m := range slices.Backward(pr.needed) {
		if m.id == pr.last.id || m.op.ReadOnly() || m.ret >= pr.last.call || shows(pr.last, m) || elsewhere(pr.last, m) {
			continue
		}
		switch {
		case clears(m.op):
			return m, cameBack
		case p.kind == model.List && holds(pr.last, m):
			return m, acknowledged
		case surfaced(p.records, m, pr.last):
			return m, wentBack
		}
		return m, "an acknowledged " + noun(m.op) + isMissing
	}
	for _, m := range slices.Backward(pr.needed) {
		if m.id != pr.last.id && m.answer != nil && m.ret < pr.last.call {
			return m, wentBack
		}
	}
	return pr.last, noOrder
}

// shows reports whether the answer reflects the change as the newest one.
func shows(read, change record) bool {
	switch a := read.answer.(type) {
	case model.Text:
		e, ok := change.writes()
		return ok && string(a) == e.value
	case model.Integer:
		c, ok := change.answer.(model.Change)
		return ok && int64(a) >= c.New
	case model.Change:
		c, ok := change.answer.(model.Change)
		return ok && a.Old >= c.New
	}
	return false
}

// elsewhere reports whether the change is one of another entry than the read.
func elsewhere(read, change record) bool {
	get, ok := read.op.(model.MapGet)
	set, sets := change.op.(model.MapSet)
	return ok && sets && get.Key != set.Key
}

// holds reports whether the change's value is anywhere in the answer.
func holds(read, change record) bool {
	e, ok := change.writes()
	found := false
	read.eachSeen(func(s entry) { found = found || s == e })
	return ok && found
}

// surfaced reports whether a later answer shows the change: of a counter, one that is
// higher than it gets without it.
func surfaced(records []record, change, last record) bool {
	var others []int64
	for _, r := range records {
		switch {
		case r.call <= last.ret:
		case holds(r, change):
			return true
		case isNumber(r) && shows(r, change):
			if others == nil {
				others = additions(records, change)
			}
			called := sort.Search(len(records), func(i int) bool { return records[i].call >= r.ret })
			if counted(r) > others[called]-model.Addition(r.op) {
				return true
			}
		}
	}
	return false
}

// additions are the sums of what the first of the records, by call, may have added to
// what a change finds: without that change, and without what a reset had removed before
// it.
func additions(records []record, change record) []int64 {
	reset := int64(-1) // the call of the last one that was over
	for _, r := range records {
		if clears(r.op) && r.ret < change.call {
			reset = max(reset, r.call)
		}
	}
	sums := make([]int64, 1, len(records)+1)
	for _, r := range records {
		sum := sums[len(sums)-1]
		if r.id != change.id && r.ret >= reset {
			sum += model.Addition(r.op)
		}
		sums = append(sums, sum)
	}
	return sums
}

// counted is what a counter was when it answered.
func counted(r record) int64 {
	switch a := r.answer.(type) {
	case model.Integer:
		return int64(a)
	case model.Change:
		return a.Old
	}
	return 0
}

func isNumber(r record) bool {
	switch r.answer.(type) {
	case model.Integer, model.Change:
		return true
	}
	return false
}

// twice are the histories in which each operation that was sent more than once may
// have had a second effect, none if there was none. One of the two effects came after
// the operation was sent again; which of them was answered is not known, and taken to
// be the same for all: the first in one history, the second in the other.
func (c *check) twice(records []record) [][]record {
	first, second := slices.Clone(records), slices.Clone(records)
	for i, r := range records {
		o := &c.h.Operations[r.id-1]
		if !o.MayHaveRunTwice() {
			continue
		}
		again := max(r.call, o.SentAgain().Seq)
		other := r
		other.answer, other.ret = nil, open
		second = append(second, other)
		other.call = again
		first = append(first, other)
		if r.answer != nil {
			second[i].call = min(again, r.ret-1) // a call comes before its return
		}
	}
	if len(first) == len(records) {
		return nil
	}
	sortByCall(first)
	sortByCall(second)
	return [][]record{first, second}
}

// when says what was done to the runtime between the two records: " after a
// kill", " after a stop", or "" for nothing. A kill is named before a stop.
func (c *check) when(before, last record) string {
	when := ""
	for _, f := range c.h.Faults {
		came := last.call > f.Begin.Seq || last.ret > f.End.Seq
		if before.ret >= f.Begin.Seq {
			// The server answered while it ended, and ended after that.
			came = before.ret < f.End.Seq && last.ret > f.End.Seq
		}
		if before.id == last.id || !came {
			continue
		}
		switch f.Kind {
		case "kill":
			return " after a kill"
		case "stop":
			when = " after a stop"
		}
	}
	return when
}
