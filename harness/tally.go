package harness

import (
	"slices"
	"time"

	hdr "github.com/HdrHistogram/hdrhistogram-go"

	"retain/generators"
	"retain/model"
)

// Counters are what is counted of a plan, a session and a campaign alike. The names in JSON
// are those of a campaign's records.
type Counters struct {
	Operations int `json:"operations"`
	Attempts   int `json:"attempts"`
	// Faults counts the faults that happened, by kind; the closing kills count.
	Faults map[model.FaultKind]int `json:"faults,omitempty"`
	// Managed counts the operations on invocations that were acknowledged, by verb.
	Managed map[model.Verb]int `json:"managed,omitempty"`
	// Versions counts the starts of plans that name versions, by the version and the build
	// that started: "1.7.12 (577e032)".
	Versions map[string]int `json:"versions,omitempty"`
	// InFlight counts the operations open at a stop or a kill.
	InFlight int `json:"in_flight"`
	// Ambiguous counts the operations of the programs with an ambiguous outcome,
	// Resolved those that a re-send or a look-up answered, Open those that stayed open.
	Ambiguous int `json:"ambiguous"`
	Resolved  int `json:"resolved"`
	Open      int `json:"open"`
	// ReadBack counts the reads after a restart that showed a value whose write
	// was acknowledged before it.
	ReadBack int `json:"read_back"`
	// Load is what is counted of the loads, apart from the programs.
	Load LoadCounters `json:"load,omitzero"`
}

// Add adds other counters.
func (c *Counters) Add(d Counters) {
	c.Operations += d.Operations
	c.Attempts += d.Attempts
	c.InFlight += d.InFlight
	c.Ambiguous += d.Ambiguous
	c.Resolved += d.Resolved
	c.Open += d.Open
	c.ReadBack += d.ReadBack
	c.Load.Add(d.Load)
	c.Faults = sumOf(c.Faults, d.Faults)
	c.Managed = sumOf(c.Managed, d.Managed)
	c.Versions = sumOf(c.Versions, d.Versions)
}

// sumOf sums two counts. The first may change.
func sumOf[K comparable](a, b map[K]int) map[K]int {
	if a == nil && len(b) > 0 {
		a = map[K]int{}
	}
	addCounts(a, b)
	return a
}

// Tally counts what runs tested.
type Tally struct {
	Counters
	// Coverage is what the plans tested, by situation and class.
	Coverage Coverage
	Plans    int
	// Servers counts the plans by the server configuration that they name.
	Servers map[string]int
	// TakeOvers counts the restarts for another configuration before a plan. They are no
	// fault of its program: Faults and Recoveries leave them out.
	TakeOvers int
	// FaultPoints counts the operations that change something and were open at a stop or a
	// kill, by where they stood.
	FaultPoints map[generators.FaultPoint]int
	// Gates counts the operations that were held at a gate, Busy is how long the
	// operations took in all, those that never ended left out.
	Gates int
	Busy  time.Duration
	// Swaps and Swapped count the answered compare-and-sets, and those that set.
	Swaps, Swapped int
	// Late is by how much delayed sends began behind their due times, as [NewLatencies] has it;
	// nil for none.
	Late *hdr.Histogram
	// Recoveries are the restarts that were seen to the end.
	Recoveries []Recovered
}

// Recovered is the timeline of a restart in a plan.
type Recovered struct {
	Plan int
	model.Recovery
	// Spans are when probes were answered, from the server's end (0) to the next
	// fault or the end of the run.
	Spans []Span
}

// Took is the time from the server's end, or from the spawn if that is not
// known, to the last probe.
func (r Recovered) Took() time.Duration { return time.Duration(r.Probe - r.from()) }

// After is the time from the server's end to a moment of the timeline.
func (r Recovered) After(moment int64) time.Duration { return time.Duration(moment - r.from()) }

func (r Recovered) from() int64 {
	if r.Down > 0 {
		return r.Down
	}
	return r.Spawned
}

// NewTally is a tally of no run.
func NewTally() Tally {
	return Tally{
		Counters: Counters{Faults: map[model.FaultKind]int{}}, Coverage: NewCoverage(), FaultPoints: map[generators.FaultPoint]int{},
		Servers: map[string]int{},
	}
}

// Add sums two tallies.
func (t *Tally) Add(u Tally) {
	t.Counters.Add(u.Counters)
	t.Coverage.Add(u.Coverage)
	t.Plans += u.Plans
	t.Gates += u.Gates
	t.Busy += u.Busy
	t.Swaps += u.Swaps
	t.Swapped += u.Swapped
	if u.Late != nil {
		if t.Late == nil {
			t.Late = NewLatencies()
		}
		t.Late.Merge(u.Late)
	}
	t.Recoveries = append(t.Recoveries, u.Recoveries...)
	t.TakeOvers += u.TakeOvers
	addCounts(t.Servers, u.Servers)
	addCounts(t.FaultPoints, u.FaultPoints)
}

// Withdraw takes back that a plan counts for what is excluded: it was tallied, and then
// showed a known finding.
func (t *Tally) Withdraw(u Tally) {
	t.Plans--
	for class, n := range u.Coverage.Plans {
		t.Coverage.Plans[class] -= n
	}
}

func addCounts[K comparable, N ~int | ~int64](to, from map[K]N) {
	for k, n := range from {
		to[k] += n
	}
}

// TallyOf counts one run.
func TallyOf(plan int, h *model.History) Tally {
	t := NewTally()
	t.Plans = 1
	ofLoad := OfLoad(h)
	for i := range h.Operations {
		if o := &h.Operations[i]; ofLoad(o.Object) {
			t.Load.count(o)
		} else {
			t.count(o)
		}
	}
	for _, f := range h.Faults {
		if TakesOver(h, f) {
			continue
		}
		t.Faults[f.Kind]++
		if f.Reported != "" {
			t.Counters.Versions = sumOf(t.Counters.Versions, map[string]int{f.StartedVersion(): 1})
		}
	}
	for _, up := range loadUps(h) {
		t.Load.UpNs += up.To - up.From
	}
	t.atFaults(h)
	for _, r := range h.Recoveries {
		if r.Step == 0 && beforeProgram(h, r.Spawned) {
			t.TakeOvers++
			continue
		}
		if r.Probe > 0 {
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
	t.ReadBack, t.Load.ReadBack = readBack(h)
	t.Late = latenessOf(h)
	return t
}

// Serves counts the plan's server configuration, if it names one.
func (t *Tally) Serves(c generators.Config) {
	if c.Server != "" {
		t.Servers[c.Server]++
	}
}

// Loaded counts the plan's load, if it has one.
func (t *Tally) Loaded(l generators.Load) {
	if l.Clients > 0 {
		t.Load.Plans++
		t.Load.Clients += l.Clients
	}
}

// count counts an operation that is not of the load.
func (t *Tally) count(o *model.Invoked) {
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
	if m, manages := o.Op.(model.Manage); manages && o.Outcome == model.OK {
		t.Managed = sumOf(t.Managed, map[model.Verb]int{m.Verb: 1})
	}
	if c, ok := o.Op.(model.RegisterCompareAndSet); ok && o.Outcome == model.OK {
		t.Swaps++
		if o.Answer.Equal(model.Text(c.Expect)) {
			t.Swapped++
		}
	}
}

// EndedSince reports whether the server may have ended between the two moments: what
// it acknowledges while it ends, it may lose by that.
func EndedSince(h *model.History, from, to model.Instant) bool {
	return slices.ContainsFunc(h.Faults, func(f model.Fault) bool {
		return f.Ends() && f.End.Seq > from.Seq && f.Begin.Seq < to.Seq
	})
}
