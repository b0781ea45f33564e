package harness

import (
	"slices"
	"time"

	"retain/generators"
	"retain/model"
)

// LoadCounters are what is counted of loads.
type LoadCounters struct {
	// Plans counts the plans with a load, Clients are those of all of them.
	Plans   int `json:"plans"`
	Clients int `json:"clients"`
	// Operations are those of the clients, Reads those of the harness on their objects,
	// Attempts those of both.
	Operations int `json:"operations"`
	Reads      int `json:"reads"`
	Attempts   int `json:"attempts"`
	// Ambiguous, Resolved, Open and ReadBack are as in [Counters].
	Ambiguous int `json:"ambiguous"`
	Resolved  int `json:"resolved"`
	Open      int `json:"open"`
	ReadBack  int `json:"read_back"`
	// Strikes counts the stops and kills at which a load ran, InFlight its operations that
	// were on the wire then, in all. AtStrikes counts the strikes by how many those were,
	// in steps of eight: the strikes with 8 to 15 stand under 8.
	Strikes   int         `json:"strikes"`
	InFlight  int         `json:"in_flight"`
	AtStrikes map[int]int `json:"at_strikes,omitempty"`
	// OnOneKey is the most operations in flight at a strike that needed the key of one
	// object: all but one of them waited.
	OnOneKey int `json:"on_one_key"`
	// UpNs is how long the loads ran on a server that was ready, in nanoseconds, BusyNs how
	// long their operations took in all, those that never ended left out.
	UpNs   int64 `json:"up_ns"`
	BusyNs int64 `json:"busy_ns"`
}

// OfLoad reports of an object of a history whether it is the load's. Without a load the
// program's objects may have any number.
func OfLoad(h *model.History) func(model.Object) bool {
	loaded := slices.ContainsFunc(h.Operations, func(o model.Invoked) bool { return o.Phase == model.Load })
	return func(o model.Object) bool { return loaded && generators.IsLoadObject(o) }
}

// strikeStep is the width of the classes of [LoadCounters.AtStrikes].
const strikeStep = 8

// Add adds other counters.
func (c *LoadCounters) Add(d LoadCounters) {
	c.Plans += d.Plans
	c.Clients += d.Clients
	c.Operations += d.Operations
	c.Reads += d.Reads
	c.Attempts += d.Attempts
	c.Ambiguous += d.Ambiguous
	c.Resolved += d.Resolved
	c.Open += d.Open
	c.ReadBack += d.ReadBack
	c.Strikes += d.Strikes
	c.InFlight += d.InFlight
	for n, of := range d.AtStrikes {
		c.countAt(n, of)
	}
	c.OnOneKey = max(c.OnOneKey, d.OnOneKey)
	c.UpNs += d.UpNs
	c.BusyNs += d.BusyNs
}

// countAt counts n strikes with so many operations in flight, the least of their class.
func (c *LoadCounters) countAt(inFlight, n int) {
	if c.AtStrikes == nil {
		c.AtStrikes = map[int]int{}
	}
	c.AtStrikes[inFlight] += n
}

// Rate is the operations per second while the server was ready, 0 without any.
func (c LoadCounters) Rate() float64 {
	if c.UpNs == 0 {
		return 0
	}
	return float64(c.Operations) / time.Duration(c.UpNs).Seconds()
}

// MeanInFlight is how many operations were in flight at a stop or a kill, in the mean.
func (c LoadCounters) MeanInFlight() float64 {
	if c.Strikes == 0 {
		return 0
	}
	return float64(c.InFlight) / float64(c.Strikes)
}

// count counts an operation on an object of the load.
func (c *LoadCounters) count(o *model.Invoked) {
	c.Attempts += len(o.Attempts)
	if o.Phase != model.Load {
		c.Reads++
		return
	}
	c.Operations++
	if o.Return != model.Forever {
		c.BusyNs += o.Return.Ns - o.Call.Ns
	}
	if o.Outcome == model.Ambiguous {
		c.Ambiguous++
		if o.Resolution != nil {
			c.Resolved++
		} else {
			c.Open++
		}
	}
}

// strike is what was in flight of a load at a fault that ends the server.
type strike struct {
	inFlight int
	onKey    map[model.Object]int
}

func (s *strike) add(h *model.History, o *model.Invoked) {
	if o.Phase != model.Load {
		return
	}
	s.inFlight++
	if s.onKey == nil {
		s.onKey = map[model.Object]int{}
	}
	if !h.IsShared(o.Op) {
		s.onKey[o.Object]++
	}
}

// addStrikes counts the ends of the server at which the load ran on it. What was in flight
// at an end has its index; ups are the times in which the load ran on a ready server.
func (c *LoadCounters) addStrikes(all []strike, ends []model.Fault, ups []model.Span) {
	for i, s := range all {
		onReady := slices.ContainsFunc(ups, func(up model.Span) bool { return up.To == ends[i].Begin.Ns })
		if s.inFlight == 0 && !onReady {
			continue
		}
		c.Strikes++
		c.InFlight += s.inFlight
		c.countAt(s.inFlight/strikeStep*strikeStep, 1)
		for _, n := range s.onKey {
			c.OnOneKey = max(c.OnOneKey, n)
		}
	}
}

// loadUps are the times in which the load ran on a server that was ready: between the
// first call and the last return of its clients.
func loadUps(h *model.History) (ups []model.Span) {
	var from, to int64 = -1, -1
	for i := range h.Operations {
		o := &h.Operations[i]
		if o.Phase != model.Load {
			continue
		}
		if from < 0 {
			from = o.Call.Ns
		}
		if o.Return != model.Forever {
			to = max(to, o.Return.Ns)
		}
	}
	if from < 0 {
		return nil
	}
	for _, up := range upTimes(h) {
		up.From, up.To = max(up.From, from), min(up.To, to)
		if up.From < up.To {
			ups = append(ups, up)
		}
	}
	return ups
}
