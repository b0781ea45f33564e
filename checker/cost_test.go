package checker

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/internal/selftest"
	"retain/model"
)

// sequence is a history of operations one after the other.
type sequence struct{ h *model.History }

func newSequence() sequence {
	return sequence{&model.History{Header: model.Header{Version: 1, Run: "sequence"}, Ended: true}}
}

// add adds an operation. One without an answer is ambiguous.
func (s sequence) add(object model.Object, op model.Operation, a model.Answer) {
	n := int64(len(s.h.Operations))
	o := model.Invoked{ID: int(n) + 1, Process: "0", Phase: model.Program, Object: object, Op: op,
		Call: model.Instant{Seq: 4*n + 1, Ns: 4*n + 1}, Return: model.Instant{Seq: 4*n + 2, Ns: 4*n + 2}, Outcome: model.OK, Answer: a}
	o.Attempts = []model.Attempt{{N: 1, Start: o.Call, End: model.Forever, Wrote: true}}
	if a == nil {
		o.Process, o.Return, o.Outcome, o.Reason = fmt.Sprint("x", n), model.Forever, model.Ambiguous, model.TimedOut
	}
	s.h.Operations = append(s.h.Operations, o)
}

// shapes are histories of size n, each large in another way.
var shapes = []struct {
	name    string
	n       int
	history func(n int) *model.History
}{
	{"objects that all violate", 1000, func(n int) *model.History {
		s := newSequence()
		for i := range n {
			o := model.Object{Kind: model.Register, N: i}
			s.add(o, model.RegisterWrite{Value: "v"}, model.Done{})
			s.add(o, model.RegisterRead{}, model.Text(fmt.Sprint("x", i)))
		}
		return s.h
	}},
	{"keys of a map, and a clearAll", 300, func(n int) *model.History {
		s, o := newSequence(), model.Object{Kind: model.Map}
		s.add(o, model.MapClearAll{}, model.Entries{})
		for i := range n {
			s.add(o, model.MapSet{Key: fmt.Sprint("k", i), Value: fmt.Sprint("v", i)}, model.Done{})
			s.add(o, model.MapGet{Key: fmt.Sprint("k", i)}, model.Text(fmt.Sprint("v", i)))
		}
		return s.h
	}},
	{"operations on one register, values repeated", 2000, func(n int) *model.History {
		return load{kind: model.Register, operations: n, clients: 5, ambiguous: 0.001, values: 5}.history(1)
	}},
	{"operations on one register, and a stale read", 5000, func(n int) *model.History {
		return load{kind: model.Register, operations: n, clients: 5, ambiguous: 0.02, stale: true}.history(1)
	}},
	{"elements of one answer", 20_000, func(n int) *model.History { return oneAnswer(n, 3) }},
	{"elements of an answer that is right", 10_000, func(n int) *model.History { return oneAnswer(n, n) }},
	{"faults", 2000, func(n int) *model.History {
		s := newSequence()
		for i := range n {
			o := model.Object{Kind: model.Counter, N: i % 100}
			s.add(o, model.CounterAdd{Delta: 1}, model.Change{Old: 0, New: 1})
			at := int64(4*len(s.h.Operations) - 1)
			s.h.Faults = append(s.h.Faults, model.Fault{Kind: "kill", Begin: model.Instant{Seq: at, Ns: at}, End: model.Instant{Seq: at, Ns: at}})
		}
		return s.h
	}},
	{"attempts of one operation", 10_000, func(n int) *model.History {
		s, o := newSequence(), model.Object{Kind: model.Counter}
		s.add(o, model.CounterAdd{Delta: 1}, model.Change{Old: 1, New: 2})
		for i := range n {
			s.h.Operations[0].Attempts = append(s.h.Operations[0].Attempts, model.Attempt{N: i + 2, Start: s.h.Operations[0].Call, Wrote: true})
		}
		return s.h
	}},
	{"ambiguous operations", 2000, func(n int) *model.History {
		s, o := newSequence(), model.Object{Kind: model.Register}
		for i := range n {
			s.add(o, model.RegisterWrite{Value: fmt.Sprint("v", i)}, nil)
		}
		s.add(o, model.RegisterRead{}, model.Text("v0"))
		return s.h
	}},
	{"re-sent operations", 1000, func(n int) *model.History {
		s, o := newSequence(), model.Object{Kind: model.Register}
		for i := range n {
			s.add(o, model.RegisterWrite{Value: fmt.Sprint("v", i)}, model.Done{})
			op := &s.h.Operations[len(s.h.Operations)-1]
			op.Attempts = append(op.Attempts, op.Attempts[0])
		}
		s.add(o, model.RegisterRead{}, model.Text("x"))
		return s.h
	}},
}

// oneAnswer is a list of which one answer shows so many elements, and fewer appended.
func oneAnswer(shown, appended int) *model.History {
	s, o := newSequence(), model.Object{Kind: model.List}
	all := make(model.Texts, shown)
	for i := range all {
		if all[i] = fmt.Sprint("v", i); i < appended {
			s.add(o, model.ListAppend{Value: all[i]}, model.Done{})
		}
	}
	s.add(o, model.ListGet{}, all)
	return s.h
}

// processors is the time of the processors that f took, which another process does not
// add to.
func processors(t testing.TB, f func()) time.Duration {
	began := processorTime(t)
	f()
	return processorTime(t) - began
}

// TestCostGrowsNearLinearly checks histories of each shape and of eight times its
// size: what is quadratic takes 64 times as long. An explanation ends by its effort.
func TestCostGrowsNearLinearly(t *testing.T) {
	if selftest.Race {
		t.Skip("the race detector slows the sizes by different factors")
	}
	for _, s := range shapes {
		t.Run(s.name, func(t *testing.T) {
			cost := func(h *model.History, tries int) time.Duration {
				best := time.Hour
				for range tries {
					var r Result
					best = min(best, processors(t, func() { r = Check(h, Options{SecondOpinion: -1}) }))
					require.NotEqual(t, Undecided, r.Verdict, r.Reason)
				}
				return best
			}
			small := cost(s.history(s.n), 5)
			most, long := 24*small+20*time.Millisecond, s.history(8*s.n)
			large := cost(long, 2)
			for tries := 0; large > most && tries < 5; tries++ { // other work only adds
				large = min(large, cost(long, 1))
			}
			t.Logf("%d: %s, %d: %s", s.n, small, 8*s.n, large)
			assert.LessOrEqual(t, large, most)
		})
	}
}

// TestCheckStopsWithinItsBudget: a check without time ends on any history.
func TestCheckStopsWithinItsBudget(t *testing.T) {
	for _, s := range shapes {
		t.Run(s.name, func(t *testing.T) {
			h := s.history(8 * s.n)
			r := Check(h, Options{Budget: time.Nanosecond})
			assert.Less(t, r.Cost, 3*explainTime)
		})
	}
	h := oneAnswer(100_000, 3)
	r := Check(h, Options{Budget: time.Nanosecond})
	require.Equal(t, Undecided, r.Verdict)
	require.Equal(t, ByTime, r.Objects[0].Spent.Bound)
}

// TestUndecidedNamesTheExhaustedBound and no other.
func TestUndecidedNamesTheExhaustedBound(t *testing.T) {
	h := explosive(t, 24)
	r := Check(h, Options{Budget: 300 * time.Millisecond})
	require.Equal(t, Undecided, r.Verdict)
	assert.Equal(t, ByTime, r.Objects[0].Spent.Bound)
	assert.Contains(t, r.Reason, "the search reached its 300ms of time")
	assert.NotContains(t, r.Reason, "MiB")

	r = Check(h, Options{Memory: 1 << 20})
	require.Equal(t, Undecided, r.Verdict)
	assert.Equal(t, ByMemory, r.Objects[0].Spent.Bound)
	assert.Regexp(t, `the search reached its 1 MiB of memory after \d+`, r.Reason)
	assert.NotContains(t, r.Reason, "of time")

	var b strings.Builder
	for i := range 80 {
		fmt.Fprintf(&b, "%d register-0 %d %d write(\"v%d\") => ok\n", i, i+1, 1000+i, i%40)
	}
	b.WriteString("x register-0 2000 2001 read() => \"v0\"\nx register-0 2002 2003 read() => \"v1\"\n")
	r = Check(history(t, b.String()), Options{Memory: 1 << 20})
	require.Equal(t, Undecided, r.Verdict)
	assert.Contains(t, r.Reason, "80 answered operations are open at once: more than 64 are left to porcupine")
}

// fewValues are histories as other people have them: five clients, values that are
// written again and again, few operations open.
func fewValues() []load {
	var out []load
	for _, kind := range decidedKinds {
		for _, clears := range []float64{0, 0.02} {
			for _, n := range []int{300, 2000} {
				out = append(out, load{kind: kind, operations: n, clients: 5, ambiguous: 0.02, keys: 3, values: 5, clears: clears})
			}
		}
	}
	return out
}

// TestRepeatedValuesCostNoMoreThanPorcupine compares the sum over histories of each
// kind with plain porcupine's, in one run.
func TestRepeatedValuesCostNoMoreThanPorcupine(t *testing.T) {
	if selftest.Race {
		t.Skip("the race detector slows the two sides by different factors")
	}
	for _, l := range fewValues() {
		t.Run(fmt.Sprintf("%s/clears=%g", l, l.clears), func(t *testing.T) {
			var plain, ours time.Duration
			for seed := range uint64(4) {
				h := l.history(seed)
				slow, fast := time.Hour, time.Hour
				for tries := 0; tries < 2 || tries < 10 && float64(fast) > 1.5*float64(slow); tries++ { // the least of them: other work only adds
					var r Result
					slow = min(slow, processors(t, func() { plainPorcupine(h, 100*time.Millisecond) }))
					fast = min(fast, processors(t, func() { r = Check(h, Options{}) }))
					require.Equal(t, Pass, r.Verdict, r.Reason)
				}
				plain, ours = plain+slow, ours+fast
			}
			t.Logf("porcupine %s, ours %s", plain, ours)
			assert.LessOrEqual(t, float64(ours), 1.5*float64(plain))
		})
	}
}

// TestDecideTakesAboutAsLongAsPorcupineWhereItIsFast: in these histories jit prunes little,
// and porcupine soon finds an order, or that there is none. Check takes about as long.
func TestDecideTakesAboutAsLongAsPorcupineWhereItIsFast(t *testing.T) {
	if selftest.Race {
		t.Skip("the race detector slows the two sides by different factors")
	}
	for _, l := range []load{
		{kind: model.Map, operations: 1000, clients: 5, ambiguous: 0.1, keys: 3, values: 5, clears: 0.01},
		{kind: model.Map, operations: 1000, clients: 5, ambiguous: 0.1, keys: 3, values: 5, clears: 0.01, stale: true},
		{kind: model.Register, operations: 5000, clients: 5, ambiguous: 0.2, keys: 3, values: 5, clears: 0.01},
	} {
		t.Run(l.String(), func(t *testing.T) {
			h := l.history(1)
			records := objectsOf(h)[0].records
			plain, ours := time.Hour, time.Hour
			for tries := 0; tries < 4 || tries < 12 && ours >= plain+100*time.Millisecond; tries++ { // the least of them: other work only adds
				plain = min(plain, processors(t, func() { plainPorcupine(h, time.Minute) }))
				ours = min(ours, processors(t, func() { newCheck(h, Options{}).decide(l.kind, records) }))
			}
			t.Logf("porcupine %s, ours %s", plain, ours)
			assert.Less(t, ours, plain+100*time.Millisecond)
		})
	}
}
