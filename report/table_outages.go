package report

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"retain/model"
)

// outage is a fault and how long it kept the server from answering.
type outage struct {
	model.Fault
	// Facts are what the fault did, the most important last: "gone after 210 ms", "down 612
	// ms". None for a fault of which no more is known than its kind.
	Facts []string
	// Back is when calls went through again, in nanoseconds since the run began, and
	// BackSays what ended it; math.MaxInt64 and "" if nothing did.
	Back     int64
	BackSays string
}

// parts are the kind of the fault and its facts.
func (o outage) parts() []string { return append([]string{string(o.Kind)}, o.Facts...) }

// says is the outage in words: "kill · down 612 ms".
func (o outage) says() string { return strings.Join(o.parts(), factGap) }

// factGap stands between the facts of an outage.
const factGap = " · "

// outagesOf are the faults of a history. One that undoes another has no row of its own: a
// start belongs to the stop or kill before it, a resume ends its pause.
func outagesOf(h *model.History) (out []outage) {
	changes := changesOf(h)
	for i, f := range h.Faults {
		switch {
		case f.Kind.Undoes():
		case f.Ends():
			out = append(out, ended(h, f, changes))
		case f.Kind.Spec().Undo != "":
			out = append(out, stalled(h.Faults[i+1:], f))
		default:
			o := outage{Fault: f, Back: f.End.Ns}
			if f.Detail != "" {
				o.Facts = []string{f.Detail} // which attempts it struck
			}
			out = append(out, o)
		}
	}
	return out
}

// ended is a stop or a kill. changes are the configurations that starts changed to.
func ended(h *model.History, f model.Fault, changes map[int64]string) outage {
	o := outage{Fault: f, Back: math.MaxInt64}
	start := slices.IndexFunc(h.Faults, func(g model.Fault) bool { return g.Kind.Starts() && g.Begin.Seq > f.Begin.Seq })
	if start >= 0 && changes[h.Faults[start].Begin.Seq] != "" {
		o.Facts = append(o.Facts, "started "+changes[h.Faults[start].Begin.Seq])
	}
	r, started := h.RecoveryAfter(f)
	next := slices.IndexFunc(h.Faults, func(g model.Fault) bool { return g.Begin.Seq > f.Begin.Seq && g.Ends() })
	endedAgain := next >= 0 && (r.Probe == 0 || h.Faults[next].Begin.Ns < r.Probe)
	switch {
	case !started:
		o.Back = max(f.End.Ns, f.Begin.Ns) // nothing is known of it
	case r.Probe > 0 && !endedAgain:
		const worthSaying = 100e6 // a graceful stop drains first
		if drained := r.Down - f.Begin.Ns; drained >= worthSaying {
			o.Facts = append(o.Facts, fmt.Sprintf("gone after %d ms", drained/1e6))
		}
		o.Facts = append(o.Facts, fmt.Sprintf("down %d ms", (r.Probe-r.Down)/1e6))
		o.Back, o.BackSays = r.Probe, "answers again"
	case endedAgain:
		o.Facts = append(o.Facts, "ended again before it answered")
		o.Back = h.Faults[next].Begin.Ns
	default:
		o.Facts = append(o.Facts, "did not answer again")
	}
	return o
}

// stalled is a fault that another one undoes, as a resume does a pause, or the end of the
// server.
func stalled(after []model.Fault, f model.Fault) outage {
	undo := f.Kind.Spec().Undo
	past := faultStyles[undo].past
	for _, g := range after {
		switch {
		case g.Kind == undo:
			return outage{f, []string{fmt.Sprintf("for %d ms", (g.End.Ns-f.Begin.Ns)/1e6)}, g.End.Ns, past}
		case g.Ends():
			return outage{f, []string{"until the " + string(g.Kind)}, g.Begin.Ns, ""}
		}
	}
	return outage{f, []string{"never " + past}, math.MaxInt64, ""}
}

// spansFault reports whether a fault or the time in which it kept the server from
// answering lies between two moments, in part or as a whole.
func spansFault(outages []outage, from, to model.Instant) bool {
	return slices.ContainsFunc(outages, func(o outage) bool {
		return o.Begin.Seq < to.Seq && (o.Begin.Seq > from.Seq || o.Back > from.Ns)
	})
}

// faultRows are the faults between the first and the last of some rows, and those that
// had begun before and were not over. Where a row lies inside an outage, its end has a
// row too.
func faultRows(outages []outage, rows []tableRow) (out []tableRow) {
	first, last := rows[0], rows[len(rows)-1]
	for _, o := range outages {
		if o.Begin.Seq > last.seq || o.Begin.Seq < first.seq && o.Back <= first.At {
			continue
		}
		out = append(out, tableRow{At: o.Begin.Ns, seq: o.Begin.Seq, Text: o.says(), faults: 1, fault: o.Kind})
		inside := slices.ContainsFunc(rows, func(r tableRow) bool { return r.seq > o.Begin.Seq && r.At < o.Back })
		if inside && last.At >= o.Back && o.BackSays != "" {
			out = append(out, tableRow{At: o.Back, seq: lastBefore(outages, rows, o), Text: o.BackSays})
		}
	}
	return out
}

// lastBefore is the sequence number of the last event before an outage was over: its end
// has a time, but no number of its own.
func lastBefore(outages []outage, rows []tableRow, o outage) int64 {
	seq := o.Begin.Seq
	for _, r := range rows {
		if r.At < o.Back {
			seq = max(seq, r.seq)
		}
	}
	for _, f := range outages {
		if f.Begin.Ns < o.Back {
			seq = max(seq, f.Begin.Seq)
		}
	}
	return seq
}
