package checker

// proof is a small part of an illegal history that is illegal by itself.
type proof struct {
	// history is the shortest illegal prefix, and last the record at whose
	// return it became illegal.
	history []record
	last    record
	// needed are the records that contradict each other, by call, last among
	// them.
	needed []record
	// must are their IDs, and those of more if they are many.
	must map[int32]bool
}

// manyRecords is where a history is long: where looking for the first of its
// contradictions costs more than it tells.
const manyRecords = 2000

// prover looks for proofs. illegal must answer true only for an illegal
// history, and false once the budget is spent.
type prover struct {
	illegal func([]record) bool
	budget  search
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
		records = withoutUnseen(relaxed(records, hinted), p.budget.deadline())
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
	out.must = must
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

// releaseAll removes from must the operations that the proof does not need: reads first,
// so that acknowledged changes stay if either would do, and clears last. Clears that
// returned before all other needed operations were called stay: see [withoutEarlyClears].
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
func withoutUnseen(records []record, clock *deadline) []record {
	writers := writersOf(records)
	seen := observe(records, writers, clock)
	if clock.out {
		return records
	}
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
// relaxed in all but must, stays illegal. Since relaxing more never makes a legal
// history illegal, what one pass keeps is needed.
func (p prover) release(history []record, must map[int32]bool, ids []int32) {
	release(ids, p.budget.spent, func(ids []int32) bool {
		for _, id := range ids {
			delete(must, id)
		}
		if p.illegal(relaxed(history, must)) {
			return true
		}
		for _, id := range ids {
			must[id] = true
		}
		return false
	})
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

// shortest is the shortest illegal prefix, or the whole if none is proven illegal.
func (p prover) shortest(records []record) []record {
	best := records
	shortestPrefix(records, func(part []record) bool {
		illegal := p.illegal(part)
		if illegal {
			best = part
		}
		return illegal
	})
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

// fewRecords is how many operations a person can read at a glance.
const fewRecords = 6

// withoutEarlyClears drops from a long proof the clears that returned before its other
// operations were called. A long history has many, and most of them only prove that no
// clear was pending any more.
func withoutEarlyClears(p proof) []record {
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
