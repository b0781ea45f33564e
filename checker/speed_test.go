package checker

import (
	"flag"
	"fmt"
	goruntime "runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/model"
)

var speedFlag = flag.Bool("speed", false, "measure what the checker promises of its speed, and fail if it is slower (five minutes)")

// What the checker promises.
const (
	mostPerOperation = 400 * time.Nanosecond
	mostGrowth       = 6.0       // from 10,000 operations to a million, per operation
	mostMemory       = 400 << 20 // above the history
	leastRatio       = 1000.0    // porcupine's time to the decision's
)

// patience is how long porcupine may take: some thousand times what a decision
// takes on the same history.
const patience = 10 * time.Second

// TestSpeed measures long histories of one object of each kind, ten clients
// always busy, 5 % ambiguous.
//
// Time is the time of the processors that the process used, a garbage collector's
// included, so that a busy machine gives the same figures as an idle one. Memory is
// everything that Check allocates, freed or not: more than it ever holds.
func TestSpeed(t *testing.T) {
	if !*speedFlag {
		t.Skip("five minutes: ask for it with -speed -v")
	}
	t.Run("a million operations", func(t *testing.T) {
		for _, l := range long() {
			small := speedOf(t, l, 10_000)
			speedOf(t, l, 100_000)
			large := speedOf(t, l, 1_000_000)
			if l.kind == model.Map {
				continue // nothing is promised of maps
			}
			assert.LessOrEqual(t, large, mostPerOperation, "%s: a whole Check", l.kind)
			assert.LessOrEqual(t, float64(large)/float64(small), mostGrowth, "%s: a million to 10,000", l.kind)
		}
	})
	t.Run("a million elements in long answers", func(t *testing.T) {
		h := longAnswers(1_000_000)
		cost := cheapest(t, h, func() { require.Equal(t, Pass, Check(h, Options{}).Verdict) })
		t.Logf("list: %d operations, %d elements in their answers, %.1f ns an element", len(h.Operations), elements(h), float64(cost)/float64(elements(h)))
	})
	t.Run("porcupine", func(t *testing.T) {
		for _, kind := range decidedKinds {
			for _, stale := range []bool{false, true} {
				ratioOf(t, load{kind: kind, operations: 10_000, clients: 10, ambiguous: 0.05, keys: 1, stale: stale})
			}
		}
	})
}

func long() []load {
	out := []load{}
	for _, kind := range decidedKinds {
		out = append(out, load{kind: kind, clients: 10, ambiguous: 0.05, keys: 1})
	}
	return append(out, load{kind: model.Map, clients: 10, ambiguous: 0.05, keys: 16})
}

// speedOf measures a history of so many operations. It returns the time of a
// whole Check per operation: validation, partition and decision.
func speedOf(t *testing.T, l load, operations int) time.Duration {
	l.operations = operations
	h := l.history(1)
	records := objectsOf(h)[0].records
	decision := cheapest(t, h, func() { require.Equal(t, Pass, decideAll(l.kind, records).Verdict) })
	check := cheapest(t, h, func() { require.Equal(t, Pass, Check(h, Options{}).Verdict) })
	memory := allocated(func() { Check(h, Options{}) })
	of := float64(operations)
	t.Logf("%-8s %2d keys %7d operations %7d elements  decision %4.0f ns/operation  whole Check %4.0f ns/operation  %4d MB", l.kind, l.keys,
		operations, elements(h), float64(decision)/of, float64(check)/of, memory>>20)
	assert.LessOrEqual(t, memory, uint64(mostMemory), "%s: memory above the history", l.kind)
	return check / time.Duration(operations)
}

// cheapest is the least time of the processors that f took, of five runs that do
// as much work as a million operations, at most.
func cheapest(t *testing.T, h *model.History, f func()) time.Duration {
	t.Helper()
	again := max(1, 100_000/len(h.Operations))
	var least time.Duration
	for range 5 {
		goruntime.GC()
		start := processorTime(t)
		for range again {
			f()
		}
		if took := (processorTime(t) - start) / time.Duration(again); least == 0 || took < least {
			least = took
		}
	}
	return least
}

// processorTime is the processors' time that the process has used so far.
func processorTime(t testing.TB) time.Duration {
	t.Helper()
	var used syscall.Rusage
	require.NoError(t, syscall.Getrusage(syscall.RUSAGE_SELF, &used))
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// allocated is what f allocates, in bytes, when nothing of earlier runs is left
// that it could use.
func allocated(f func()) uint64 {
	goruntime.GC()
	goruntime.GC()
	var before, after goruntime.MemStats
	goruntime.ReadMemStats(&before)
	f()
	goruntime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// elements counts the elements in all answers.
func elements(h *model.History) int {
	n := 0
	for i := range h.Operations {
		if list, ok := h.Operations[i].Answer.(model.Texts); ok {
			n += len(list)
		}
	}
	return n
}

// longAnswers is a list that is only appended to and read, in turn, until its
// answers hold so many elements.
func longAnswers(atLeast int) *model.History {
	h := &model.History{Header: model.Header{Version: 1, Run: "load"}, Ended: true}
	state, seq := model.List.Initial(), int64(0)
	for n := 0; n < atLeast; {
		for _, op := range []model.Operation{model.ListAppend{Value: fmt.Sprintf("v%d", seq)}, model.ListGet{}} {
			o := model.Invoked{ID: len(h.Operations) + 1, Process: "0", Phase: model.Program, Outcome: model.OK, Object: model.Object{Kind: model.List}, Op: op}
			state, o.Answer = op.Apply(state)
			o.Answer = decoded(o.Answer)
			o.Call, o.Return = model.Instant{Seq: seq + 1, Ns: seq + 1}, model.Instant{Seq: seq + 2, Ns: seq + 2}
			seq += 2
			h.Operations = append(h.Operations, o)
		}
		n += state.(model.ListState).Len()
	}
	return h
}

// ratioOf compares porcupine behind the pre-pass with the decision that Check
// takes, on the same records, on five histories: the median counts. Where
// porcupine does not finish, what it took is a lower bound.
func ratioOf(t *testing.T, l load) {
	var ratios []string
	var all []float64
	for seed := range uint64(5) {
		h := l.history(seed)
		part := partsOf(l.kind, objectsOf(h)[0].records, false)[0]
		want := decideAll(l.kind, part.records).Verdict
		fast := cheapest(t, h, func() { decideAll(l.kind, part.records) })
		goruntime.GC()
		begin, start := time.Now(), processorTime(t)
		verdict := search{until: begin.Add(min(*porcupineMax, patience)), memory: porcupineMemory}.run(part.kind, part.records)
		took, wall := processorTime(t)-start, time.Since(begin)
		goruntime.GC()
		ratio, sign := float64(took)/float64(fast), ""
		if verdict == Undecided {
			ratio, sign = float64(min(took, wall))/float64(fast), "> "
		} else {
			require.Equal(t, verdict, want, "%s, seed %d", l, seed)
		}
		all, ratios = append(all, ratio), append(ratios, fmt.Sprintf("%s%s", sign, round(ratio)))
		t.Logf("%-8s stale %-5t seed %d: decision %.2f ms, porcupine %.0f ms of processors in %.0f ms: %s%s times", l.kind, l.stale, seed,
			float64(fast)/1e6, float64(took)/1e6, float64(wall)/1e6, sign, round(ratio))
	}
	assert.GreaterOrEqual(t, middle(all), leastRatio, "%s: %s", l, strings.Join(ratios, ", "))
}
