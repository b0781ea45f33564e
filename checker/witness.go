package checker

import (
	"errors"
	"fmt"
	"slices"
	"sort"

	"retain/model"
)

// Witness reduces a history that violates to a minimal one that has no legal order,
// either. It executes nothing. Each of its steps is sound: it turns a legal history
// into a legal one, so that the witness proves what the whole history proves. None of
// these steps leads from the witness to a smaller history that violates:
//
//   - the history up to an instant: operations that are open then become ambiguous
//     and forget their answers;
//   - one object of several, one entry of a map, some elements of a list: all others
//     are deleted from all answers;
//   - an operation that changes nothing or failed is dropped, and so is a write whose
//     value is in no answer and was replaced by no compare-and-set;
//   - two additions, or two writes, of which the second directly follows the first
//     and nobody saw the value between them, become one;
//   - an interval is widened. An operation that then overlaps another one of its
//     process gets a process of its own.
//
// Where that leaves many operations, there are more such steps:
//
//   - the history from an answered clear on: operations that overlap the clear
//     become ambiguous and forget their answers;
//   - some units of a counter: all others are deleted from all answers;
//   - a clear becomes ambiguous and forgets its answer;
//   - ambiguous clears or additions are dropped that are more than the answers have
//     room for, and all but one of the ambiguous resets for which there are too few
//     additions.
//
// Two violations are told by one operation and need no steps. The witness of an operation that
// was answered otherwise when it was sent again is that operation. The witness of an operation
// that was executed again although it had been ended is that operation, the one that ended it,
// and what was seen of it.
//
// If the raw view of the object violates, Witness minimises the raw view, without the
// answers of re-sends. If only the resolved view violates, each step must leave the raw
// view legal. Where second effects explain the history, they must also explain the
// witness; where they don't, they may, and a witness of the raw view may leave out that
// an operation was sent again. Instants that were not widened keep the times of the run;
// the notes list which of its operations the witness consists of.
//
// A history that is hard to judge takes about 3 s of one processor at most; the witness
// is then not minimal. The time is counted in steps of the search, so that the witness
// of a history is the same on each machine, as long as the budget lasts. Witness returns
// an error if it finds no violation within the budget.
func Witness(h *model.History, o Options) (*model.History, error) {
	return witnessIn(h, o, func(model.Object) bool { return true })
}

// WitnessOf is [Witness] of one of several objects that violate. It returns an error if
// that object does not.
func WitnessOf(h *model.History, object model.Object, o Options) (*model.History, error) {
	return witnessIn(h, o, func(other model.Object) bool { return other == object })
}

// SpanOf is from when to when an object of a history broke that violates: from the first
// call of the operations in its witness to the last call, answer or piece of evidence, as the
// history has them.
func SpanOf(h *model.History, object model.Object, o Options) (from, to model.Instant, err error) {
	w, err := smallest(h, o, func(other model.Object) bool { return other == object })
	if err != nil {
		return from, to, err
	}
	from = model.Forever
	for _, r := range w.records {
		for _, id := range append([]int32{r.id}, w.made[r.id]...) {
			op := h.Operations[id-1].In(w.view)
			last := op.Return
			if last == model.Forever {
				last = op.Call
			}
			if op.Call.Seq < from.Seq {
				from = op.Call
			}
			if last.Seq > to.Seq {
				to = last
			}
		}
	}
	for _, e := range w.evidence {
		if e.At.Seq > to.Seq {
			to = e.At
		}
	}
	return from, to, nil
}

// smallest reduces the history of the first wanted object that violates.
func smallest(h *model.History, o Options, wanted func(model.Object) bool) (*witness, error) {
	if err := h.Validate(); err != nil {
		return nil, fmt.Errorf("the history is not well-formed: %w", err)
	}
	w, err := newWitness(h, o, wanted)
	if err != nil {
		return nil, err
	}
	w.shrink()
	return w, nil
}

func witnessIn(h *model.History, o Options, wanted func(model.Object) bool) (*model.History, error) {
	w, err := smallest(h, o, wanted)
	if err != nil {
		return nil, err
	}
	out := w.history()
	if err := out.Validate(); err != nil {
		return nil, fmt.Errorf("the witness is not well-formed: %w; this is a bug of retain's checker, keep the history", err)
	}
	if r := Check(out, o); r.Verdict != Violation {
		return nil, fmt.Errorf("the witness is no violation but %s: %s; this is a bug of retain's checker, keep the history",
			r.Verdict, r.Reason)
	}
	return out, nil
}

// witness is the history of one object while it is reduced. Its instants are sequence
// numbers times fine.
type witness struct {
	*check
	object  model.Object
	view    model.View
	records []record // by call
	// made lists the operations that a record was merged from, if any.
	made map[int32][]int32
	// making is the same for records of the current candidate.
	making map[int32][]int32
	// resent is true if the raw view is legal and must stay so; twice if second effects
	// also explain the resolved one and must go on to do so.
	resent, twice bool
	// repeated: it is one operation that was answered otherwise when it was sent again.
	repeated bool
	// evidence is what the endpoint proxy saw of an operation that was executed again although
	// it had been ended, nil unless the witness is about that.
	evidence []model.Observation
	// longest is the effort for one decision.
	longest int64
}

// fine is how many instants a witness has for each of the history: room for those
// of intervals that are widened.
const fine = 1 << 30

// errNoViolation is why there is no witness.
var errNoViolation = errors.New("no object of the history is shown to violate")

// newWitness looks for the first wanted object that violates.
func newWitness(h *model.History, o Options, wanted func(model.Object) bool) (*witness, error) {
	c := newCheck(h, o)
	c.o.SecondOpinion = -1
	for _, b := range objectsOf(h) {
		if !wanted(b.Object) {
			continue
		}
		if f, ok := c.otherwise(b); ok {
			return repeatedWitness(c, b, f), nil
		}
		if f, ok := c.ranAgain(b); ok {
			return endedWitness(c, b, f), nil
		}
		records, view, resent := b.records, model.Resolved, false
		first := unbounded()
		c.effort = first
		f := c.decide(b.Kind, records)
		if f.Verdict != Violation {
			continue
		}
		if b.differs {
			raw := c.decide(b.Kind, b.raw(h))
			if resent = raw.Verdict == Pass; raw.Verdict == Violation {
				f, records, view = raw, b.raw(h), model.Raw
			}
		}
		w := &witness{check: c, object: b.Object, view: view, resent: resent, made: map[int32][]int32{}}
		w.longest = max(minDecision, 3*first.used())
		c.effort = (*effort)(nil).part(max(witnessEffort, 2*w.longest))
		for _, r := range records {
			if f.By == ByAnswer && !slices.Contains(f.ids, r.id) {
				continue // that one answer is a violation by itself
			}
			r.call *= fine
			if r.ret != open {
				r.ret *= fine
			}
			w.records = append(w.records, r)
		}
		w.twice = w.resent && w.bounded(w.effort.part(classEffort)).secondEffects(b) == Pass
		if f.part.name != "" {
			w.take(w.withoutKeys(w.keysBut(f.part.name)))
		}
		return w, nil
	}
	return nil, errNoViolation
}

// repeatedWitness is the operation that was answered otherwise when it was sent again, and
// nothing else.
func repeatedWitness(c *check, b *object, f finding) *witness {
	w := &witness{check: c, object: b.Object, view: model.Resolved, made: map[int32][]int32{}, repeated: true}
	for _, r := range b.records {
		if slices.Contains(f.ids, r.id) {
			r.call, r.ret = r.call*fine, r.ret*fine
			w.records = append(w.records, r)
		}
	}
	return w
}

// endedWitness is the operation that was executed again, the one that had ended it, and what was
// seen of it until then.
func endedWitness(c *check, b *object, f finding) *witness {
	w := &witness{check: c, object: b.Object, view: model.Resolved, made: map[int32][]int32{}}
	for _, id := range slices.Sorted(slices.Values(f.ids)) {
		o := c.h.Operations[id-1].In(model.Resolved)
		r := record{id: id, op: o.Op, answer: o.Answer, call: o.Call.Seq * fine, ret: open}
		if o.Answer != nil {
			r.ret = o.Return.Seq * fine
		}
		w.records = append(w.records, r)
	}
	for _, e := range c.h.Evidence {
		if e.ID == f.entered.ID && e.At.Seq <= f.entered.At.Seq {
			w.evidence = append(w.evidence, e)
		}
	}
	return w
}

// witnessEffort is what a witness may take, unless a single decision takes that much.
const witnessEffort = 3 * perSecond

// minDecision is the least that one decision is given.
const minDecision = perSecond / 4

// illegal reports whether records are proven to have no legal order, and to have one
// in the raw view, and with second effects, if that is what the witness is about.
func (w *witness) illegal(records []record) bool {
	if w.spent() {
		return false
	}
	c := w.bounded(w.effort.part(w.longest))
	return c.decide(w.object.Kind, records).Verdict == Violation &&
		(!w.resent || c.decide(w.object.Kind, w.raw(records)).Verdict == Pass) &&
		(!w.twice || c.explainedBy(w.object.Kind, records, w.doubled(records)) == Pass)
}

// doubled are the records of operations that may have taken effect twice. The witness
// does not say when they were sent again.
func (w *witness) doubled(records []record) []doubled {
	var out []doubled
	for i, r := range records {
		if o := w.invoked(r); o.MayHaveRunTwice() {
			out = append(out, doubled{i, r.call})
		}
	}
	return out
}

// raw are the records without what re-sends answered.
func (w *witness) raw(records []record) []record {
	var out []record
	for _, r := range records {
		if r.answer != nil && resent(&w.h.Operations[r.id-1]) {
			r.answer, r.ret = nil, open
		}
		out = append(out, r)
	}
	return out
}

// take makes records the witness if they violate.
func (w *witness) take(records []record) bool {
	defer func() { w.making = nil }()
	if !w.illegal(records) {
		return false
	}
	w.records = records
	for _, r := range records {
		if made := w.making[r.id]; made != nil {
			w.made[r.id] = made
		}
	}
	return true
}

// shrink takes steps until there is none left: first many at once, then singly.
// Intervals are widened at last: where that is done nothing else becomes possible
// as a rule, since a wider history is legal more easily.
func (w *witness) shrink() {
	for more := !w.repeated && w.evidence == nil; more && !w.spent(); {
		w.cut()
		w.coarse()
		if w.large() {
			w.further()
		}
		more = w.single() || w.large() && w.forgetClears() || w.widen()
	}
}

// large reports whether the witness is too large for a person to read at a glance. Only
// then are steps taken that lose information: a value that an acknowledged clear
// removed and that comes back becomes a value that nobody wrote.
func (w *witness) large() bool { return len(w.records) > fewRecords }

// cut takes the shortest part of the history up to an instant.
func (w *witness) cut() { shortestPrefix(w.records, w.take) }

// cutFront takes the history from the latest clear on from which it violates.
func (w *witness) cutFront() {
	whole, clearing := w.records, answeredClears(w.records)
	sort.Search(len(clearing), func(i int) bool { return !w.take(after(whole, clearing[i])) })
}

// coarse removes as many operations at once as it can, kind of step by kind of step.
func (w *witness) coarse() {
	drop(w, w.idle(), w.withoutIDs)
	switch kind := w.object.Kind; {
	case kind.IsList():
		drop(w, w.elements(), w.withoutElements)
	case kind == model.Map:
		drop(w, w.keys(), w.withoutKeys)
	}
	drop(w, w.unseen(), w.withoutIDs)
	drop(w, w.pairs(), w.collapsed)
}

// further is coarse for a witness that is large.
func (w *witness) further() {
	w.cutFront()
	if w.object.Kind == model.Counter {
		drop(w, w.failing(), w.forgetting)
		drop(w, w.units(), w.withoutUnits)
	}
	drop(w, w.excess(), w.withoutIDs)
}

// forgetClears makes as many answered clears ambiguous as it can: then they may be in
// excess. It reports whether that was any. It comes behind all steps that need a clear
// which was answered.
func (w *witness) forgetClears() bool {
	before := answeredClears(w.records)
	drop(w, idsOf(before), w.forgetting)
	return len(answeredClears(w.records)) < len(before)
}

// drop takes away as many of the tokens as it can.
func drop[T any](w *witness, tokens []T, without func([]T) []record) {
	release(tokens, w.spent, func(some []T) bool { return w.take(without(some)) })
}

// single takes the first single step that there is, false if there is none.
func (w *witness) single() bool {
	steps := w.steps()
	if w.large() {
		steps = append(steps, w.furtherSteps()...)
	}
	for _, s := range steps {
		if w.spent() {
			return false
		}
		if w.take(s.records()) {
			return true
		}
	}
	return false
}

// sound is one sound step.
type sound struct {
	name    string
	records func() []record
}

// steps are the single steps that could be taken, but for those that widen intervals.
func (w *witness) steps() []sound {
	var out []sound
	add := func(name string, records func() []record) { out = append(out, sound{name, records}) }
	last := lastReturned(w.records).ret
	for _, r := range w.records {
		if r.ret < last || r.ret == last && w.records[len(w.records)-1].call > last {
			add("prefix", func() []record { return prefix(w.records, r.ret) })
		}
	}
	for _, id := range slices.Concat(w.idle(), w.unseen()) {
		add("drop", func() []record { return w.withoutIDs([]int32{id}) })
	}
	for _, p := range w.pairs() {
		add("collapse", func() []record { return w.collapsed([]pair{p}) })
	}
	switch kind := w.object.Kind; {
	case kind.IsList():
		for _, v := range w.elements() {
			add("element", func() []record { return w.withoutElements([]string{v}) })
		}
	case kind == model.Map:
		for _, k := range w.keys() {
			add("entry", func() []record { return w.withoutKeys([]string{k}) })
		}
	}
	return out
}

// furtherSteps are those for a witness that is large.
func (w *witness) furtherSteps() []sound {
	var out []sound
	add := func(name string, records func() []record) { out = append(out, sound{name, records}) }
	for _, r := range answeredClears(w.records) {
		add("suffix", func() []record { return after(w.records, r) })
	}
	for _, id := range w.excess() {
		add("excess", func() []record { return w.withoutIDs([]int32{id}) })
	}
	if w.object.Kind != model.Counter {
		return out
	}
	for _, id := range w.failing() {
		add("forget", func() []record { return w.forgetting([]int32{id}) })
	}
	for _, u := range w.units() {
		add("units", func() []record { return w.withoutUnits([]int64{u}) })
	}
	out = append(out, w.shorter()...)
	for _, id := range w.idleResets() {
		add("idle reset", func() []record { return w.withoutIDs([]int32{id}) })
	}
	return out
}
