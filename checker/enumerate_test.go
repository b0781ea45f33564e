package checker

import (
	"flag"
	"fmt"
	"math"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"retain/internal/selftest"
	"retain/model"
)

var (
	enumerate = flag.Int("enumerate", 4, "compare every history of so many operations with brute force (5: counter and register only)")
	scale     = flag.Float64("scale", 1, "how many times the usual number of random histories the self-test draws")
)

// alphabet is every operation of a short history with every answer that it may
// have in one: values 0 to 2 ("", v1 and v2), two entries, unit additions. An
// answer of nil is ambiguous. Of the compare-and-sets that did not match, one for
// each value that they saw: they are all the same read.
func alphabet(kind model.Kind) []record {
	var out []record
	add := func(op model.Operation, answers ...model.Answer) {
		for _, a := range answers {
			out = append(out, record{op: op, answer: a})
		}
	}
	values := []string{"", "v1", "v2"}
	texts := []model.Answer{model.Text(""), model.Text("v1"), model.Text("v2")}
	switch kind {
	case model.Counter:
		add(model.CounterGet{}, model.Integer(0), model.Integer(1), model.Integer(2))
		add(model.CounterAdd{Delta: 1}, model.Change{Old: 0, New: 1}, model.Change{Old: 1, New: 2}, nil)
		add(model.CounterAddThenFail{Delta: 1}, model.Failure{Code: 500}, nil)
		add(model.CounterReset{}, model.Done{}, nil)
	case model.Register:
		return registerAlphabet(values, texts)
	case model.List:
		lists := []model.Answer{model.Texts{}}
		for _, a := range values[1:] {
			lists = append(lists, model.Texts{a})
			for _, b := range values[1:] {
				lists = append(lists, model.Texts{a, b})
			}
			add(model.ListAppend{Value: a}, model.Done{}, nil)
		}
		add(model.ListGet{}, lists...)
		add(model.ListClear{}, append(lists, nil)...)
	case model.Map:
		var all []model.Answer
		for _, a := range values {
			for _, b := range values {
				e := model.Entries{}
				if a != "" {
					e = append(e, model.Entry{Key: "k1", Value: a})
				}
				if b != "" {
					e = append(e, model.Entry{Key: "k2", Value: b})
				}
				all = append(all, e)
			}
		}
		for _, k := range []string{"k1", "k2"} {
			add(model.MapGet{Key: k}, texts...)
			for _, v := range values[1:] {
				add(model.MapSet{Key: k, Value: v}, model.Done{}, nil)
			}
		}
		add(model.MapClearAll{}, append(all, nil)...)
	}
	return out
}

func registerAlphabet(values []string, texts []model.Answer) []record {
	out := []record{
		{op: model.RegisterClear{}, answer: model.Done{}},
		{op: model.RegisterClear{}},
	}
	for i, v := range values {
		out = append(out,
			record{op: model.RegisterRead{}, answer: texts[i]},
			record{op: model.RegisterCompareAndSet{Expect: values[(i+1)%3], Value: "v1"}, answer: texts[i]})
		if v == "" {
			continue
		}
		out = append(out, record{op: model.RegisterWrite{Value: v}, answer: model.Done{}}, record{op: model.RegisterWrite{Value: v}})
		for k, e := range values {
			cas := model.RegisterCompareAndSet{Expect: e, Value: v}
			out = append(out, record{op: cas, answer: texts[k]}, record{op: cas})
		}
	}
	return out
}

// canonical reports whether values and entries come in their order: a history
// with v1 and v2 exchanged says the same.
func canonical(records []record, first, second string) bool {
	for _, r := range records {
		text := r.op.String()
		if r.answer != nil {
			text += r.answer.String()
		}
		at, other := strings.Index(text, first), strings.Index(text, second)
		if at < 0 && other < 0 {
			continue
		}
		return at >= 0 && (other < 0 || at < other)
	}
	return true
}

// enumeration makes every history of n operations. Operations come in the order
// of their calls, the k-th at 2k; a return stands behind one of the calls, at an
// odd instant: which of two neighbouring returns is first makes no difference.
type enumeration struct {
	letters []record
	n       int
	visit   func([]record)
}

func (e *enumeration) from(records []record) {
	if len(records) == e.n {
		if canonical(records, "v1", "v2") && canonical(records, "k1", "k2") {
			e.visit(records)
		}
		return
	}
	k := len(records)
	for _, l := range e.letters {
		l.id, l.call = int32(k+1), int64(2*k)
		if l.answer == nil {
			l.ret = open
			e.from(append(records, l))
			continue
		}
		for gap := k; gap < e.n; gap++ {
			l.ret = int64(2*gap + 1)
			e.from(append(records, l))
		}
	}
}

// orders is brute force over records: every order of them is tried.
func orders(records []record, placed uint, state model.State) bool {
	done, earliest := true, int64(math.MaxInt64)
	for i := range records {
		if placed>>i&1 == 0 && records[i].answer != nil {
			done = false
			earliest = min(earliest, records[i].ret)
		}
	}
	if done {
		return true
	}
	for i := range records {
		if placed>>i&1 == 1 || records[i].call > earliest {
			continue
		}
		next, answer := records[i].op.Apply(state)
		if (records[i].answer == nil || records[i].answer.Equal(answer)) && orders(records, placed|1<<i, next) {
			return true
		}
	}
	return false
}

// TestEveryShortHistoryAgreesWithBruteForce compares all of them with brute force; by default of those of four
// operations only such as begin with one operation in twelve.
func TestEveryShortHistoryAgreesWithBruteForce(t *testing.T) {
	share := selftest.Seeds(t, 1)
	if testing.Short() {
		*enumerate = min(*enumerate, 3)
	}
	for _, kind := range decidedKinds {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			longest := *enumerate
			if kind == model.List || kind == model.Map {
				longest = min(longest, 4)
			}
			for n := 1; n <= longest; n++ {
				every := 1
				if n == 4 && *enumerate == 4 && share == 1 {
					every = 12
				}
				everyHistory(t, kind, n, every)
			}
		})
	}
}

// everyHistory visits the histories of n operations that begin with one letter in so many.
func everyHistory(t *testing.T, kind model.Kind, n, every int) {
	letters := alphabet(kind)
	var all, bad, near, wrong atomic.Int64
	visit := func(records []record) {
		if wrong.Load() > 3 {
			return
		}
		all.Add(1)
		want := Pass
		if !orders(records, 0, kind.Initial()) {
			want = Violation
			bad.Add(1)
		}
		f := decideAll(kind, records)
		if f.By != ByJIT && f.By != ByPorcupine {
			near.Add(1)
		}
		if f.Verdict != want {
			wrong.Add(1)
			t.Errorf("%s says %s, brute force %s\n%s", f.By, f.Verdict, want, lines(records))
		}
		if n > 3 || f.By == ByAnswer {
			return
		}
		if v, _ := decideJIT(kind, records, ample()); v != want {
			t.Errorf("jit says %s, brute force %s\n%s", v, want, lines(records))
		}
		if v := ample().run(kind, records); v != want {
			t.Errorf("porcupine says %s, brute force %s\n%s", v, want, lines(records))
		}
	}
	var first sync.WaitGroup
	next := make(chan record, len(letters))
	for i, l := range letters {
		if i%every == 0 {
			next <- l
		}
	}
	close(next)
	for range runtime.GOMAXPROCS(0) {
		first.Go(func() {
			for l := range next {
				e := enumeration{letters: letters, n: n, visit: visit}
				e.start(l)
			}
		})
	}
	first.Wait()
	t.Logf("%d operations: %d histories, %d illegal, %d decided near-linearly, all as brute force", n, all.Load(), bad.Load(), near.Load())
}

// start enumerates the histories that begin with a letter.
func (e *enumeration) start(l record) {
	l.id = 1
	if l.answer == nil {
		l.ret = open
		e.from([]record{l})
		return
	}
	for gap := range e.n {
		l.ret = int64(2*gap + 1)
		e.from([]record{l})
	}
}

// decideAll is the checker on records, without a second opinion.
func decideAll(kind model.Kind, records []record) finding {
	c := &check{h: &model.History{}, o: Options{SecondOpinion: -1}.withDefaults(), until: farAway, memory: 1 << 30}
	return c.decide(kind, records)
}

func lines(records []record) string {
	var b strings.Builder
	for _, r := range records {
		fmt.Fprintf(&b, "%d-%d %s\n", r.call, r.ret, describe(r))
	}
	return b.String()
}
