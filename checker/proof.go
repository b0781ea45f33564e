package checker

import (
	"slices"
	"time"
)

// proof is a small part of an illegal history that is illegal by itself.
type proof struct {
	// history is the shortest illegal prefix, and last the record at whose
	// return it became illegal.
	history []record
	last    record
	// needed are the records that contradict each other, by call, last among
	// them.
	needed []record
}

// shrinkTime bounds the search for a proof: it is a service, not the verdict.
const shrinkTime = 3 * time.Second

// prove finds a proof. hint holds the IDs of operations that a decision thinks
// suffice, nil for none. illegal must answer true only for an illegal history;
// it is asked about O(k log n) histories for a proof of k of n operations.
//
// It uses relaxations under which a legal history stays legal, so that what
// stays illegal proves the whole illegal:
//
//   - the prefix up to an instant, in which the operations that are open then
//     have no answer and may never have happened;
//   - a pure read is dropped;
//   - any other operation loses its answer and its return: the order that
//     explained the history still explains it. What remains of such an operation
//     can contradict nothing, so it is not part of the proof.
func prove(records []record, hint []int, illegal func([]record) bool) proof {
	p := proof{history: shortest(records, illegal)}
	p.last = lastReturned(p.history)
	must := map[int]bool{}
	if len(hint) > 0 {
		keep := map[int]bool{p.last.id: true}
		for _, id := range hint {
			keep[id] = true
		}
		if illegal(relaxed(p.history, keep)) {
			must = keep
		}
	}
	if len(must) == 0 {
		for _, r := range p.history {
			must[r.id] = r.answer != nil
		}
	}
	var reads, changes []int
	for _, r := range p.history {
		switch {
		case !must[r.id] || r.id == p.last.id:
		case r.op.ReadOnly():
			reads = append(reads, r.id)
		default:
			changes = append(changes, r.id)
		}
	}
	release(p.history, must, reads, illegal)
	release(p.history, must, changes, illegal)
	for _, r := range p.history {
		if must[r.id] {
			p.needed = append(p.needed, r)
		}
	}
	return p
}

// release takes out of must as many of the ids as it can while the history,
// relaxed in all but must, stays illegal. Halves first: most are not needed.
// Since relaxing more never makes a legal history illegal, what one pass keeps
// is needed.
func release(history []record, must map[int]bool, ids []int, illegal func([]record) bool) {
	if len(ids) == 0 {
		return
	}
	for _, id := range ids {
		delete(must, id)
	}
	if illegal(relaxed(history, must)) {
		return
	}
	for _, id := range ids {
		must[id] = true
	}
	if len(ids) > 1 {
		release(history, must, ids[:len(ids)/2], illegal)
		release(history, must, ids[len(ids)/2:], illegal)
	}
}

// relaxed is the history in which only the records in must are as they were.
func relaxed(history []record, must map[int]bool) []record {
	out := make([]record, 0, len(history))
	for _, r := range history {
		switch {
		case must[r.id]:
			out = append(out, r)
		case !r.op.ReadOnly():
			r.answer, r.ret = nil, open
			out = append(out, r)
		}
	}
	return out
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

// shortest finds the shortest illegal prefix, by bisection: each prefix of a
// legal history is legal. It returns the whole if no prefix is shown illegal.
func shortest(records []record, illegal func([]record) bool) []record {
	var ends []int64
	for _, r := range records {
		if r.ret != open {
			ends = append(ends, r.ret)
		}
	}
	slices.Sort(ends)
	best := records
	for lo, hi := 0, len(ends)-1; lo <= hi; {
		mid := (lo + hi) / 2
		if p := prefix(records, ends[mid]); illegal(p) {
			best, hi = p, mid-1
		} else {
			lo = mid + 1
		}
	}
	return best
}

// lastReturned is the record with the last return that there was.
func lastReturned(records []record) record {
	var last record
	for _, r := range records {
		if r.ret != open && r.ret >= last.ret {
			last = r
		}
	}
	return last
}

// explain says what broke, by which operations.
func (c *check) explain(b *object, f finding, r *ObjectResult) {
	r.Part = f.part.name
	if f.answer != "" {
		r.Guarantee, r.Proof, r.Contradiction = f.answer, f.ids, f.ids[0]
		return
	}
	until := time.Now().Add(shrinkTime)
	if until.After(c.until) {
		until = c.until
	}
	illegal := func(records []record) bool { return c.illegal(part{f.part.kind, f.part.name, records}, until) }
	p := prove(f.part.records, f.ids, illegal)
	r.Contradiction = p.last.id
	for _, o := range p.needed {
		r.Proof = append(r.Proof, o.id)
	}
	slices.Sort(r.Proof)
	r.Guarantee = c.name(b, f.part, p, r.Class, func(records []record) bool {
		return c.legal(part{f.part.kind, f.part.name, records}, until)
	})
}

// illegal reports whether the part is shown to have no legal order in time.
func (c *check) illegal(p part, until time.Time) bool {
	return decideFast(p, search{until: until, memory: c.o.Memory}).Verdict == Violation
}

// legal reports whether the part is shown to have a legal order in time.
func (c *check) legal(p part, until time.Time) bool {
	return decideFast(p, search{until: until, memory: c.o.Memory}).Verdict == Pass
}
