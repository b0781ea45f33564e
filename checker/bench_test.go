package checker

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"retain/model"
)

var porcupineMax = flag.Duration("porcupine.max", time.Minute, "how long porcupine may take in benchmarks")

// load draws a legal history of many operations quickly. Its clients are always
// busy: each calls again as soon as it has an answer or has given up, so that as
// many operations are open at each instant as there are clients, and besides them
// the ambiguous ones, some of which have their effect late. Its answers share no memory
// with the written values, as if they came out of a response.
type load struct {
	kind       model.Kind
	operations int
	clients    int
	ambiguous  float64
	keys       int // of a map
	clears     float64
	stale      bool // one read, near the end, answers an old value
	values     int  // number of values to write, each again and again; 0 to write each value once
}

func (l load) String() string {
	return fmt.Sprintf("%s/n=%d/clients=%d/ambiguous=%g/keys=%d/stale=%t",
		l.kind, l.operations, l.clients, l.ambiguous*100, l.keys, l.stale)
}

// loading is a history that is being drawn.
type loading struct {
	load
	rng   *rand.Rand
	h     *model.History
	seq   int64
	state model.State
	// by client: the operation's index, whether it had its effect, and how often
	// the client went on after an ambiguous outcome
	open     []int
	happened []bool
	names    []int
	late     []int // ambiguous operations that will have their effect
}

func (l *loading) tick() model.Instant {
	l.seq++
	return model.Instant{Seq: l.seq, Ns: l.seq}
}

// history draws the history. An operation has its effect at a random instant while it
// is open.
func (l load) history(seed uint64) *model.History {
	d := &loading{load: l, rng: rand.New(rand.NewPCG(seed, 0)), state: l.kind.Initial()}
	d.h = &model.History{Header: model.Header{Version: 1, Run: "load"}, Ended: true}
	d.h.Operations = make([]model.Invoked, 0, l.operations)
	d.open, d.happened, d.names = make([]int, l.clients), make([]bool, l.clients), make([]int, l.clients)
	for c := range l.clients {
		d.call(c)
	}
	for busy := l.clients; busy > 0; {
		c := d.rng.IntN(l.clients)
		if d.open[c] < 0 {
			continue
		}
		d.end(c)
		if len(d.h.Operations) < l.operations {
			d.call(c)
		} else {
			d.open[c] = -1
			busy--
		}
		d.effect(d.rng.IntN(l.clients))
		if d.rng.IntN(l.clients) == 0 {
			d.effectLate()
		}
	}
	if l.stale {
		l.spoil(d.h)
	}
	return d.h
}

func (l *loading) call(c int) {
	n := len(l.h.Operations)
	l.h.Operations = append(l.h.Operations, model.Invoked{
		ID: n + 1, Process: strconv.Itoa(c) + "." + strconv.Itoa(l.names[c]), Phase: model.Program,
		Object: model.Object{Kind: l.kind}, Op: l.draw(l.rng, n, l.state), Call: l.tick(), Return: model.Forever,
	})
	l.open[c], l.happened[c] = n, false
}

func (l *loading) effect(c int) {
	if i := l.open[c]; i >= 0 && !l.happened[c] {
		l.happened[c] = true
		o := &l.h.Operations[i]
		l.state, o.Answer = o.Op.Apply(l.state)
		o.Answer = decoded(o.Answer)
	}
}

// effectLate gives one of the ambiguous operations its effect.
func (l *loading) effectLate() {
	if len(l.late) == 0 {
		return
	}
	i, last := l.rng.IntN(len(l.late)), len(l.late)-1
	l.state, _ = l.h.Operations[l.late[i]].Op.Apply(l.state)
	l.late[i], l.late = l.late[last], l.late[:last]
}

// decoded is the answer with memory of its own.
func decoded(a model.Answer) model.Answer {
	switch a := a.(type) {
	case model.Text:
		return model.Text(strings.Clone(string(a)))
	case model.Texts:
		for i := range a {
			a[i] = strings.Clone(a[i])
		}
	}
	return a
}

func (l *loading) end(c int) {
	o := &l.h.Operations[l.open[c]]
	if l.rng.Float64() >= l.ambiguous {
		l.effect(c)
		o.Outcome, o.Return = model.OK, l.tick()
		return
	}
	if !l.happened[c] && l.rng.IntN(2) == 0 {
		l.late = append(l.late, l.open[c])
	}
	o.Outcome, o.Reason, o.Answer = model.Ambiguous, model.TimedOut, nil
	l.names[c]++
}

func (l load) draw(rng *rand.Rand, n int, state model.State) model.Operation {
	clear := rng.Float64() < l.clears
	value := "v" + strconv.Itoa(n)
	expect, _ := state.(model.RegisterState)
	if l.values > 0 {
		value, expect = strconv.Itoa(rng.IntN(l.values)), model.RegisterState(strconv.Itoa(rng.IntN(l.values)))
	}
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
		return model.RegisterCompareAndSet{Expect: string(expect), Value: value}
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
	for _, kind := range decidedKinds {
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

// BenchmarkPorcupine is porcupine with the pre-pass on the same histories. One that
// it does not finish in -porcupine.max is skipped, and so are the longer ones.
func BenchmarkPorcupine(b *testing.B) {
	lost := map[load]bool{} // by the load with no operations
	for _, l := range loads() {
		b.Run(l.String(), func(b *testing.B) {
			same := l
			same.operations = 0
			if lost[same] {
				b.Skip("it did not finish a shorter one")
			}
			h := l.history(1)
			for b.Loop() {
				if porcupineAlone(h, *porcupineMax) == Undecided {
					lost[same] = true
					b.Skipf("not finished in %s", *porcupineMax)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(h.Operations)), "ns/operation")
		})
	}
}

// porcupineAlone judges the first object of a history by the pre-pass and
// porcupine, entry by entry where that is sound.
func porcupineAlone(h *model.History, most time.Duration) Verdict {
	budget := search{until: time.Now().Add(most), memory: porcupineMemory}
	verdict := Pass
	for _, p := range partsOf(h.Operations[0].Object.Kind, objectsOf(h)[0].records, false) {
		v := budget.run(p.kind, p.records)
		if severity[v] > severity[verdict] {
			verdict = v
		}
		if v != Pass {
			break
		}
	}
	return verdict
}

// porcupineMemory bounds porcupine in benchmarks.
const porcupineMemory = 6 << 30

// others are histories as other people record them: values that are written again and
// again, three to twenty clients, up to a fifth of the operations ambiguous, half of
// these for ever, legal ones and such with a stale read.
func others() []load {
	var out []load
	for _, kind := range decidedKinds {
		for _, clients := range []int{3, 5, 10, 20} {
			for _, n := range []int{100, 1000, 5000} {
				for _, ambiguous := range []float64{0, 0.02, 0.1, 0.2} {
					for _, stale := range []bool{false, true} {
						out = append(out, load{kind: kind, operations: n, clients: clients, ambiguous: ambiguous, keys: 3, values: 5, clears: 0.01, stale: stale})
					}
				}
			}
		}
	}
	return out
}

// BenchmarkOthers compares the decision on other people's histories with plain
// porcupine's, both in the time of the processors.
func BenchmarkOthers(b *testing.B) {
	for _, l := range others() {
		b.Run(l.String(), func(b *testing.B) {
			h := l.history(1)
			records := objectsOf(h)[0].records
			var plain, ours time.Duration
			verdict := Undecided
			for b.Loop() {
				plain += processors(b, func() { verdict, _ = plainPorcupine(h, min(10*time.Second, *porcupineMax)) })
				ours += processors(b, func() { newCheck(h, Options{}).decide(l.kind, records) })
			}
			if verdict == Undecided {
				b.Skipf("porcupine did not finish; ours took %s", ours/time.Duration(b.N))
			}
			b.ReportMetric(float64(ours)/float64(b.N)/1e6, "ms/decision")
			b.ReportMetric(float64(ours)/float64(plain), "of-porcupine")
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
		s := drawSimulation(rng, decidedKinds[n%4], 20)
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
