package checker

import (
	"fmt"
	"time"

	"retain/model"
)

// finding is what the decisions made of one view of one object.
type finding struct {
	Judgement
	// part is what the verdict is about, if it is a violation.
	part part
	// answer is the guarantee that an impossible answer breaks, by the first
	// operation in ids.
	answer model.GuaranteeCode
	ids    []int32
	// entered is the entry into a handler that breaks it, nil if an answer does.
	entered *model.Observation
	reason  string
	// spent is which bound ended the search, nil unless undecided.
	spent *Exhausted
	// joint: the part is a whole map, and each of its entries is legal.
	joint bool
}

// decide judges one view of an object.
func (c *check) decide(kind model.Kind, records []record) finding {
	start := time.Now()
	f := finding{Judgement: Judgement{Verdict: Pass}}
	for i := range records {
		r := &records[i]
		if r.answer == nil || usual(r) && r.call <= r.ret {
			continue
		}
		wrong := impossible(r.op, r.answer)
		if wrong == "" && r.call > r.ret {
			wrong = model.RanEarly
		}
		if wrong != "" {
			f.Verdict, f.By, f.answer, f.ids = Violation, ByAnswer, wrong, []int32{r.id}
			f.part = part{kind: kind, records: records}
			f.Cost = time.Since(start)
			return f
		}
	}
	var slowest time.Duration
	parts := partsOf(kind, records, c.shared(kind))
	whole := len(parts) - 1
	var first *finding // of the whole map, where that is decided first
	if kind == model.Map && whole > 0 && parts[whole].name == "" && !c.shared(kind) && repeats(records) {
		j := c.decidePart(parts[whole])
		if first = &j; j.Verdict == Pass {
			parts, whole = parts[whole:], 0 // then each entry is legal too
		}
	}
	for i, p := range parts {
		begin, before := time.Now(), f.Verdict
		var j finding
		if first != nil && i == whole {
			j = *first
		} else {
			j = c.decidePart(p)
		}
		if cost := time.Since(begin); cost >= slowest {
			slowest = cost
			f.By, f.Second = j.By, j.Second
		}
		if severity[j.Verdict] > severity[f.Verdict] {
			f.Judgement = j.Judgement
			f.reason, f.ids, f.part, f.spent = j.reason, j.ids, p, j.spent
			f.joint = kind == model.Map && p.name == "" && before == Pass
		}
		if f.Verdict == Violation || f.Verdict == IllFormed {
			break
		}
	}
	f.Cost = time.Since(start)
	return f
}

// repeats reports whether a value was written more than once. Then an entry of a map is
// no cheaper to decide than the map.
func repeats(records []record) bool {
	for _, w := range writersOf(records) {
		if w == several {
			return true
		}
	}
	return false
}

// shared reports whether the history's readers of a map are shared handlers.
func (c *check) shared(kind model.Kind) bool {
	return kind == model.Map && c.h.IsShared(model.MapGet{})
}

// decidePart judges one part: the part passes if it alone has a legal order.
func (c *check) decidePart(p part) finding {
	began, budget := time.Now(), c.search()
	budget.ended = new(Bound)
	f := decideFast(p, budget)
	if f.By != ByPorcupine && len(p.records) <= c.o.SecondOpinion {
		f.Second = c.second().run(p.kind, p.records)
		f.compare()
	}
	if f.Verdict == Undecided {
		f.spent = &Exhausted{Bound: *budget.ended, After: time.Since(began), Time: c.o.Budget, Memory: c.memory, Of: c.o.Memory}
		if n := openAtOnce(p.records); n > mostOpen && f.By == ByPorcupine {
			f.spent.Open = n
		}
		f.reason = fmt.Sprintf("no verdict on its %d operations: the search reached %s", len(p.records), f.spent)
		if f.By == ByPorcupine || f.By == ByJIT {
			f.reason += "; the fast check does not apply, because " + whyNot(p)
		}
	}
	return f
}

// compare looks at the second opinion. Where porcupine says the opposite, the
// verdict is [IllFormed]: one of the two is wrong, and nothing is known of the
// runtime.
func (f *finding) compare() {
	if f.Second == "" || f.Second == Undecided || f.Second == f.Verdict {
		return
	}
	f.reason = fmt.Sprintf("the checkers disagree: %s says %s, porcupine says %s; this is a bug of retain's checker, keep the history",
		f.By, f.Verdict, f.Second)
	f.Verdict = IllFormed
}

// second is the budget for a second opinion: about ten milliseconds. A history
// that needs more is not small.
func (c *check) second() search {
	s := c.search()
	s.memory = min(s.memory, 8<<20)
	return s
}

// decideFast decides a part by the first decision that applies to it: the
// near-linear one of its kind, then just-in-time linearization, then porcupine.
func decideFast(p part, budget search) finding {
	f := finding{}
	budget.effort.spend(perDecision + perRecord*len(p.records))
	fast, by := nearLinear(p, budget)
	if fast.spent {
		budget.reached(ByTime)
		return finding{Judgement: Judgement{Verdict: Undecided, By: by}}
	}
	if fast.applies {
		f.By, f.ids, f.Verdict = by, fast.ids, Pass
		if !fast.legal {
			f.Verdict = Violation
		}
		return f
	}
	if budget.spent() {
		budget.reached(ByTime)
		return finding{Judgement: Judgement{Verdict: Undecided, By: ByJIT}}
	}
	half := budget.half() // the rest is porcupine's, which may be lucky
	before, between := porcupineTurns(p)
	race := func(stepsPerRecord int) Verdict {
		if stepsPerRecord == 0 {
			return Undecided
		}
		return half.few(stepsPerRecord*len(p.records)+fewSteps).race(p.kind, p.records)
	}
	if v := race(before); v != Undecided {
		f.Verdict, f.By = v, ByPorcupine
		return f
	}
	lucky := Undecided
	v, at := sweep(p.kind, p.records, half, configsLimits[:], func() Verdict {
		lucky = race(between)
		if between *= nextTurn; between*len(p.records) > mostSteps {
			between = 0
		}
		return lucky
	})
	switch f.Verdict, f.By = v, ByJIT; {
	case v == Undecided:
		f.By = ByPorcupine
		f.Verdict = budget.run(p.kind, p.records)
	case lucky != Undecided:
		f.By = ByPorcupine
	case at != 0:
		f.ids = []int32{at}
	}
	return f
}

// firstTurn and stepsPerRecord are the steps an operation that porcupine may take before
// [sweep] and between its first searches: about what a history takes that is legal
// nearly in the order of its calls, and some times that. Each turn has nextTurn times the
// steps of the one before, as the searches of sweep have, up to mostSteps in all.
const (
	firstTurn      = 4
	stepsPerRecord = 20
	nextTurn       = 8
	mostSteps      = 4_000_000
)

// fewOpen and mostCopied are where porcupine has its turn before [sweep]: where it need
// not backtrack often, and where its set of linearized operations, copied at each step,
// is short.
const (
	fewOpen    = 6
	mostCopied = 10_000
)

// porcupineTurns are the steps an operation of porcupine's first turns, 0 for none: before
// [sweep], and between its searches. On a small object sweep comes first, since
// porcupine is its second opinion, and where few operations are ambiguous it is quicker.
func porcupineTurns(p part) (before, between int) {
	n := len(p.records)
	whole := p.kind == model.Map && p.name == "" && repeats(p.records) // sweep prunes least here
	switch {
	case p.kind.IsList(): // its answers leave sweep few ways
		return 0, 0
	case whole && n <= manyRecords:
		return stepsPerRecord, nextTurn * stepsPerRecord
	case n > smallObject && n <= mostCopied && (whole || manyAmbiguous(p.records)) && openAtOnce(p.records) <= fewOpen:
		before = firstTurn
	}
	switch {
	case n <= manyRecords:
		between = stepsPerRecord
	case n <= mostCopied:
		between = 2 * firstTurn
	}
	return before, between
}

// manyAmbiguous reports whether more than one operation in twenty is ambiguous: at each
// instant [sweep] tries each class of them that was called.
func manyAmbiguous(records []record) bool {
	ambiguous := 0
	for i := range records {
		if records[i].optional() {
			ambiguous++
		}
	}
	return 20*ambiguous > len(records)
}
