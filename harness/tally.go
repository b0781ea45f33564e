package harness

import (
	"slices"
	"time"

	"retain/generators"
	"retain/model"
	"retain/service"
)

// Tally counts what runs tested.
type Tally struct {
	Plans, Operations, Attempts int
	// Servers counts the plans by the server configuration that they name.
	Servers map[string]int
	// Faults counts the faults that happened, by kind; the closing kills count.
	Faults map[string]int
	// InFlight counts the operations open at a stop or a kill, Cells those of
	// them that change something, by where they stood.
	InFlight int
	Cells    map[generators.Cell]int
	// Ambiguous counts the operations of the programs with an ambiguous outcome,
	// Resolved those that a re-send or a look-up answered.
	Ambiguous, Resolved int
	// Open is how many more stayed open for good.
	Open int
	// ReadBack counts the reads after a restart that showed a value whose write
	// was acknowledged before it.
	ReadBack int
	// Gates counts the operations that were held at a gate, Busy is how long the
	// operations took in all, those that never ended left out.
	Gates int
	Busy  time.Duration
	// Swaps and Swapped count the answered compare-and-sets, and those that set.
	Swaps, Swapped int
	// Recoveries are the restarts that were seen to the end.
	Recoveries []Recovered
}

// Recovered is the timeline of a restart in a plan.
type Recovered struct {
	Plan int
	model.Recovery
	// Spans are when canaries were answered, from the server's end (0) to the next
	// fault or the end of the run.
	Spans []Span
}

// Took is the time from the server's end, or from the spawn if that is not
// known, to the last canary.
func (r Recovered) Took() time.Duration { return time.Duration(r.Canary - r.from()) }

// After is the time from the server's end to a moment of the timeline.
func (r Recovered) After(moment int64) time.Duration { return time.Duration(moment - r.from()) }

func (r Recovered) from() int64 {
	if r.Down > 0 {
		return r.Down
	}
	return r.Spawned
}

func newTally() Tally {
	return Tally{Servers: map[string]int{}, Faults: map[string]int{}, Cells: map[generators.Cell]int{}}
}

// add sums two tallies.
func (t *Tally) add(u Tally) {
	t.Plans += u.Plans
	t.Operations += u.Operations
	t.Attempts += u.Attempts
	t.InFlight += u.InFlight
	t.Ambiguous += u.Ambiguous
	t.Resolved += u.Resolved
	t.Open += u.Open
	t.ReadBack += u.ReadBack
	t.Gates += u.Gates
	t.Busy += u.Busy
	t.Swaps += u.Swaps
	t.Swapped += u.Swapped
	t.Recoveries = append(t.Recoveries, u.Recoveries...)
	for k, n := range u.Faults {
		t.Faults[k] += n
	}
	for name, n := range u.Servers {
		t.Servers[name] += n
	}
	for c, n := range u.Cells {
		t.Cells[c] += n
	}
}

// tally counts one run.
func tally(plan int, h *model.History) Tally {
	t := newTally()
	t.Plans = 1
	for _, o := range h.Operations {
		t.count(o)
	}
	for _, f := range h.Faults {
		t.Faults[f.Kind]++
		if f.Ends() {
			t.inFlight(h, f)
		}
	}
	for _, r := range h.Recoveries {
		if r.Canary > 0 {
			back := Recovered{Plan: plan, Recovery: r}
			back.Spans = spansOf(h, back)
			t.Recoveries = append(t.Recoveries, back)
		}
	}
	for _, e := range h.Evidence {
		if e.Held {
			t.Gates++
		}
	}
	t.ReadBack = readBack(h)
	return t
}

// serves counts the plan's server configuration, if it names one.
func (t *Tally) serves(c generators.Config) {
	if c.Server != "" {
		t.Servers[c.Server]++
	}
}

func (t *Tally) count(o model.Invoked) {
	t.Operations++
	t.Attempts += len(o.Attempts)
	if o.Return != model.Forever {
		t.Busy += time.Duration(o.Return.Ns - o.Call.Ns)
	}
	if o.Outcome == model.Ambiguous {
		t.Ambiguous++
		if o.Resolution != nil {
			t.Resolved++
		} else {
			t.Open++
		}
	}
	if c, ok := o.Op.(model.RegisterCompareAndSet); ok && o.Outcome == model.OK {
		t.Swaps++
		if o.Answer.Equal(model.Text(c.Expect)) {
			t.Swapped++
		}
	}
}

// inFlight counts the operations that were open when the fault began: their
// request had left, and no answer had come.
func (t *Tally) inFlight(h *model.History, f model.Fault) {
	for _, o := range h.Operations {
		if !openAt(o, f.Begin) {
			continue
		}
		t.InFlight++
		if o.Op.ReadOnly() {
			continue
		}
		after := false
		for _, e := range h.Evidence {
			if e.ID == o.ID && e.At.Seq < f.Begin.Seq && (e.Reading == string(service.Effect) || e.Reading == string(service.Finished)) {
				after = true
			}
		}
		t.Cells[generators.Cell{Fault: generators.FaultKind(f.Kind), After: after}]++
	}
}

// openAt reports whether an operation had an attempt on the wire at the moment.
func openAt(o model.Invoked, at model.Instant) bool {
	for _, a := range o.Attempts {
		if a.Wrote && a.Start.Seq < at.Seq && a.End.Seq > at.Seq {
			return true
		}
	}
	return false
}

// readBack counts the reads after a restart that show a value whose write was
// acknowledged before it.
func readBack(h *model.History) int {
	n := 0
	for _, read := range h.Operations {
		if read.Outcome != model.OK {
			continue
		}
		for _, write := range h.Operations[:read.ID-1] {
			if write.Object == read.Object && shows(read, write) && restartBetween(h, write.Return, read.Call) {
				n++
				break
			}
		}
	}
	return n
}

// restartBetween reports whether the server ended between the two moments.
func restartBetween(h *model.History, from, to model.Instant) bool {
	return slices.ContainsFunc(h.Faults, func(f model.Fault) bool {
		return f.Ends() && f.Begin.Seq > from.Seq && f.End.Seq < to.Seq
	})
}

// endedSince reports whether the server may have ended between the two moments: what
// it acknowledges while it ends, it may lose by that.
func endedSince(h *model.History, from, to model.Instant) bool {
	return slices.ContainsFunc(h.Faults, func(f model.Fault) bool {
		return f.Ends() && f.End.Seq > from.Seq && f.Begin.Seq < to.Seq
	})
}

// shows reports whether an answer contains what an acknowledged write wrote. Of a
// counter it is enough that the answer is as high as the addition's.
func shows(read, write model.Invoked) bool {
	if write.Outcome != model.OK {
		return false
	}
	switch w := write.Op.(type) {
	case model.RegisterWrite:
		return read.Answer.Equal(model.Text(w.Value))
	case model.RegisterCompareAndSet:
		return write.Answer.Equal(model.Text(w.Expect)) && read.Answer.Equal(model.Text(w.Value))
	case model.MapSet:
		if get, ok := read.Op.(model.MapGet); ok {
			return get.Key == w.Key && read.Answer.Equal(model.Text(w.Value))
		}
		return contains(read.Answer, w.Value)
	case model.ListAppend:
		return contains(read.Answer, w.Value)
	case model.CounterAdd:
		c, ok := write.Answer.(model.Change)
		return ok && w.Delta > 0 && c.New <= value(read.Answer)
	}
	return false
}

func contains(a model.Answer, v string) bool {
	switch all := a.(type) {
	case model.Texts:
		for _, t := range all {
			if t == v {
				return true
			}
		}
	case model.Entries:
		for _, e := range all {
			if e.Value == v {
				return true
			}
		}
	}
	return false
}

// value is a counter's value as an answer shows it, 0 for any other answer.
func value(a model.Answer) int64 {
	switch v := a.(type) {
	case model.Integer:
		return int64(v)
	case model.Change:
		return v.Old
	}
	return 0
}
