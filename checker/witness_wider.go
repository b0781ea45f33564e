package checker

import "slices"

// mostWidened bounds the operations of a witness whose order is taken away. Each step costs
// a decision of all of them, there are as many steps as pairs of neighbours, and nobody reads
// hundreds of operations for their order.
const mostWidened = 100

// widen takes away as much of the order as it can. It reports whether that was
// anything.
func (w *witness) widen() bool {
	if len(w.records) > mostWidened {
		return false
	}
	needed, changed := map[order]bool{}, false
	for again := true; again; {
		again = false
		for _, o := range w.orders() {
			if needed[o.order] {
				continue
			}
			if w.spent() {
				return false
			}
			if again = w.take(w.overlapping(o)); again {
				changed = true
				break
			}
			needed[o.order] = true
		}
	}
	return changed
}

// order is a precedence: one operation returns before another is called.
type order struct{ first, then int32 }

// adjacent is an order that can be removed by itself: between the return of the first
// and the call of the second there are only returns, then calls. Returns can be
// exchanged with returns and calls with calls, so that no other precedence changes.
type adjacent struct {
	order
	ret, call event
	first     event // call of the block
}

// orders lists the orders that can be removed.
func (w *witness) orders() []adjacent {
	var out []adjacent
	events := eventsOf(w.records)
	for from := 0; from < len(events); {
		calls := from
		for calls < len(events) && events[calls].returns {
			calls++
		}
		to := calls
		for to < len(events) && !events[to].returns {
			to++
		}
		for _, ret := range events[from:calls] {
			for _, call := range events[calls:to] {
				o := order{w.records[ret.record].id, w.records[call.record].id}
				out = append(out, adjacent{o, ret, call, events[calls]})
			}
		}
		from = to
	}
	return out
}

// overlapping lets the return come after the call: that stays where it is if it is
// the first of its block; otherwise it comes before the others. Nil if there is no
// room left between the instants.
func (w *witness) overlapping(a adjacent) []record {
	call := a.call.at
	if a.call != a.first {
		before, _ := w.around(a.first.at, a)
		call = a.first.at - min(fine/2, (a.first.at-before)/2)
		if call == a.first.at {
			return nil
		}
	}
	_, after := w.around(call, a)
	ret := call + min(fine/2, (after-call)/2)
	if ret == call {
		return nil
	}
	out := slices.Clone(w.records)
	out[a.call.record].call, out[a.ret.record].ret = call, ret
	sortByCall(out)
	return out
}

// around are the instants before and after one, but for those that move.
func (w *witness) around(at int64, a adjacent) (before, after int64) {
	after = open
	for _, m := range eventsOf(w.records) {
		switch {
		case m == a.ret || m == a.call || m.at == at:
		case m.at < at:
			before = m.at
		default:
			return before, m.at
		}
	}
	return before, after
}
