package checker

import (
	"cmp"
	"slices"
	"sort"

	"retain/model"
)

// Guarantee is a guarantee that broke; see [model.Guarantee].
type Guarantee = model.Guarantee

// Missing reports whether the broken guarantee is that something acknowledged is
// missing.
func (r ObjectResult) Missing() bool { return r.Guarantee.Code == model.AcknowledgedMissing }

// changeOf is the kind of an operation that changes its object.
func changeOf(op model.Operation) model.ChangeKind {
	switch op.(type) {
	case model.CounterAdd, model.CounterAddThenFail:
		return model.AddChange
	case model.ListAppend, model.MailboxAppend, model.MailboxNap:
		return model.AppendChange
	case model.MailboxSend, model.MailboxRelay:
		return model.SendChange
	case model.RegisterCompareAndSet:
		return model.CompareAndSetChange
	case model.AnswerSubmit:
		return model.CallChange
	case model.AwakeableAwait:
		return model.AwaitChange
	}
	return model.WriteChange
}

func clears(op model.Operation) bool {
	switch op.(type) {
	case model.CounterReset, model.ListClear, model.MapClearAll, model.RegisterClear, model.MailboxDrain:
		return true
	}
	return false
}

func hasClear(records []record) bool {
	return slices.ContainsFunc(records, func(r record) bool { return clears(r.op) })
}

// naming finds the guarantee that a violation broke.
type naming struct {
	*check
	object *object
	part   part
	proof  proof
	// joint: each entry of the map has a legal order by itself.
	joint bool
}

// addTo sets the result's guarantee, and the value that it is about.
func (n *naming) addTo(r *ObjectResult) {
	guarantee, s := n.name()
	if r.Class == OneEffect {
		if guarantee.Code != model.TwoEffectsOfAppend {
			s = nil
		}
		guarantee = Guarantee{Code: model.TwoEffectsOfKey}
	}
	guarantee.Object = n.object.Kind
	if r.Guarantee = guarantee; s == nil {
		return
	}
	r.Stranger = &s.Stranger
	if r.Part != "" && s.key != r.Part {
		r.Part, r.Proof = s.key, []int{r.Contradiction} // that one answer contradicts everything
	}
}

// name finds the guarantee that a violation of a state guarantee broke, the most
// specific one that its proof supports, and the value that it is about, if any. A
// guarantee that is not proven broken in time is not named.
func (n *naming) name() (Guarantee, *stranger) {
	if s := n.stranger(); s != nil {
		return Guarantee{Code: s.guarantee}, s
	}
	if own := kindParts[n.part.kind].guarantee; own != nil {
		if g := own(n); !g.IsZero() {
			return g, nil
		}
	}
	if code := n.contradiction(); code != "" {
		return Guarantee{Code: code}, nil
	}
	if n.joint && hasClear(n.part.records) {
		return Guarantee{Code: model.ClearAllHalfDone}, nil
	}
	if n.tooMuch() {
		return Guarantee{Code: model.CountTooHigh}, nil
	}
	before, guarantee := n.missing()
	if before.ret != open { // what is deferred was acknowledged before its effect
		before.ret = min(before.ret, n.h.Operations[before.id-1].In(model.Resolved).Return.Seq)
	}
	guarantee.Fault = n.faultBetween(before, n.proof.last)
	return guarantee, nil
}

// legal reports whether the proof, with some records replaced, is proven
// to have a legal order: nil for a record drops it.
func (n *naming) legal(instead map[int32]*record) bool {
	var records []record
	for _, r := range relaxed(n.proof.history, n.proof.must) {
		other, changed := instead[r.id]
		switch {
		case !changed:
			records = append(records, r)
		case other != nil:
			records = append(records, *other)
		}
	}
	sortByCall(records)
	return decideFast(part{n.part.kind, n.part.name, records}, n.search()).Verdict == Pass
}

// explains reports whether the proof is legal if the operation changed nothing.
func (n *naming) explains(lost record) bool {
	r, rest := lost.withoutEffect(n.part.name)
	if !rest {
		return n.legal(map[int32]*record{lost.id: nil})
	}
	return n.legal(map[int32]*record{lost.id: &r})
}

// old reports whether the last answer of the proof was right at an earlier time.
func (n *naming) old() bool {
	r, reads := n.proof.last.withoutEffect(n.part.name)
	if !reads {
		return false
	}
	r.call = 0
	return n.legal(map[int32]*record{r.id: &r})
}

// contradiction names what two answers of a proof say against each other. Who wrote a
// value counts: one that was written twice can be replaced, removed and shown twice.
func (n *naming) contradiction() model.GuaranteeCode {
	once := n.writtenOnce()
	needed := n.proof.needed
	for i, a := range needed {
		if n.spent() {
			return ""
		}
		for _, b := range needed[i+1:] {
			if elementsIn(a)+elementsIn(b) > mostCompared {
				continue
			}
			if clears(a.op) && clears(b.op) && share(a, b, once) {
				return model.TwoClearsOneValue
			}
			switch x := a.answer.(type) {
			case model.Text:
				if swapped(a) && swapped(b) && x.Equal(b.answer) && once(entry{value: string(x)}) {
					return model.TwoSwapsOneValue
				}
			case model.Change:
				if len(needed) == 2 && x.Old != x.New && x.Equal(b.answer) && a.ret >= b.call {
					return model.TwoAddsOneStep
				}
			case model.Texts:
				y, ok := b.answer.(model.Texts)
				if ok && (reordered(x, y, once) || a.ret < b.call && inserted(x, y, once) || b.ret < a.call && inserted(y, x, once)) {
					return model.ListReordered
				}
			}
		}
	}
	return ""
}

// mostCompared bounds the answers that are compared element by element.
const mostCompared = 1 << 20

// elementsIn is the number of elements in a list's answer.
func elementsIn(r record) int {
	list, _ := r.answer.(model.Texts)
	return len(list)
}

// writtenOnce returns a predicate: the value of an entry has at most one writer.
func (n *naming) writtenOnce() func(entry) bool {
	writers := writersOf(n.part.records)
	return func(e entry) bool { return e.value != "" && writers[e] != several }
}

// swapped reports whether the record is an answered compare-and-set that replaced
// what it saw.
func swapped(r record) bool {
	_, swap := r.op.(model.RegisterCompareAndSet)
	_, wrote := r.writes()
	return swap && wrote && r.answer != nil
}

// share reports whether both answers show one value that was written once.
func share(a, b record, once func(entry) bool) bool {
	shown := map[entry]bool{}
	a.eachSeen(func(e entry) { shown[e] = true })
	found := false
	b.eachSeen(func(e entry) { found = found || shown[e] && once(e) })
	return found
}

// reordered reports whether two elements, each appended once, stand in both lists in
// another order.
func reordered(a, b []string, once func(entry) bool) bool {
	at := make(map[string]int, len(a))
	for i, v := range a {
		at[v] = i
	}
	last := -1
	for _, v := range b {
		if i, ok := at[v]; ok && once(entry{value: v}) {
			if i < last {
				return true
			}
			last = i
		}
	}
	return false
}

// inserted reports whether a later answer has something new in front of an element,
// appended once, that an earlier one has: lists grow at their end.
func inserted(earlier, later []string, once func(entry) bool) bool {
	had := make(map[string]bool, len(earlier))
	for _, v := range earlier {
		had[v] = true
	}
	fresh := false
	for _, v := range later {
		if !had[v] {
			fresh = true
		} else if fresh && once(entry{value: v}) {
			return true
		}
	}
	return false
}

// tooMuch reports whether the last answer shows a counter higher than all that was
// called by then adds up to.
func (n *naming) tooMuch() bool {
	last := n.proof.last
	if n.part.kind != model.Counter || !isNumber(last) {
		return false
	}
	sum := int64(0)
	for _, r := range n.part.records {
		if r.call < last.ret && r.id != last.id {
			sum += model.Addition(r.op)
		}
	}
	return counted(last) > sum
}

// missing finds what the last answer of a proof lacks: the record that it should
// have reflected, and the guarantee of that. Each guarantee is named only if the proof
// has a legal order once its violation is taken for granted: that the operation changed
// nothing, or that the answer is of an earlier time.
func (n *naming) missing() (record, Guarantee) {
	last := n.proof.last
	var back Guarantee
	if n.old() {
		if back.Code = model.AnswerWentBack; last.op.ReadOnly() {
			back.Code = model.ReadWentBack
		}
	}
	for _, m := range slices.Backward(n.proof.needed) {
		if m.id == last.id || m.op.ReadOnly() || m.ret >= last.call || shows(last, m) || elsewhere(last, m) {
			continue
		}
		switch {
		case clears(m.op):
			if n.explains(m) {
				return m, Guarantee{Code: model.ClearedCameBack}
			}
		case n.part.kind.IsList() && holds(last, m):
			if n.disordered() {
				return m, Guarantee{Code: model.ListNotAsAcknowledged}
			}
		case surfaced(n.part.records, m, last):
			if !back.IsZero() {
				return m, back
			}
		case n.explains(m):
			return m, Guarantee{Code: model.AcknowledgedMissing, Operation: changeOf(m.op)}
		}
	}
	if !back.IsZero() {
		for _, m := range slices.Backward(n.proof.needed) {
			if m.id != last.id && m.ret < last.call {
				return m, back
			}
		}
	}
	return last, Guarantee{Code: model.NoLegalOrder}
}

// disordered reports whether the last answer shows an element behind another that was
// appended only after it was acknowledged, each of them appended once.
func (n *naming) disordered() bool {
	writers := writersOf(n.part.records)
	latest := int64(-1) // the call of those so far
	found := false
	n.proof.last.eachSeen(func(e entry) {
		if w, known := writers[e]; known && w != several {
			r := n.part.records[w]
			found = found || r.answer != nil && r.ret < latest
			latest = max(latest, r.call)
		}
	})
	return found
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

// faultsAtOnce is how many faults may have begun and not be over.
const faultsAtOnce = 4

// faultBetween is the kind of the fault between the two records, "" for none. A kill is
// named before a stop, which drains, and what ended the server before what was done to the
// service.
func (c *check) faultBetween(before, last record) model.FaultKind {
	var stopped, ofService model.FaultKind
	faults := c.faults()
	next := sort.Search(len(faults), func(i int) bool { return faults[i].Begin.Seq > before.ret })
	for _, f := range faults[max(0, next-faultsAtOnce):] {
		if f.Begin.Seq > last.ret {
			break
		}
		came := last.call > f.Begin.Seq || last.ret > f.End.Seq
		if before.ret >= f.Begin.Seq {
			// The server answered while it ended, and ended after that.
			came = before.ret < f.End.Seq && last.ret > f.End.Seq
		}
		if before.id == last.id || !came {
			continue
		}
		switch {
		case f.Ends() && !f.Kind.Spec().Drains:
			return f.Kind
		case f.Ends():
			stopped = f.Kind
		case f.Kind.OfService() && !f.Kind.Undoes():
			ofService = f.Kind
		}
	}
	return cmp.Or(stopped, ofService)
}
