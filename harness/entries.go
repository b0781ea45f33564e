package harness

import (
	"slices"

	"retain/model"
	"retain/service"
)

// Entry is an attempt of an invocation to run its handler, as the endpoint proxy saw it.
type Entry struct {
	// Number counts the attempts of the invocation from 1.
	Number int
	// Reading is how far it came before it ended, "" if its handler saw nothing of it.
	Reading service.Reading
	// Last is when it was seen last.
	Last model.Instant
	// Broken is true if its stream ended without a result. Lost is true if the handler finished
	// and was run again all the same: the server had lost the answer.
	Broken, Lost bool
	// Fault is the kind of the fault that broke it or lost its answer, "" for none.
	Fault model.FaultKind

	invocation string
	began      model.Instant
}

// Entries are the attempts of operations to run their handlers, in their order, by operation.
func Entries(h *model.History, ids ...int) map[int][]Entry {
	seen := map[int][]model.Observation{}
	for _, id := range ids {
		seen[id] = nil
	}
	for _, e := range h.Evidence {
		if of, asked := seen[e.ID]; asked {
			seen[e.ID] = append(of, e)
		}
	}
	out := map[int][]Entry{}
	for id, of := range seen {
		out[id] = entriesOf(h, id, of)
	}
	return out
}

// entriesOf are the attempts of one operation, by what was seen of it.
func entriesOf(h *model.History, id int, seen []model.Observation) (out []Entry) {
	for _, e := range seen {
		i := slices.IndexFunc(out, func(o Entry) bool { return o.Number == e.Entry && o.invocation == e.Invocation })
		if i < 0 {
			i = len(out)
			out = append(out, Entry{Number: e.Entry, invocation: e.Invocation, began: e.At})
		}
		o := &out[i]
		if o.Last = e.At; service.Reading(e.Reading) != service.Broken {
			o.Reading = service.Reading(e.Reading)
			continue
		}
		o.Broken = true
		o.Fault = breaking(h, id, *o)
	}
	for i := range out {
		if o := &out[i]; i+1 < len(out) && !o.Broken && o.Reading == service.Finished {
			o.Lost, o.Fault = true, losing(h, o.Last, out[i+1].began)
		}
	}
	return out
}

// losing is the kind of the fault that ended the server between two moments, "" for none.
func losing(h *model.History, finished, again model.Instant) (kind model.FaultKind) {
	for _, f := range h.Faults {
		if f.Ends() && f.End.Seq > finished.Seq && f.Begin.Seq < again.Seq {
			kind = f.Kind
		}
	}
	return kind
}

// breaking is the kind of the fault that broke an attempt: one that struck it, or else the one
// that began last of those that were not over when it began. "" for none.
func breaking(h *model.History, id int, e Entry) (kind model.FaultKind) {
	for _, f := range h.Faults {
		switch {
		case f.Kind.Undoes(), f.Kind == model.Delay: // it breaks nothing
		case f.Kind == model.Cut:
			if slices.ContainsFunc(f.Struck, func(s model.Struck) bool { return s.ID == id && s.Entry == e.Number }) {
				return f.Kind
			}
		case f.Begin.Seq < e.Last.Seq && f.End.Seq > e.began.Seq:
			kind = f.Kind
		}
	}
	return kind
}
