package model

import (
	"cmp"
	"fmt"
	"io"
	"slices"
)

// WriteHistory writes a history as a file that [ReadHistory] reads back as the
// same one, its damage left out. Recoveries and notes, which have no sequence
// number, stand at the end.
func WriteHistory(w io.Writer, h *History) error {
	events := append([]Event{h.Header}, h.events()...)
	if h.Ended {
		events = append(events, Ended{Availability: h.Availability})
	}
	for _, e := range events {
		if _, err := w.Write(EncodeEvent(e)); err != nil {
			return fmt.Errorf("write the history: %w", err)
		}
	}
	return nil
}

// events are the history's events but for its beginning and its end, in order.
func (h *History) events() []Event {
	type placed struct {
		at Instant
		e  Event
	}
	var all []placed
	add := func(at Instant, e Event) {
		if at != Forever {
			all = append(all, placed{at, e})
		}
	}
	for _, o := range h.Operations {
		add(o.Call, Called{o.Call, o.ID, o.Process, o.Step, o.Phase, o.Object, o.Op.String(), o.Key})
		for _, a := range o.Attempts {
			add(a.Start, Attempting{a.Start, o.ID, a.N})
			add(a.End, Attempted{a.End, o.ID, a.N, a.Wrote, a.Status, a.Reason, a.Detail})
		}
		returned := Returned{Instant: o.Return, ID: o.ID, Outcome: o.Outcome, Reason: o.Reason}
		if o.Answer != nil {
			returned.Answer = o.Answer.String()
		}
		deferred := o.Deferred
		deferred.Ran = Instant{}
		if o.Resolution == nil {
			returned.Deferred = deferred
		}
		add(o.Return, returned)
		if r := o.Resolution; r != nil {
			add(r.At, ResolvedAs{r.At, o.ID, r.By, r.Answer.String(), deferred})
		}
		if o.Deferred.Pending {
			add(o.Deferred.Ran, Ran{o.Deferred.Ran, o.ID})
		}
		for _, r := range o.Repeats {
			add(r.At, RepeatedAs{r.At, o.ID, r.N, r.Answer.String()})
		}
	}
	for _, f := range h.Faults {
		began, as := f.Kind, FaultKind("")
		if f.Asked != "" {
			began, as = f.Asked, f.Kind
		}
		add(f.Begin, FaultBegan{f.Begin, f.Step, began, f.Target, f.Start, f.Version})
		add(f.End, FaultEnded{f.End, f.Step, began, f.Target, as, f.Detail, f.Reported, f.Build, f.Excused, f.Struck})
	}
	for _, s := range h.Evidence {
		add(s.At, Seen{s.At, s.ID, s.Invocation, s.Entry, s.Reading, s.Held})
	}
	slices.SortStableFunc(all, func(a, b placed) int {
		return cmp.Or(cmp.Compare(a.at.Seq, b.at.Seq), cmp.Compare(a.at.Ns, b.at.Ns))
	})
	out := make([]Event, 0, len(all)+len(h.Recoveries)+len(h.Notes))
	for _, p := range all {
		out = append(out, p.e)
	}
	for _, r := range h.Recoveries {
		out = append(out, r)
	}
	for _, n := range h.Notes {
		out = append(out, Noted{Text: n})
	}
	return out
}
