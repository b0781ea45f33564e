package checker

import (
	"fmt"
	goruntime "runtime"
	"sync"
	"time"

	"retain/model"
)

// Check judges a history, object by object. The resolved view is judged first;
// where it is illegal and the raw one differs, the raw one too, which tells a
// broken state guarantee from an idempotency key with two effects.
//
// Check never fails otherwise than by its verdict: a history that is not
// well-formed is [IllFormed], and so is one on which two decisions disagree; a
// history that takes more than the budget is [Undecided]. A violation of one
// object is found whatever the other objects cost.
func Check(h *model.History, o Options) Result {
	start := time.Now()
	c := &check{h: h, o: o.withDefaults()}
	c.until = start.Add(c.o.Budget)
	r := Result{Verdict: Pass}
	if err := h.Validate(); err != nil {
		r.Verdict = IllFormed
		r.Reason = fmt.Sprintf("the history is not well-formed: %v", err)
	} else {
		for _, o := range c.judgeAll(objectsOf(h)) {
			r.add(o)
		}
	}
	r.Cost = time.Since(start)
	return r
}

// judgeAll judges the objects, as many at once as there are processors, so that
// one that takes long does not keep the others from being judged in time. They
// share the memory.
func (c *check) judgeAll(objects []*object) []ObjectResult {
	out := make([]ObjectResult, len(objects))
	workers := min(goruntime.GOMAXPROCS(0), len(objects))
	if workers > 0 {
		c.memory = c.o.Memory / int64(workers)
	}
	next := make(chan int, len(objects))
	for i := range objects {
		next <- i
	}
	close(next)
	var done sync.WaitGroup
	for range workers {
		done.Go(func() {
			for i := range next {
				out[i] = c.judge(objects[i])
			}
		})
	}
	done.Wait()
	return out
}

// add takes in an object's result. The reason is that of the first object with
// the worst verdict.
func (r *Result) add(o ObjectResult) {
	r.Objects = append(r.Objects, o)
	if severity[o.Verdict] <= severity[r.Verdict] {
		return
	}
	r.Verdict = o.Verdict
	r.Reason = fmt.Sprintf("%s: %s", o.Object, o.Reason)
	if o.Verdict == Violation {
		r.Reason = fmt.Sprintf("%s: %s", o.Object, o.Guarantee)
	}
}

// check is a history that is being judged.
type check struct {
	h     *model.History
	o     Options
	until time.Time
	// memory is the share of one object.
	memory int64
}

func (c *check) search() search { return search{until: c.until, memory: c.memory} }

// judge judges one object.
func (c *check) judge(b *object) ObjectResult {
	r := ObjectResult{Object: b.Object, Operations: len(b.operations)}
	for _, o := range b.records {
		if o.answer == nil {
			r.Open++
		}
	}
	found := c.decide(b.Kind, b.records)
	r.Resolved = found.Judgement
	r.Verdict, r.Reason = found.Verdict, found.reason
	if r.Verdict != Violation {
		return r
	}
	r.Class = StateGuarantee
	if b.differs {
		raw := c.decide(b.Kind, b.raw(c.h))
		r.Raw = raw.Judgement
		switch raw.Verdict {
		case Pass:
			r.Class = c.promise(b.Kind, b.records)
		case Violation:
		case Undecided:
			r.Class = UnknownClass
			r.Reason = "which kind of guarantee broke is not known: the raw history could not be decided"
		case IllFormed:
			r.Verdict, r.Reason = raw.Verdict, raw.reason
			return r
		}
	}
	c.explain(b, found, &r)
	return r
}

// promise is what a history broke that is legal without what re-sends answered: one
// key, one effect, if second effects explain it. If they don't, what a re-send
// acknowledged was lost, which is an acknowledgement like any other. What can't be told
// in the time that a proof may take is left open.
func (c *check) promise(kind model.Kind, records []record) Class {
	bounded := *c
	if until := time.Now().Add(shrinkTime); until.Before(c.until) {
		bounded.until = until // it is no part of the verdict
	}
	class := StateGuarantee
	for _, twice := range c.twice(records) {
		switch bounded.decide(kind, twice).Verdict {
		case Pass:
			return OneEffect
		case Violation:
		default:
			class = UnknownClass
		}
	}
	return class
}
