package checker

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"retain/model"
)

// history is the witness as a history of its own.
func (w *witness) history() *model.History {
	out := &model.History{Header: w.h.Header, Ended: true}
	out.Plan = nil
	processes := names{}
	for _, r := range w.records {
		o := w.invoked(r)
		o.ID = len(out.Operations) + 1
		o.Process = processes.of(o)
		out.Operations = append(out.Operations, o)
	}
	out.Evidence = w.seen()
	out.Faults = w.faults(out)
	w.renumber(out)
	out.Recoveries = w.recoveries(out.Faults)
	out.Notes = w.notes(len(out.Operations))
	return out
}

// invoked is the operation of a record. Its instants are the record's still.
func (w *witness) invoked(r record) model.Invoked {
	o := w.h.Operations[r.id-1]
	was := o.In(w.view)
	resolved := o.Resolution
	o.Op, o.Call, o.Resolution = r.op, model.Instant{Seq: r.call}, nil
	invocation := o.Deferred.Invocation
	o.Deferred = model.Deferred{} // the record has its interval
	if w.evidence != nil {
		o.Deferred.Invocation = invocation
	}
	switch {
	case r.answer == nil:
		if was.Outcome == model.OK {
			o.Reason = model.LeftOpen
		}
		o.Outcome, o.Answer, o.Return = model.Ambiguous, nil, model.Forever
	case o.Outcome == model.Ambiguous:
		o.Return = model.Forever
		o.Resolution = &model.Resolution{At: model.Instant{Seq: r.ret}, By: resolved.By, Answer: r.answer}
	default:
		o.Answer, o.Return = r.answer, model.Instant{Seq: r.ret}
	}
	if w.made[r.id] != nil || w.making[r.id] != nil {
		o.Step, o.Key = 0, ""
		if !o.MayHaveRunTwice() {
			o.Attempts = nil // they say no more than when it was sent
		}
	}
	attempts := slices.Clone(o.Attempts)
	for i := range attempts {
		attempts[i].Start, attempts[i].End = o.Call, o.Return
	}
	o.Attempts, o.Repeats = attempts, w.repeats(o.Repeats)
	return o
}

// repeats are those that the witness is about.
func (w *witness) repeats(all []model.Repeat) []model.Repeat {
	if !w.repeated {
		return nil
	}
	out := slices.Clone(all)
	for i := range out {
		out[i].At.Seq *= fine
	}
	return out
}

// seen is the evidence, of operations of the witness.
func (w *witness) seen() []model.Observation {
	out := slices.Clone(w.evidence)
	for i := range out {
		out[i].ID = 1 + slices.IndexFunc(w.records, func(r record) bool { return int(r.id) == out[i].ID })
		out[i].At.Seq *= fine
	}
	return out
}

// faults are those that came between the first call of a witness and the last return or piece
// of evidence, as far as these are the run's own.
func (w *witness) faults(h *model.History) []model.Fault {
	first, last := int64(math.MaxInt64), int64(0)
	for _, e := range h.Evidence {
		last = max(last, e.At.Seq)
	}
	for _, o := range h.Operations {
		first = min(first, o.Call.Seq)
		if in := o.In(model.Resolved); in.Return != model.Forever {
			last = max(last, in.Return.Seq)
		}
		for _, r := range o.Repeats {
			last = max(last, r.At.Seq)
		}
	}
	var out []model.Fault
	for _, f := range w.h.Faults {
		f.Begin.Seq *= fine
		if f.End != model.Forever {
			f.End.Seq *= fine
		}
		if f.End.Seq > first && f.Begin.Seq < last {
			out = append(out, f)
		}
	}
	return out
}

// recoveries are those that followed the faults.
func (w *witness) recoveries(faults []model.Fault) []model.Recovery {
	var out []model.Recovery
	for _, f := range faults {
		r, started := w.h.RecoveryAfter(f)
		if started && f.Ends() && !slices.Contains(out, r) {
			out = append(out, r)
		}
	}
	return out
}

// renumber gives the history sequence numbers from 1. Instants of the run keep their
// times; one that was moved takes the time of the instant before it.
func (w *witness) renumber(h *model.History) {
	instants := instantsOf(h)
	slices.SortStableFunc(instants, func(a, b *model.Instant) int { return cmp.Compare(a.Seq, b.Seq) })
	times := w.times()
	now, seq, before := int64(0), int64(0), int64(-1)
	for _, at := range instants {
		if *at == model.Forever {
			continue
		}
		if ns, known := times[at.Seq]; known {
			now = max(now, ns)
		} else if now == 0 {
			now = times[nextKnown(instants, times, at.Seq)]
		}
		if at.Seq != before {
			before = at.Seq
			seq++
		}
		*at = model.Instant{Seq: seq, Ns: now}
	}
}

// nextKnown is the first instant after this one that is the run's.
func nextKnown(sorted []*model.Instant, times map[int64]int64, seq int64) int64 {
	for _, at := range sorted {
		if _, known := times[at.Seq]; known && at.Seq > seq {
			return at.Seq
		}
	}
	return 0
}

// instantsOf are all instants of a history, to be changed.
func instantsOf(h *model.History) []*model.Instant {
	var out []*model.Instant
	for i := range h.Operations {
		o := &h.Operations[i]
		out = append(out, &o.Call, &o.Return)
		if o.Resolution != nil {
			out = append(out, &o.Resolution.At)
		}
		for k := range o.Repeats {
			out = append(out, &o.Repeats[k].At)
		}
		for k := range o.Attempts {
			out = append(out, &o.Attempts[k].Start, &o.Attempts[k].End)
		}
	}
	for i := range h.Faults {
		out = append(out, &h.Faults[i].Begin, &h.Faults[i].End)
	}
	for i := range h.Evidence {
		out = append(out, &h.Evidence[i].At)
	}
	return out
}

// times are the run's, by instant of the witness.
func (w *witness) times() map[int64]int64 {
	out := map[int64]int64{}
	note := func(at model.Instant) { out[at.Seq*fine] = at.Ns }
	for _, r := range w.records {
		for _, id := range w.originals(r.id) {
			o := w.h.Operations[id-1].In(w.view)
			note(o.Call)
			if o.Return != model.Forever {
				note(o.Return)
			}
			for _, r := range o.Repeats {
				note(r.At)
			}
		}
	}
	for _, e := range w.evidence {
		note(e.At)
	}
	for _, f := range w.h.Faults {
		note(f.Begin)
		if f.End != model.Forever {
			note(f.End)
		}
	}
	return out
}

// notes say where the operations come from.
func (w *witness) notes(operations int) []string {
	out := []string{fmt.Sprintf("a witness: %d of the %d operations of run %s", operations, len(w.h.Operations), w.h.Run)}
	for i, r := range w.records {
		var ids []string
		for _, id := range w.originals(r.id) {
			ids = append(ids, fmt.Sprint(id))
		}
		if len(ids) == 1 {
			out = append(out, fmt.Sprintf("operation %d is operation %s of the run", i+1, ids[0]))
		} else {
			out = append(out, fmt.Sprintf("operation %d stands for the operations %s of the run", i+1, strings.Join(ids, ", ")))
		}
	}
	return out
}

// names give operations their processes, those of their clients, and say when the
// last operation of each is over. One that is busy makes room for another.
type names map[string]int64

// of is the process of the next operation, by call.
func (n names) of(o model.Invoked) string {
	client, _, _ := strings.Cut(o.Process, ".")
	process := client
	for i := 0; ; i++ {
		if i > 0 {
			process = fmt.Sprintf("%s.%d", client, i)
		}
		if until, used := n[process]; !used || until < o.Call.Seq {
			break
		}
	}
	n[process] = o.Return.Seq
	if o.Outcome == model.Ambiguous {
		n[process] = math.MaxInt64
	}
	return process
}
