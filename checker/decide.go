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
	ids    []int
	reason string
}

// decide judges one view of an object.
func (c *check) decide(kind model.Kind, records []record) finding {
	start := time.Now()
	f := finding{Judgement: Judgement{Verdict: Pass}}
	for _, r := range records {
		if r.answer == nil {
			continue
		}
		if wrong := impossible(r.op, r.answer); wrong != "" {
			f.Verdict, f.By, f.answer, f.ids = Violation, ByAnswer, wrong, []int{r.id}
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
			f.reason, f.part = j.reason, p
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
	f := finding{Judgement: Judgement{By: ByPorcupine, Verdict: c.search().run(p.kind, p.records)}}
	if f.Verdict == Undecided {
		f.reason = fmt.Sprintf("no verdict on its %d operations: the search reached its budget of %s and %d MiB",
			len(p.records), c.o.Budget, c.o.Memory>>20)
	}
	return f
}
