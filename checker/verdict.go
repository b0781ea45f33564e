package checker

import (
	"slices"
	"time"

	"retain/model"
)

// Verdict is the judgement on a history. The four are never
// folded into each other: only Pass is green.
type Verdict string

const (
	// Pass: the history has a legal order.
	Pass Verdict = "pass"
	// Violation: it has none.
	Violation Verdict = "violation"
	// Undecided: the budget was spent before either was shown.
	Undecided Verdict = "undecided"
	// IllFormed: the history can't be judged, or the checkers disagree. This
	// says nothing about the runtime.
	IllFormed Verdict = "harness"
)

// severity orders the verdicts of a history's objects: the worst one is the
// history's. A violation stays one even if other objects are undecided.
var severity = map[Verdict]int{Pass: 0, Undecided: 1, Violation: 2, IllFormed: 3}

// Decision names the procedure that reached a verdict.
type Decision string

const (
	// ByAnswer: one answer that no state of the object gives.
	ByAnswer Decision = "answer"
	// ByZones: registers and map entries, near-linear, see decideRegister.
	ByZones Decision = "zones"
	// ByPrefix: lists, near-linear, see decideList.
	ByPrefix Decision = "prefix"
	// ByMatching: counters, near-linear, see decideCounter. Results call it by the levels
	// of the counter.
	ByMatching Decision = "levels"
	// ByJIT: just-in-time linearization, where no near-linear decision applies, see jit.
	// Results call it by its window of pending operations.
	ByJIT Decision = "window"
	// ByPorcupine: a search over all orders, by porcupine: in a short turn of its own, or
	// after the pre-pass where nothing else had an answer.
	ByPorcupine Decision = "porcupine"
)

// Class is the kind of promise that broke, as the two views of a history tell
// it: the resolved one, with what re-sends answered, and the raw one, without
// that. What was looked up is in both: it executed nothing.
type Class string

const (
	// StateGuarantee: the resolved history has no legal order even if what was sent
	// again had its effect again, or the raw one has none either and a loss at a kill
	// or stop explains what the resolved one shows.
	StateGuarantee Class = "state"
	// OneEffect: the resolved history has no legal order, and has one if operations
	// that were sent more than once had a second effect. Either the raw one has a legal
	// order, or no loss explains what is seen.
	OneEffect Class = "one key, one effect"
	// UnknownClass: neither could be decided.
	UnknownClass Class = "undecided which"
)

// Result is what [Check] says of a history.
type Result struct {
	// Verdict is the worst of the objects'; a history that is not well-formed
	// is [IllFormed] and has no objects.
	Verdict Verdict
	// Reason says in a sentence why the verdict is not pass: the broken
	// guarantee, the exhausted budget, what is wrong with the history.
	Reason string
	// Objects are the objects of the history in the order of their first calls, but
	// see [Result.Foremost].
	Objects []ObjectResult
	// Cost is the time that the whole check took.
	Cost time.Duration
}

// ObjectResult is what [Check] says of one object.
type ObjectResult struct {
	Object  model.Object
	Verdict Verdict
	// Guarantee is the broken guarantee, the zero value unless the verdict is
	// [Violation]: "an acknowledged write is missing after a kill".
	Guarantee Guarantee
	// Class says which kind of guarantee broke, "" unless violated.
	Class Class
	// Contradiction is the ID of the operation at whose return the history
	// stopped having a legal order, 0 unless violated.
	Contradiction int
	// Entered is when the invocation of that operation entered its handler although it had been
	// ended, nil unless that is the violation.
	Entered *model.Observation
	// Proof lists the IDs of the operations that together have no legal order,
	// ascending: they contradict each other for any answers and returns of the
	// others. (Where they are many, clears
	// that were over before any of the others was called are not listed.) Nil
	// unless violated.
	Proof []int
	// Stranger is the value that the violation is about, nil if it is about none.
	Stranger *Stranger
	// Part is the map's entry that was judged by itself, "" for the whole object.
	Part string
	// Resolved is the judgement of the resolved view, Raw that of the raw one.
	// Raw is the zero Judgement unless the resolved view is illegal and the
	// two differ.
	Resolved, Raw Judgement
	// Reason says why the verdict is undecided or harness, or the class of a
	// violation is not known; "" otherwise.
	Reason string
	// Spent is the bound that ended the search, nil unless the verdict is undecided.
	Spent *Exhausted
	// Operations counts the object's operations, Open those without an answer
	// in the resolved view.
	Operations, Open int
}

// Stranger is a value that an answer shows and that could not be there.
type Stranger struct {
	Value string
	// Writers are the IDs of the operations that wrote it, or would have; none if
	// nobody did.
	Writers []int
}

// Judgement is the verdict on one view of one object.
type Judgement struct {
	// Verdict is "" for a view that was not judged.
	Verdict Verdict
	// By is the procedure that decided; for a view that passed in several
	// parts, the most costly one.
	By Decision
	// Second is porcupine's verdict beside a decision that was not its own: ""
	// if it did not run, because the history is not small.
	Second Verdict
	// Cost is the time it took.
	Cost time.Duration
}

// Broken is the first object that violates, nil if none does.
func (r Result) Broken() *ObjectResult {
	for i := range r.Objects {
		if r.Objects[i].Verdict == Violation {
			return &r.Objects[i]
		}
	}
	return nil
}

// Foremost is the result with the first object of a kind that violates before all
// others, unchanged if none does: [Result.Broken] then returns that one.
// Which object of several was called first is chance where clients are concurrent.
func (r Result) Foremost(kind model.Kind) Result {
	first := slices.IndexFunc(r.Objects, func(o ObjectResult) bool { return o.Verdict == Violation && o.Object.Kind == kind })
	if first < 0 {
		return r
	}
	out := Result{Verdict: Pass, Cost: r.Cost}
	out.add(r.Objects[first])
	for i, o := range r.Objects {
		if i != first {
			out.add(o)
		}
	}
	return out
}

// Options bound a check. The zero value is what a run uses.
type Options struct {
	// Budget is the time for a whole history; 0 is 20 s. The explanation of a
	// violation takes about 0.8 s of one processor, counted in steps, and ends at most
	// 0.8 s after the budget.
	Budget time.Duration
	// Memory is what a search may hold, in bytes, roughly; 0 is 512 MiB. It is
	// counted, not measured: searches of several histories at once add up.
	Memory int64
	// SecondOpinion is the number of operations of one object up to which
	// porcupine runs as well; 0 is 64, negative is never.
	SecondOpinion int
}

// smallObject is the number of operations up to which porcupine runs as well.
const smallObject = 64

func (o Options) withDefaults() Options {
	if o.Budget == 0 {
		o.Budget = 20 * time.Second
	}
	if o.Memory == 0 {
		o.Memory = 512 << 20
	}
	if o.SecondOpinion == 0 {
		o.SecondOpinion = smallObject
	}
	return o
}
