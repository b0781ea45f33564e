package checker

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"retain/internal/selftest"
	"retain/model"
)

// dump prints a history so that it can be made a test.
func dump(h *model.History) string {
	var b bytes.Buffer
	for _, o := range h.Operations {
		end := "?"
		switch {
		case o.Outcome == model.Failed:
			end = fmt.Sprintf("%d!", o.Return.Seq)
		case o.Outcome == model.OK:
			end = fmt.Sprint(o.Return.Seq)
		case o.Resolution != nil && o.Resolution.By == model.LookUp:
			end = fmt.Sprintf("? %%%d", o.Resolution.At.Seq)
		case o.Resolution != nil:
			end = fmt.Sprintf("? @%d", o.Resolution.At.Seq)
		}
		fmt.Fprintf(&b, "%s %s %d %s %s", o.Process, o.Object, o.Call.Seq, end, o.Op)
		if o.Answer != nil {
			fmt.Fprintf(&b, " => %s", o.Answer)
		} else if o.Resolution != nil {
			fmt.Fprintf(&b, " => %s", o.Resolution.Answer)
		}
		b.WriteString("\n")
	}
	return b.String()
}

// decidedKinds are the kinds whose decisions these tests draw histories for: those that
// have a part of the checker.
var decidedKinds = []model.Kind{model.Counter, model.Register, model.List, model.Map}

// ample is a budget that small histories do not reach.
func ample() search { return search{until: time.Now().Add(time.Hour), memory: 1 << 30} }

// times is how often a random test of n histories runs.
func times(n int) int {
	if testing.Short() {
		n /= 10
	}
	return max(1, int(float64(n)**scale))
}

// counts is what a part of the self-test did, for its log line.
type counts struct {
	histories, illegal int
	by                 map[Decision]int
	mutants, caught    map[string]int
}

func newCounts() *counts {
	return &counts{by: map[Decision]int{}, mutants: map[string]int{}, caught: map[string]int{}}
}

func (c *counts) add(f finding, mutant string, legal bool) {
	c.histories++
	c.by[f.By]++
	if mutant != "" {
		c.mutants[mutant]++
	}
	if !legal {
		c.illegal++
		if mutant != "" {
			c.caught[mutant]++
		}
	}
}

// near is the share that the near-linear decisions took, and by one answer.
func (c *counts) near() float64 {
	return 1 - float64(c.by[ByJIT]+c.by[ByPorcupine])/float64(max(1, c.histories))
}

func (c *counts) log(t *testing.T, what string) {
	t.Logf("%s: %d histories, %.0f %% illegal, %.1f %% decided near-linearly, %.1f %% by jit, %d by porcupine alone; zero disagreements",
		what, c.histories, 100*float64(c.illegal)/float64(max(1, c.histories)), 100*c.near(),
		100*float64(c.by[ByJIT])/float64(max(1, c.histories)), c.by[ByPorcupine])
	for _, m := range mutations {
		if c.mutants[m.name] > 0 {
			t.Logf("  %s: %d of %d illegal, all caught", m.name, c.caught[m.name], c.mutants[m.name])
		}
	}
}

// each runs a test for each kind of object, with its own random numbers.
func each(t *testing.T, test func(t *testing.T, kind model.Kind, rng *rand.Rand)) {
	for i, kind := range decidedKinds {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			test(t, kind, rand.New(rand.NewPCG(20261124, uint64(i))))
		})
	}
}

// Legal histories are never illegal, however long and however many operations
// are open, and never undecided.
func TestLegalHistoriesPass(t *testing.T) {
	share := selftest.Seeds(t, 1)
	each(t, func(t *testing.T, kind model.Kind, rng *rand.Rand) {
		c := newCounts()
		for n := range times(400 * min(5, share)) {
			s := drawSimulation(rng, kind, 10+rng.IntN(50))
			if n%50 == 0 {
				// with repeated values, or with more than 64 operations open that were
				// answered at last, a search may not end
				s.operations, s.repeats, s.ambiguous, s.clears = 400, 0, min(s.ambiguous, 0.1), min(s.clears, 0.1)
			}
			h := s.run()
			r := judgeByEffort(t, h)
			if r.Verdict != Pass {
				t.Fatalf("%s: %s\n%s", r.Verdict, r.Reason, dump(h))
			}
			c.add(finding{Judgement: r.Resolved}, "", true)
		}
		c.log(t, "legal")
	})
}

// mutate breaks most histories, if it can.
func mutate(rng *rand.Rand, h *model.History) string {
	if rng.IntN(6) == 0 {
		return ""
	}
	if m := mutations[rng.IntN(len(mutations))]; m.do(rng, h) {
		return m.name
	}
	return ""
}

// Every decision agrees with brute force on short histories: the first that applies, jit,
// and porcupine after the pre-pass.
func TestRandomShortHistoriesAgreeWithBruteForce(t *testing.T) {
	share := selftest.Seeds(t, 1)
	each(t, func(t *testing.T, kind model.Kind, rng *rand.Rand) {
		c := newCounts()
		object := model.Object{Kind: kind}
		for want := times(10_000 * share); c.histories < want; {
			h := drawSimulation(rng, kind, 5+rng.IntN(4)).run()
			mutant := mutate(rng, h)
			if err := h.Validate(); err != nil {
				t.Fatalf("%s: %v\n%s", mutant, err, dump(h))
			}
			b := objectsOf(h)[0]
			views := map[model.View][]record{model.Resolved: b.records}
			if b.differs {
				views[model.Raw] = b.raw(h)
			}
			for view, records := range views {
				want, legal := Violation, bruteForce(h, object, view)
				if legal {
					want = Pass
				}
				f := decideAll(kind, records)
				c.add(f, mutant, legal)
				if f.Verdict != want {
					t.Fatalf("%s, %s: %s says %s, brute force %s\n%s", mutant, view, f.By, f.Verdict, want, dump(h))
				}
				if f.By == ByAnswer {
					continue
				}
				if v, _ := decideJIT(kind, records, ample()); v != want {
					t.Fatalf("%s, %s: jit says %s, brute force %s\n%s", mutant, view, v, want, dump(h))
				}
				if v, _ := sweep(kind, records, ample(), []int{1, 2, 1 << 18}, func() Verdict { return Undecided }); v != want {
					t.Fatalf("%s, %s: a narrow jit says %s, brute force %s\n%s", mutant, view, v, want, dump(h))
				}
				if v := ample().run(kind, records); v != want {
					t.Fatalf("%s, %s: porcupine says %s, brute force %s\n%s", mutant, view, v, want, dump(h))
				}
			}
		}
		c.log(t, "5 to 8 operations, two views")
	})
}

// Near-linear decisions, just-in-time linearization and porcupine agree on longer histories.
func TestFastAgreesWithPorcupine(t *testing.T) {
	share := selftest.Seeds(t, 1)
	each(t, func(t *testing.T, kind model.Kind, rng *rand.Rand) {
		c, windows := newCounts(), 0
		for want := times(10_000 * share); c.histories < want; {
			h := drawSimulation(rng, kind, 8+rng.IntN(9)).run()
			mutant := mutate(rng, h)
			for _, p := range partsOf(kind, objectsOf(h)[0].records, false) {
				if wrongAnswer(p.records) {
					continue
				}
				v := ample().run(kind, p.records)
				w, _ := decideJIT(kind, p.records, ample())
				if w != v && w != Undecided {
					t.Fatalf("%s: jit says %s, porcupine %s\n%s", mutant, w, v, lines(p.records))
				}
				fast, by := nearLinear(p, ample())
				if !fast.applies {
					if w != Undecided {
						windows++
					}
					continue
				}
				said := Violation
				if fast.legal {
					said = Pass
				}
				if v != said {
					t.Fatalf("%s: %s says %s, porcupine %s\n%s", mutant, by, said, v, lines(p.records))
				}
				c.add(finding{Judgement: Judgement{By: by}}, mutant, fast.legal)
			}
		}
		if share := float64(c.illegal) / float64(c.histories); share < 0.2 {
			t.Errorf("only %.0f %% of the histories are illegal: this says too little", 100*share)
		}
		c.log(t, "8 to 16 operations")
		t.Logf("and %d that no near-linear decision takes, by jit as by porcupine", windows)
	})
}

// Histories of values that are written again and again, half of the operations ambiguous
// at most, are decided as porcupine decides them, in both views: by jit and by all
// decisions, also where porcupine's turn comes first as in longer histories.
func TestRepeatedValuesAgreeWithPorcupine(t *testing.T) {
	share := selftest.Seeds(t, 1)
	each(t, func(t *testing.T, kind model.Kind, rng *rand.Rand) {
		c := newCounts()
		for want := times(2000 * share); c.histories < want; {
			s := drawSimulation(rng, kind, 8+rng.IntN(13))
			s.clients, s.repeats, s.entries = 1+rng.IntN(6), 1+rng.IntN(5), 1+rng.IntN(3)
			s.ambiguous = []float64{0, 0.05, 0.1, 0.2, 0.5}[rng.IntN(5)]
			h := s.run()
			mutant := mutate(rng, h)
			b := objectsOf(h)[0]
			views := [][]record{b.records}
			if b.differs {
				views = append(views, b.raw(h))
			}
			for _, records := range views {
				if wrongAnswer(records) {
					continue
				}
				budget := ample()
				budget.memory = 64 << 20
				want := budget.run(kind, records)
				if want == Undecided {
					continue
				}
				f := decideAll(kind, records)
				c.add(f, mutant, want == Pass)
				if f.Verdict != want {
					t.Fatalf("%s: %s says %s, porcupine %s\n%s", mutant, f.By, f.Verdict, want, lines(records))
				}
				if v, _ := decideJIT(kind, records, ample()); v != want {
					t.Fatalf("%s: jit says %s, porcupine %s\n%s", mutant, v, want, lines(records))
				}
				if kind == model.List {
					continue
				}
				if v := ample().race(kind, records); v != want {
					t.Fatalf("%s: porcupine's turn says %s, porcupine %s\n%s", mutant, v, want, lines(records))
				}
			}
		}
		c.log(t, "8 to 20 operations, repeated values")
	})
}

// Where get is shared, a runtime that behaves passes, and every answer is judged
// as brute force over the entries and over everything but the gets judges it.
func TestSharedGetsAreJudgedEntryByEntry(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 9))
	object := model.Object{Kind: model.Map}
	illegal, weaker := 0, 0
	for range times(5000 * min(4, selftest.Seeds(t, 1))) {
		s := drawSimulation(rng, model.Map, 6+rng.IntN(4))
		s.shared, s.entries = true, 2
		h := s.run()
		h.Shared = []string{"MapObject/get"}
		if r := Check(h, unhurried); r.Verdict != Pass {
			t.Fatalf("%s\n%s", r.Reason, dump(h))
		}
		if !bruteForce(h, object, model.Resolved) {
			weaker++
		}
		mutant := mutate(rng, h)
		want := Pass
		for _, part := range []string{"k0", "k1", ""} {
			if !bruteForce(projected(h, part), object, model.Resolved) {
				want = Violation
			}
		}
		if want == Violation {
			illegal++
		}
		if r := Check(h, unhurried); r.Verdict != want {
			t.Fatalf("%s: %s, brute force %s\n%s", mutant, r.Verdict, want, dump(h))
		}
	}
	if weaker == 0 {
		t.Error("no history needed the weaker promise")
	}
	t.Logf("%d illegal; %d were legal only because get is shared", illegal, weaker)
}

// projected is a map's history on one entry, or for "" without its gets.
func projected(h *model.History, key string) *model.History {
	out := *h
	out.Operations = nil
	for _, o := range h.Operations {
		switch op := o.Op.(type) {
		case model.MapGet:
			if op.Key != key {
				continue
			}
		case model.MapSet:
			if key != "" && op.Key != key {
				continue
			}
		case model.MapClearAll:
			o.Answer = entryOf(o.Answer, key)
			if o.Resolution != nil {
				r := *o.Resolution
				r.Answer = entryOf(r.Answer, key)
				o.Resolution = &r
			}
		}
		out.Operations = append(out.Operations, o)
	}
	return &out
}

func entryOf(answer model.Answer, key string) model.Answer {
	all, ok := answer.(model.Entries)
	if !ok || key == "" {
		return answer
	}
	mine := model.Entries{}
	for _, e := range all {
		if e.Key == key {
			mine = append(mine, e)
		}
	}
	return mine
}

func wrongAnswer(records []record) bool {
	for _, r := range records {
		if r.answer != nil && impossible(r.op, r.answer) != "" {
			return true
		}
	}
	return false
}

var farAway = time.Now().Add(time.Hour)
