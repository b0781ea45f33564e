package checker

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	"retain/model"
)

// load draws a legal history of many operations quickly: clients take turns, each
// operation overlaps those of the other clients.
type load struct {
	kind       model.Kind
	operations int
	clients    int
	ambiguous  float64
	keys       int // of a map
	clears     float64
	stale      bool // one read, near the end, answers an old value
}

func (l load) String() string {
	return fmt.Sprintf("%s/n=%d/clients=%d/ambiguous=%g/keys=%d/stale=%t",
		l.kind, l.operations, l.clients, l.ambiguous*100, l.keys, l.stale)
}

// history draws the history. Operations take effect at random between the calls
// that follow them.
func (l load) history(seed uint64) *model.History {
	rng := rand.New(rand.NewPCG(seed, 0))
	h := &model.History{Header: model.Header{Version: 1, Run: "load"}, Ended: true}
	h.Operations = make([]model.Invoked, 0, l.operations)
	state := l.kind.Initial()
	open := make([]int, l.clients) // the operation of each client, plus 1
	happened := make([]bool, l.clients)
	names := make([]int, l.clients)
	seq := int64(0)
	tick := func() model.Instant { seq++; return model.Instant{Seq: seq, Ns: seq} }
	apply := func(c int) {
		if i := open[c] - 1; i >= 0 && !happened[c] {
			happened[c] = true
			o := &h.Operations[i]
			state, o.Answer = o.Op.Apply(state)
		}
	}
	for busy := 0; len(h.Operations) < l.operations || busy > 0; {
		c := rng.IntN(l.clients)
		if open[c] == 0 {
			if len(h.Operations) == l.operations {
				continue
			}
			h.Operations = append(h.Operations, model.Invoked{
				ID: len(h.Operations) + 1, Process: strconv.Itoa(c) + "." + strconv.Itoa(names[c]), Phase: model.Program,
				Object: model.Object{Kind: l.kind}, Op: l.draw(rng, len(h.Operations), state), Call: tick(), Return: model.Forever,
			})
			open[c], happened[c] = len(h.Operations), false
			busy++
			continue
		}
		o := &h.Operations[open[c]-1]
		if rng.Float64() < l.ambiguous {
			if rng.IntN(2) == 0 {
				apply(c)
			}
			o.Outcome, o.Reason, o.Answer = model.Ambiguous, model.TimedOut, nil
			names[c]++
		} else {
			apply(c)
			o.Outcome, o.Return = model.OK, tick()
		}
		open[c], busy = 0, busy-1
		apply(rng.IntN(l.clients))
	}
	if l.stale {
		l.spoil(h)
	}
	return h
}

func (l load) draw(rng *rand.Rand, n int, state model.State) model.Operation {
	clear := rng.Float64() < l.clears
	value := "v" + strconv.Itoa(n)
	switch l.kind {
	case model.Counter:
		switch {
		case clear:
			return model.CounterReset{}
		case rng.IntN(2) == 0:
			return model.CounterGet{}
		case rng.IntN(10) == 0:
			return model.CounterAddThenFail{Delta: 1}
		}
		return model.CounterAdd{Delta: 1}
	case model.List:
		switch {
		case rng.Float64() < 0.02: // answers are as long as the list
			return model.ListClear{}
		case rng.IntN(20) == 0:
			return model.ListGet{}
		}
		return model.ListAppend{Value: value}
	case model.Map:
		key := "k" + strconv.Itoa(rng.IntN(l.keys))
		switch {
		case clear:
			return model.MapClearAll{}
		case rng.IntN(2) == 0:
			return model.MapGet{Key: key}
		}
		return model.MapSet{Key: key, Value: value}
	}
	switch n := rng.IntN(10); {
	case clear:
		return model.RegisterClear{}
	case n < 5:
		return model.RegisterRead{}
	case n < 7:
		return model.RegisterCompareAndSet{Expect: string(state.(model.RegisterState)), Value: value}
	}
	return model.RegisterWrite{Value: value}
}

// spoil makes one late read answer what an early one answered.
func (l load) spoil(h *model.History) {
	var early model.Answer
	for i := range h.Operations {
		o := &h.Operations[i]
		if o.Outcome != model.OK || !o.Op.ReadOnly() {
			continue
		}
		if get, ok := o.Op.(model.MapGet); ok && get.Key != "k0" {
			continue
		}
		switch {
		case early == nil && i > len(h.Operations)/10:
			early = o.Answer
		case early != nil && i > len(h.Operations)*9/10 && !o.Answer.Equal(early):
			o.Answer = early
			return
		}
	}
}

func loads() []load {
	var out []load
	for _, kind := range model.Kinds() {
		for _, stale := range []bool{false, true} {
			for _, n := range []int{1000, 10000, 100000, 1000000} {
				for _, clients := range []int{2, 10, 50} {
					for _, ambiguous := range []float64{0, 0.05, 0.2} {
						keys := []int{1}
						if kind == model.Map {
							keys = []int{1, 16}
						}
						for _, k := range keys {
							out = append(out, load{kind: kind, operations: n, clients: clients, ambiguous: ambiguous, keys: k, stale: stale})
						}
					}
				}
			}
		}
	}
	return out
}

func BenchmarkFast(b *testing.B) {
	for _, l := range loads() {
		b.Run(l.String(), func(b *testing.B) {
			h := l.history(1)
			records := objectsOf(h)[0].records
			b.ReportAllocs()
			for b.Loop() {
				c := &check{h: h, o: Options{SecondOpinion: -1}.withDefaults(), until: time.Now().Add(time.Minute), memory: 1 << 30}
				f := c.decide(l.kind, records)
				if f.Verdict == Undecided {
					b.Fatal(f.reason)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(h.Operations)), "ns/operation")
		})
	}
}

func BenchmarkCheck(b *testing.B) {
	for _, l := range loads() {
		b.Run(l.String(), func(b *testing.B) {
			h := l.history(1)
			b.ReportAllocs()
			for b.Loop() {
				Check(h, Options{})
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(h.Operations)), "ns/operation")
		})
	}
}

// BenchmarkRun is what the harness pays after each run: a hundred operations on
// five objects, second opinions included.
func BenchmarkRun(b *testing.B) {
	rng := rand.New(rand.NewPCG(5, 5))
	h := &model.History{Header: model.Header{Version: 1, Run: "run"}, Ended: true}
	for n := range 5 {
		s := drawSimulation(rng, model.Kinds()[n%4], 20)
		s.clients, s.repeats, s.ambiguous, s.resolved, s.additions = 4, 0, 0.2, 1, 1
		join(h, s.run(), n)
	}
	b.ReportAllocs()
	for b.Loop() {
		if r := Check(h, Options{}); r.Verdict != Pass {
			b.Fatal(r.Reason)
		}
	}
}

// join puts a history of one object behind another, as object n.
func join(h, more *model.History, n int) {
	last := int64(0)
	for _, o := range h.Operations {
		last = max(last, o.Call.Seq)
		if o.Return != model.Forever {
			last = max(last, o.Return.Seq)
		}
		if o.Resolution != nil {
			last = max(last, o.Resolution.At.Seq)
		}
	}
	for _, o := range more.Operations {
		o.ID = len(h.Operations) + 1
		o.Object.N = n
		o.Process = fmt.Sprintf("%d/%s", n, o.Process)
		o.Call.Seq += last
		if o.Return != model.Forever {
			o.Return.Seq += last
		}
		if o.Resolution != nil {
			at := *o.Resolution
			at.At.Seq += last
			o.Resolution = &at
		}
		h.Operations = append(h.Operations, o)
	}
	for _, f := range more.Faults {
		f.Begin.Seq += last
		f.End.Seq += last
		h.Faults = append(h.Faults, f)
	}
}
