package report

import (
	"fmt"
	"slices"

	"retain/generators"
	"retain/harness"
	"retain/model"
)

// drawing is the table of a violation, drawn to time: a lane for each column, a
// bar for each operation from its call to its return, a band for each time in
// which the server was away.
type drawing struct {
	Lanes []lane
	Away  []part
	End   string
}

// lane is what one client did.
type lane struct {
	Name string
	Bars []bar
}

// bar is an operation. Marked is the one that no order explains.
type bar struct {
	part
	Text   string
	Marked bool
	Open   bool // it never returned
}

// shown are the operations that a violation is shown by, and the one that can't be
// explained.
func shown(r harness.Run) (ids []int, marked int) {
	if b := r.Check.Broken(); b != nil {
		return b.Proof, b.Contradiction
	}
	if r.Outcome != nil && r.Outcome.Liveness != nil && r.Outcome.Liveness.Operation > 0 {
		return []int{r.Outcome.Liveness.Operation}, r.Outcome.Liveness.Operation
	}
	return nil, 0
}

// draw draws the operations that a violation is shown by; nil for none.
func draw(r harness.Run) *drawing {
	ids, marked := shown(r)
	if len(ids) == 0 || r.Outcome == nil {
		return nil
	}
	h := r.Outcome.History
	from, to := h.Operations[ids[0]-1].Call.Ns, int64(0)
	for _, id := range ids {
		o := h.Operations[id-1]
		from, to = min(from, o.Call.Ns), max(to, o.Call.Ns)
		if end := endOf(o); end != model.Forever {
			to = max(to, end.Ns)
		}
	}
	to = max(to, from+1)
	percent := func(ns int64) float64 { return 100 * float64(min(max(ns, from), to)-from) / float64(to-from) }
	between := func(a, b int64) part { return part{Left: percent(a), Width: percent(b) - percent(a)} }
	out := &drawing{End: span(nanoseconds(to - from))}
	columns, _ := columnsOf(h, ids)
	for _, name := range columns {
		out.Lanes = append(out.Lanes, lane{Name: name})
	}
	for _, id := range ids {
		o := h.Operations[id-1]
		end := endOf(o)
		b := bar{part: between(o.Call.Ns, end.Ns), Text: cell(h, ids, o), Marked: id == marked, Open: end == model.Forever}
		b.Says = fmt.Sprintf("operation %d, from %d ms on: %s", id, o.Call.Ns/1e6, b.Text)
		at := &out.Lanes[slices.Index(columns, column(o))]
		at.Bars = append(at.Bars, b)
	}
	for _, f := range h.Faults {
		if f.Kind == string(generators.Start) || f.Begin.Ns > to {
			continue
		}
		p := between(f.Begin.Ns, backAfter(h, f))
		p.Class, p.Says = f.Kind, fmt.Sprintf("%s at %d ms", rule(h, f), f.Begin.Ns/1e6)
		out.Away = append(out.Away, p)
	}
	return out
}

// endOf is when an operation was answered, first or when it was sent again.
func endOf(o model.Invoked) model.Instant { return o.In(model.Resolved).Return }

// backAfter is when calls went through again after a fault.
func backAfter(h *model.History, f model.Fault) int64 {
	for _, r := range h.Recoveries {
		if r.Down >= f.Begin.Ns && r.Canary > 0 {
			return r.Canary
		}
	}
	return f.End.Ns
}
