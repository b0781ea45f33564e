package harness

import (
	"slices"

	"retain/generators"
	"retain/model"
	"retain/service"
)

// atFaults counts the operations that were open when a fault began that ends the server:
// their requests had left, and no answer had come; or what an operation of the program had sent
// was being executed.
func (t *Tally) atFaults(h *model.History) {
	ends := endsOf(h)
	if len(ends) == 0 {
		return
	}
	effects, sent, ofLoad := effectsOf(h), sentSpans(h), OfLoad(h)
	struck := make([]strike, len(ends))
	for i := range h.Operations {
		o := &h.Operations[i]
		for j := range openFaults(o, ends) {
			if ofLoad(o.Object) {
				struck[j].add(h, o)
			} else {
				t.openAt(o, ends[j], effects)
			}
		}
		for _, f := range ends {
			if sent[o.ID].covers(f.Begin) && !onTheWire(*o, f.Begin) && !ofLoad(o.Object) {
				t.openAt(o, f, effects)
			}
		}
	}
	t.Load.addStrikes(struck, ends, loadUps(h))
}

// endsOf are the faults that ended the server, in the order in which they began.
func endsOf(h *model.History) []model.Fault {
	return slices.DeleteFunc(slices.Clone(h.Faults), func(f model.Fault) bool { return !f.Ends() })
}

// openFaults are the indices of the faults at whose beginning an operation had an attempt
// on the wire, ascending.
func openFaults(o *model.Invoked, ends []model.Fault) func(yield func(int) bool) {
	return func(yield func(int) bool) {
		next := 0
		for _, a := range o.Attempts {
			if !a.Wrote {
				continue
			}
			from, _ := slices.BinarySearchFunc(ends, a.Start.Seq+1, func(f model.Fault, seq int64) int { return int(f.Begin.Seq - seq) })
			for j := max(from, next); j < len(ends) && ends[j].Begin.Seq < a.End.Seq; j++ {
				if next = j + 1; !yield(j) {
					return
				}
			}
		}
	}
}

// openAt counts an operation that is not of the load and was open at a fault.
func (t *Tally) openAt(o *model.Invoked, f model.Fault, effects map[int]int64) {
	t.InFlight++
	if o.Op.ReadOnly() {
		return
	}
	effect, seen := effects[o.ID]
	t.FaultPoints[generators.FaultPoint{Fault: f.Kind, After: seen && effect < f.Begin.Seq}]++
}

// span is a time of a history, by sequence numbers; the zero value is none.
type span struct{ from, to int64 }

func (s span) covers(at model.Instant) bool { return s.from > 0 && s.from < at.Seq && at.Seq < s.to }

// sentSpans is when the handlers of operations ran that were sent, from the first entry to
// the end, by the operation's number: such an operation is in flight after its answer.
func sentSpans(h *model.History) map[int]span {
	out := map[int]span{}
	for _, e := range h.Evidence {
		if !model.DeferralOf(h.Operations[e.ID-1].Op).Sent {
			continue
		}
		s, seen := out[e.ID]
		if !seen {
			s = span{e.At.Seq, model.Forever.Seq}
		}
		if e.Reading == string(service.Finished) {
			s.to = e.At.Seq
		}
		out[e.ID] = s
	}
	return out
}

// effectsOf is when each operation was first seen to have had its effect: a sequence number,
// by the operation's number.
func effectsOf(h *model.History) map[int]int64 {
	out := map[int]int64{}
	for _, e := range h.Evidence {
		if e.Reading == string(service.Effect) || e.Reading == string(service.Finished) {
			if at, seen := out[e.ID]; !seen || e.At.Seq < at {
				out[e.ID] = e.At.Seq
			}
		}
	}
	return out
}

// readBack counts the reads after a restart that show a value whose write was
// acknowledged before it: those of the program's objects, and those of the load's.
func readBack(h *model.History) (program, load int) {
	type mark struct {
		object model.Object
		text   string
	}
	ends, ofLoad := serverEndsOf(h), OfLoad(h)
	writes := map[mark][]*model.Invoked{}
	for i := range h.Operations {
		o := &h.Operations[i]
		if before := ends.before(o.Call.Seq); before > 0 && showsAny(o, before, func(text string) []*model.Invoked { return writes[mark{o.Object, text}] }) {
			if ofLoad(o.Object) {
				load++
			} else {
				program++
			}
		}
		if text := model.Mark(*o); text != "" {
			writes[mark{o.Object, text}] = append(writes[mark{o.Object, text}], o)
		}
	}
	return program, load
}

// showsAny reports whether a read shows a write that had returned before a time.
func showsAny(read *model.Invoked, before int64, of func(mark string) []*model.Invoked) bool {
	for _, text := range model.Marks(*read) {
		for _, write := range of(text) {
			if write.Return.Seq < before && model.Shows(*read, *write) {
				return true
			}
		}
	}
	return false
}

// serverEnds are the ends of a server by the sequence numbers of their beginnings and ends,
// in the order of the latter; begin is the latest beginning of those up to there.
type serverEnds []struct{ begin, end int64 }

func serverEndsOf(h *model.History) serverEnds {
	var out serverEnds
	for _, f := range endsOf(h) {
		out = append(out, struct{ begin, end int64 }{f.Begin.Seq, f.End.Seq})
	}
	slices.SortFunc(out, func(a, b struct{ begin, end int64 }) int {
		if a.end < b.end {
			return -1
		}
		return 1
	})
	for i := range out {
		if i > 0 {
			out[i].begin = max(out[i].begin, out[i-1].begin)
		}
	}
	return out
}

// before is when the last end of the server began that was over at a time, 0 for none:
// between what was before it and that time the server was restarted.
func (r serverEnds) before(seq int64) int64 {
	n, _ := slices.BinarySearchFunc(r, seq, func(e struct{ begin, end int64 }, seq int64) int {
		if e.end < seq {
			return -1
		}
		return 1
	})
	if n == 0 {
		return 0
	}
	return r[n-1].begin
}
