package checker

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"retain/model"
)

// Witness makes a history that violates as small as it can be and still have no
// legal order, without executing anything again. It takes sound steps only: each
// of them makes a legal history of a legal one, so that a witness shows what the
// whole history shows. No single one of these steps leads from the witness to a
// smaller history that violates:
//
//   - the history up to an instant: operations that are open then become ambiguous
//     and forget their answers;
//   - one object of several, one entry of a map, some elements of a list: all others
//     are deleted from all answers;
//   - what changes nothing is dropped, and so is what failed, and a write whose value
//     nobody answered and no compare-and-set replaced;
//   - two additions, or two writes, of which the second follows upon the first and
//     nobody saw what was between, become one;
//   - an interval is widened. An operation that then overlaps another one of its
//     process gets a process of its own.
//
// Where that leaves many operations, there are more such steps:
//
//   - the history from an answered clear on, which left nothing: what overlaps the
//     clear becomes ambiguous and forgets its answer;
//   - some units of a counter: all others are deleted from all answers;
//   - more ambiguous clears or additions are dropped than the answers have room for.
//
// If the raw view of the object violates, it is that which is minimised: what
// re-sends answered says nothing then. If it is only what re-sends answered that
// violates, a step must also leave the raw view legal: where second effects explain
// the history, they explain the witness; where they don't, they may, and a witness of the
// raw view may leave out that an operation was sent again. The times of what
// was not widened are those of the run; the notes say which of its operations the
// witness is made of.
//
// A history that is hard to judge may cost the time that a proof may take: then the
// witness is as small as it was made by then. It is an error if the history has no
// violation that is found within the budget.
func Witness(h *model.History, o Options) (*model.History, error) {
	return witnessIn(h, o, func(model.Object) bool { return true })
}

// WitnessOf is [Witness] of one of the objects that violate, where there are several;
// it is an error if that one does not.
func WitnessOf(h *model.History, object model.Object, o Options) (*model.History, error) {
	return witnessIn(h, o, func(other model.Object) bool { return other == object })
}

func witnessIn(h *model.History, o Options, wanted func(model.Object) bool) (*model.History, error) {
	if err := h.Validate(); err != nil {
		return nil, fmt.Errorf("the history is not well-formed: %w", err)
	}
	w, err := newWitness(h, o, wanted)
	if err != nil {
		return nil, err
	}
	w.shrink()
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

// witness is the history of one object on its way to being minimal. Its instants
// are sequence numbers times fine.
type witness struct {
	*check
	object  model.Object
	view    model.View
	records []record // by call
	// made lists the operations that a record stands for, if they are several.
	made map[int32][]int32
	// making is the same of records that are being tried.
	making map[int32][]int32
	// resent is set if the raw view is legal, and stays so.
	resent bool
	// longest is the time for one decision.
	longest time.Duration
}

// fine is how many instants a witness has for each of the history: room for those
// of intervals that are widened.
const fine = 1 << 30

// errNoViolation is why there is no witness.
var errNoViolation = errors.New("no object of the history is shown to violate")

// newWitness looks for the first wanted object that violates.
func newWitness(h *model.History, o Options, wanted func(model.Object) bool) (*witness, error) {
	c := &check{h: h, o: o.withDefaults()}
	c.o.SecondOpinion = -1
	c.until, c.memory = time.Now().Add(c.o.Budget), c.o.Memory
	for _, b := range objectsOf(h) {
		if !wanted(b.Object) {
			continue
		}
		records, view, resent := b.records, model.Resolved, false
		began := time.Now()
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
		w.longest = max(minDecision, 3*time.Since(began))
		if until := time.Now().Add(max(shrinkTime, 2*w.longest)); until.Before(c.until) {
			c.until = until
		}
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
		if f.part.name != "" {
			w.take(w.withoutKeys(w.keysBut(f.part.name)))
		}
		return w, nil
	}
	return nil, errNoViolation
}

// minDecision is the least that one decision is given.
const minDecision = 250 * time.Millisecond

// spent says that it is time to be content with what was found.
func (w *witness) spent() bool { return time.Now().After(w.until) }

// illegal reports whether records are shown to have no legal order, and to have one
// in the raw view if that is what the witness is about.
func (w *witness) illegal(records []record) bool {
	if w.spent() {
		return false
	}
	c := *w.check
	if until := time.Now().Add(w.longest); until.Before(c.until) {
		c.until = until
	}
	return c.decide(w.object.Kind, records).Verdict == Violation &&
		(!w.resent || c.decide(w.object.Kind, w.raw(records)).Verdict == Pass)
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
	for more := true; more && !w.spent(); {
		w.cut()
		w.coarse()
		if w.large() {
			w.further()
		}
		more = w.single() || w.widen()
	}
}

// large reports whether the witness is too large to be taken in at a glance. Then,
// and only then, steps are taken that make it smaller and tell less: of what an
// acknowledged clear removed, and which comes back, they leave what nobody wrote.
func (w *witness) large() bool { return len(w.records) > fewRecords }

// cut finds the shortest part of the history up to an instant. A part of a legal
// part is legal, so that bisection finds it.
func (w *witness) cut() {
	var ends []int64
	for _, r := range w.records {
		if r.ret != open {
			ends = append(ends, r.ret)
		}
	}
	slices.Sort(ends)
	for lo, hi := 0, len(ends)-1; lo <= hi; {
		if mid := (lo + hi) / 2; w.take(prefix(w.records, ends[mid])) {
			hi = mid - 1
		} else {
			lo = mid + 1
		}
	}
}

// cutFront finds the latest clear from which on the history violates.
func (w *witness) cutFront() {
	clearing := answeredClears(w.records)
	whole := w.records
	for lo, hi := 0, len(clearing)-1; lo <= hi; {
		if mid := (lo + hi) / 2; w.take(after(whole, clearing[mid])) {
			lo = mid + 1
		} else {
			hi = mid - 1
		}
	}
}

// coarse takes away as much as it can of what can go together.
func (w *witness) coarse() {
	release(w, w.idle(), w.withoutIDs)
	switch w.object.Kind {
	case model.List:
		release(w, w.elements(), w.withoutElements)
	case model.Map:
		release(w, w.keys(), w.withoutKeys)
	}
	release(w, w.unseen(), w.withoutIDs)
	release(w, w.pairs(), w.collapsed)
}

// further is coarse for a witness that is large.
func (w *witness) further() {
	w.cutFront()
	if w.object.Kind == model.Counter {
		release(w, w.failing(), w.forgetting)
		release(w, w.units(), w.withoutUnits)
	}
	release(w, w.excess(), w.withoutIDs)
}

// release takes away as many of the tokens as it can, halves first; the last ones
// are the likeliest to stay.
func release[T any](w *witness, tokens []T, without func([]T) []record) {
	if len(tokens) == 0 || w.take(without(tokens)) || len(tokens) == 1 || w.spent() {
		return
	}
	half := len(tokens) / 2
	release(w, tokens[:half], without)
	release(w, tokens[half:], without)
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
	switch w.object.Kind {
	case model.List:
		for _, v := range w.elements() {
			add("element", func() []record { return w.withoutElements([]string{v}) })
		}
	case model.Map:
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
	return append(out, w.shorter()...)
}
