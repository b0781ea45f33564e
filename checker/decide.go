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
	// answer holds the sentence about an impossible answer, by the one
	// operation in ids.
	answer string
	ids    []int32
	reason string
}

// decide judges one view of an object.
func (c *check) decide(kind model.Kind, records []record) finding {
	start := time.Now()
	f := finding{Judgement: Judgement{Verdict: Pass}}
	for i := range records {
		r := &records[i]
		if r.answer == nil || usual(r) {
			continue
		}
		if wrong := impossible(r.op, r.answer); wrong != "" {
			f.Verdict, f.By, f.answer, f.ids = Violation, ByAnswer, wrong, []int32{r.id}
			f.part = part{kind: kind, records: records}
			f.Cost = time.Since(start)
			return f
		}
	}
	var slowest time.Duration
	for _, p := range partsOf(kind, records, c.shared(kind)) {
		begin := time.Now()
		j := c.decidePart(p)
		if cost := time.Since(begin); cost >= slowest {
			slowest = cost
			f.By, f.Second = j.By, j.Second
		}
		if severity[j.Verdict] > severity[f.Verdict] {
			f.Judgement = j.Judgement
			f.reason, f.ids, f.part = j.reason, j.ids, p
		}
		if f.Verdict == Violation || f.Verdict == IllFormed {
			break
		}
	}
	f.Cost = time.Since(start)
	return f
}

// shared reports whether the history's readers of a map are shared handlers.
func (c *check) shared(kind model.Kind) bool {
	return kind == model.Map && c.h.IsShared(model.MapGet{})
}

// decidePart judges one part: the part passes if it alone has a legal order.
func (c *check) decidePart(p part) finding {
	f := decideFast(p, c.search())
	if f.By != ByPorcupine && len(p.records) <= c.o.SecondOpinion {
		f.Second = c.second().run(p.kind, p.records)
		f.compare()
	}
	if f.Verdict == Undecided {
		f.reason = fmt.Sprintf("no verdict on its %d operations: a search reached its budget of %s and %d MiB; "+
			"the fast check does not apply, because %s", len(p.records), c.o.Budget, c.o.Memory>>20, whyNot(p))
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
// near-linear one of its kind, then the window, then porcupine.
func decideFast(p part, budget search) finding {
	f := finding{}
	if fast, by := nearLinear(p); fast.applies {
		f.By, f.ids, f.Verdict = by, fast.ids, Pass
		if !fast.legal {
			f.Verdict = Violation
		}
		return f
	}
	half := budget // the rest is porcupine's, which may be lucky
	half.until = time.Now().Add(time.Until(budget.until) / 2)
	var at int32
	if f.Verdict, at = runWindow(p.kind, p.records, half); f.Verdict != Undecided {
		f.By = ByWindow
		if at != 0 {
			f.ids = []int32{at}
		}
		return f
	}
	f.By = ByPorcupine
	f.Verdict = budget.run(p.kind, p.records)
	return f
}

// whyNot says why no near-linear decision applies to a part.
func whyNot(p part) string {
	switch p.kind {
	case model.Counter:
		if l := (levels{}); !l.sort(p.records) {
			return "a reset overlaps other operations"
		}
		return "additions without an answer differ"
	case model.List:
		return "elements were appended more than once"
	case model.Map:
		if p.name == "" {
			return "clearAll joins the map's entries"
		}
	}
	return "values were written more than once"
}

// nearLinear asks the near-linear decision for the part's kind.
func nearLinear(p part) (fast, Decision) {
	switch p.kind {
	case model.Counter:
		return decideCounter(p.records), ByLevels
	case model.List:
		return decideList(p.records), ByPrefix
	case model.Map:
		if p.name == "" {
			return fast{}, ""
		}
	}
	return decideCell(p.records), ByZones
}
