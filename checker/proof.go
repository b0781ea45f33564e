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

// manyRecords is where a history is long: where looking for the first of its
// contradictions costs more than it tells.
const manyRecords = 2000

// prover looks for proofs. illegal must answer true only for an illegal history;
// spent says that it is time to be content with what was found.
type prover struct {
	illegal func([]record) bool
	spent   func() bool
}

// prove finds a proof. hint holds the IDs of operations that a decision thinks
// suffice, nil for none. It asks about O(k log n) histories for a proof of k of n
// operations.
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
func (p prover) prove(records []record, hint []int32) proof {
	hinted := p.trust(records, hint)
	if len(records) > manyRecords && hinted != nil {
		records = withoutUnseen(relaxed(records, hinted))
	}
	out := proof{history: p.shortest(records)}
	out.last = lastReturned(out.history)
	must := map[int32]bool{}
	for _, r := range out.history {
		must[r.id] = r.answer != nil
	}
	if hinted != nil {
		hinted[out.last.id] = true
		if p.illegal(relaxed(out.history, hinted)) {
			must = hinted
		}
	}
	p.releaseAll(out, must)
	for _, r := range out.history {
		if must[r.id] && r.answer != nil {
			out.needed = append(out.needed, r)
		}
	}
	if len(out.needed) > proofLimit {
		out.needed = out.needed[len(out.needed)-proofLimit:]
	}
	return out
}

// proofLimit is the most operations that are called a proof: where time did not
// suffice to find fewer, the last ones are the likeliest.
const proofLimit = 64

// trust finds out what of a hint suffices: it alone, or it and all clears, which
// a decision does not list. Nil if neither does.
func (p prover) trust(records []record, hint []int32) map[int32]bool {
	if len(hint) == 0 {
		return nil
	}
	must := map[int32]bool{}
	for _, id := range hint {
		must[id] = true
	}
	if p.illegal(relaxed(records, must)) {
		return must
	}
	for _, r := range records {
		if clears(r.op) {
			must[r.id] = true
		}
	}
	if p.illegal(relaxed(records, must)) {
		return must
	}
	return nil
}

// releaseAll takes out of must what is not needed: reads first, so that what
// was acknowledged stays if either would do, and clears last. Clears that were
// over before all that is needed otherwise stay: see [telling].
func (p prover) releaseAll(found proof, must map[int32]bool) {
	var reads, changes, clearing []int32
	for _, r := range found.history {
		switch {
		case !must[r.id] || r.id == found.last.id:
		case r.op.ReadOnly():
			reads = append(reads, r.id)
		case !clears(r.op):
			changes = append(changes, r.id)
		}
	}
	p.release(found.history, must, reads)
	p.release(found.history, must, changes)
	first := found.last.call
	for _, r := range found.history {
		if must[r.id] && !clears(r.op) {
			first = min(first, r.call)
		}
	}
	for _, r := range found.history {
		if must[r.id] && clears(r.op) && r.ret >= first && r.id != found.last.id {
			clearing = append(clearing, r.id)
		}
	}
	p.release(found.history, must, clearing)
}

// withoutUnseen leaves out ambiguous writes that nobody observed, as the
// pre-pass does.
func withoutUnseen(records []record) []record {
	writers := writersOf(records)
	seen := observe(records, writers)
	var out []record
	for i, r := range records {
		e, ok := r.writes()
		if w, known := writers[e]; ok && known && w == i && r.optional() && seen.by[i] < 0 && !seen.wanted[i] {
			continue
		}
		out = append(out, r)
	}
	return out
}

// release takes out of must as many of the ids as it can while the history,
// relaxed in all but must, stays illegal. Halves first: most are not needed.
// Since relaxing more never makes a legal history illegal, what one pass keeps
// is needed.
func (p prover) release(history []record, must map[int32]bool, ids []int32) {
	if len(ids) == 0 || p.spent() {
		return
	}
	for _, id := range ids {
		delete(must, id)
	}
	if p.illegal(relaxed(history, must)) {
		return
	}
	for _, id := range ids {
		must[id] = true
	}
	if len(ids) > 1 {
		p.release(history, must, ids[:len(ids)/2])
		p.release(history, must, ids[len(ids)/2:])
	}
}

// relaxed is the history in which only the records in must are as they were.
func relaxed(history []record, must map[int32]bool) []record {
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
func (p prover) shortest(records []record) []record {
	var ends []int64
	for _, r := range records {
		if r.ret != open {
			ends = append(ends, r.ret)
		}
	}
	slices.Sort(ends)
	best := records
	for lo, hi := 0, len(ends)-1; lo <= hi && !p.spent(); {
		mid := (lo + hi) / 2
		if part := prefix(records, ends[mid]); p.illegal(part) {
			best, hi = part, mid-1
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

// fewRecords is how many operations a person takes in at a glance.
const fewRecords = 6

// telling leaves out of a proof that is not short the clears that were over
// before anything else in it was called. All that most of them tell is that no
// clear was open any more, and a long history has many of them.
func telling(p proof) []record {
	if len(p.needed) <= fewRecords {
		return p.needed
	}
	first := open
	for _, r := range p.needed {
		if !clears(r.op) || r.id == p.last.id {
			first = min(first, r.call)
		}
	}
	var out []record
	for _, r := range p.needed {
		if !clears(r.op) || r.ret >= first || r.id == p.last.id {
			out = append(out, r)
		}
	}
	return out
}

// explain says what broke, by which operations.
func (c *check) explain(b *object, f finding, r *ObjectResult) {
	r.Part = f.part.name
	if f.answer != "" {
		id := int(f.ids[0])
		r.Guarantee, r.Proof, r.Contradiction = f.answer, []int{id}, id
		return
	}
	until := time.Now().Add(shrinkTime)
	find := prover{
		illegal: func(records []record) bool { return c.illegal(part{f.part.kind, f.part.name, records}, until) },
		spent:   func() bool { return time.Now().After(until) },
	}
	p := find.prove(f.part.records, f.ids)
	r.Contradiction = int(p.last.id)
	for _, o := range telling(p) {
		r.Proof = append(r.Proof, int(o.id))
	}
	slices.Sort(r.Proof)
	r.Guarantee, r.Stranger = c.name(b, f.part, p, r.Class, func(records []record) bool {
		return c.legal(part{f.part.kind, f.part.name, records}, until)
	})
	if r.Guarantee == twoEffects {
		r.Class, r.Reason = OneEffect, "" // second effects explain it, whatever the raw view says
	}
}

// illegal reports whether the part is shown to have no legal order in time.
func (c *check) illegal(p part, until time.Time) bool {
	return decideFast(p, search{until: until, memory: c.memory}).Verdict == Violation
}

// legal reports whether the part is shown to have a legal order in time.
func (c *check) legal(p part, until time.Time) bool {
	return decideFast(p, search{until: until, memory: c.memory}).Verdict == Pass
}
