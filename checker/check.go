package checker

import (
	"cmp"
	"fmt"
	goruntime "runtime"
	"slices"
	"sync"
	"time"

	"retain/model"
)

// Check judges a history, object by object. The resolved view is judged first;
// where it is illegal and the raw one differs, the raw one too: this
// distinguishes a broken state guarantee from an idempotency key with two effects.
//
// Check never fails otherwise than by its verdict: a history that is not
// well-formed is [IllFormed], and so is one on which two decisions disagree; a
// history that takes more than the budget is [Undecided]. A violation of one
// object is found however much the other objects cost.
func Check(h *model.History, o Options) Result {
	start := time.Now()
	c := newCheck(h, o)
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
	// effort bounds what explains a verdict, nil for the verdict itself.
	effort *effort
	// memory is the share of one object.
	memory int64
	// writing is [writing] of the history, made when it is first asked for.
	writing func() map[string][]int
	// faults are those of the history by their beginnings, due its [dueTimes], and over what
	// was ended: see [overOf], likewise.
	faults func() []model.Fault
	due    func() dueTimes
	over   func() map[int]ending
}

func newCheck(h *model.History, o Options) *check {
	c := &check{h: h, o: o.withDefaults(), writing: sync.OnceValue(func() map[string][]int { return writing(h) })}
	c.faults = sync.OnceValue(func() []model.Fault {
		return slices.SortedStableFunc(slices.Values(h.Faults), func(a, b model.Fault) int { return cmp.Compare(a.Begin.Seq, b.Begin.Seq) })
	})
	c.over = sync.OnceValue(func() map[int]ending { return overOf(h) })
	c.due = sync.OnceValue(func() dueTimes { return dueTimesOf(h) })
	c.until, c.memory = time.Now().Add(c.o.Budget), c.o.Memory
	return c
}

func (c *check) search() search { return search{until: c.until, effort: c.effort, memory: c.memory} }

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
	r.Verdict, r.Reason, r.Spent = found.Verdict, found.reason, found.spent
	for _, alone := range []func(*object) (finding, bool){c.ranAgain, c.otherwise} {
		if f, ok := alone(b); ok {
			r.Resolved, r.Verdict, r.Reason, r.Spent = f.Judgement, Violation, "", nil
			found, b.differs = f, false
		}
	}
	if r.Verdict != Violation {
		return r
	}
	raw := Violation // as the resolved one, where they are the same
	if b.differs {
		view := c.decide(b.Kind, b.raw(c.h))
		r.Raw, raw = view.Judgement, view.Verdict
		if raw == IllFormed {
			r.Verdict, r.Reason = raw, view.reason
			return r
		}
	}
	c.explain(b, found, raw, &r)
	return r
}
