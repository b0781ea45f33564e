package checker

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/internal/selftest"
	"retain/model"
)

// witnessOf begins a witness of records that need not violate.
func witnessOf(kind model.Kind, records []record) *witness {
	c := &check{h: &model.History{}, o: Options{SecondOpinion: -1}.withDefaults(), until: farAway, memory: 1 << 30}
	w := &witness{check: c, object: model.Object{Kind: kind}, view: model.Resolved, made: map[int32][]int32{}, longest: math.MaxInt64}
	for _, r := range records {
		r.call *= fine
		if r.ret != open {
			r.ret *= fine
		}
		w.records = append(w.records, r)
	}
	return w
}

// allSteps are all single steps of any kind.
func (w *witness) allSteps() []sound {
	out := append(w.steps(), w.furtherSteps()...)
	for _, o := range w.orders() {
		out = append(out, sound{"wider", func() []record { return w.overlapping(o) }})
	}
	if pairs := w.pairs(); len(pairs) > 1 {
		out = append(out, sound{"collapse all", func() []record { return w.collapsed(pairs) }})
		slices.Reverse(pairs)
		out = append(out, sound{"collapse all", func() []record { return w.collapsed(pairs) }})
	}
	if ids := w.excess(); len(ids) > 1 {
		out = append(out, sound{"excess", func() []record { return w.withoutIDs(ids) }})
	}
	if ids := w.unseen(); len(ids) > 1 {
		out = append(out, sound{"unseen", func() []record { return w.withoutIDs(ids) }})
	}
	for _, r := range answeredClears(w.records) {
		out = append(out, sound{"forget", func() []record { return w.forgetting([]int32{r.id}) }})
	}
	if ids := w.idleResets(); w.object.Kind == model.Counter && len(ids) > 1 {
		out = append(out, sound{"idle reset", func() []record { return w.withoutIDs(ids) }})
	}
	if ends := w.units(); len(ends) > 1 {
		out = append(out, sound{"all units but one", func() []record { return w.withoutUnits(ends[1:]) }})
	}
	return out
}

// Every step turns a legal history into a legal one, by brute force.
func TestWitnessStepsAreSound(t *testing.T) {
	share := selftest.Seeds(t, 1)
	each(t, func(t *testing.T, kind model.Kind, rng *rand.Rand) {
		taken := map[string]int{}
		for range times(4000 * share) {
			s := drawSimulation(rng, kind, 3+rng.IntN(5))
			s.ambiguous = []float64{0, 0.2, 0.5}[rng.IntN(3)]
			if rng.IntN(4) == 0 {
				s.clears, s.ambiguous = 0.5, 0.7
			}
			records := objectsOf(s.run())[0].records
			w := witnessOf(kind, records)
			for _, step := range w.allSteps() {
				taken[step.name]++
				if got := step.records(); !orders(got, 0, kind.Initial()) {
					t.Fatalf("%s invents a violation:\n%s\nbecomes\n%s", step.name, lines(w.records), lines(got))
				}
			}
		}
		t.Logf("%v", taken)
	})
}

// Resets that are left out as idle explain no answer of a legal history. Brute force
// decides, on counters that are reset often: one of several resets is needed there.
func TestIdleResetsOfLegalHistoriesAreNotNeeded(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	left := map[int]int{}
	for range times(20000 * selftest.Seeds(t, 1)) {
		s := drawSimulation(rng, model.Counter, 4+rng.IntN(5))
		s.clears, s.ambiguous, s.clients = 0.4, []float64{0, 0.2}[rng.IntN(2)], 1+rng.IntN(3)
		w := witnessOf(model.Counter, objectsOf(s.run())[0].records)
		forgotten := keep(answeredClears(w.records), func(record) bool { return rng.IntN(4) > 0 })
		w.records = w.forgetting(idsOf(forgotten))
		ids := w.idleResets()
		if len(ids) == 0 {
			continue
		}
		left[len(ids)]++
		if got := w.withoutIDs(ids); !orders(got, 0, model.Counter.Initial()) {
			t.Fatalf("invents a violation:\n%s\nbecomes\n%s", lines(w.records), lines(got))
		}
	}
	t.Logf("by number of resets left out: %v", left)
	require.Greater(t, len(left), 1)
}

// illegalHistory draws a short history that violates.
func illegalHistory(rng *rand.Rand, kind model.Kind) *model.History {
	for {
		s := drawSimulation(rng, kind, 5+rng.IntN(12))
		h := s.run()
		mutate(rng, h)
		if h.Validate() == nil && Check(h, Options{SecondOpinion: -1}).Verdict == Violation {
			return h
		}
	}
}

// A witness violates, by brute force, and no sound step of DESIGN's table leads on
// from it; the steps of this test share no code with those of the witness.
func TestWitnessesAreMinimal(t *testing.T) {
	share := selftest.Seeds(t, 2)
	each(t, func(t *testing.T, kind model.Kind, rng *rand.Rand) {
		var sizes []int
		for range times(250 * share) {
			sizes = append(sizes, minimal(t, illegalHistory(rng, kind)))
		}
		slices.Sort(sizes)
		t.Logf("median %d operations, at most %d", sizes[len(sizes)/2], sizes[len(sizes)-1])
	})
}

// minimal is the size of the witness, which is minimal and keeps the class.
func minimal(t *testing.T, h *model.History) int {
	t.Helper()
	w, err := Witness(h, unhurried)
	require.NoError(t, err, dumpTwice(h))
	require.NoError(t, w.Validate())
	broken := Check(h, unhurried).Broken()
	twice := broken.Class == OneEffect && broken.Raw.Verdict == Pass
	if twice {
		require.Equal(t, OneEffect, Check(w, unhurried).Broken().Class, "%s\nof\n%s", dumpTwice(w), dumpTwice(h))
	}
	object := w.Operations[0].Object
	if legalByForce(w, object) {
		t.Fatalf("the witness is legal\n%s\nof\n%s", dump(w), dump(h))
	}
	resent := Check(w, unhurried).Broken().Raw.Verdict == Pass
	for name, smaller := range tableSteps(w) {
		for _, s := range smaller {
			switch {
			case legalByForce(s, object):
			case resent && !bruteForce(s, object, model.Raw): // that is another promise
			case twice && !secondEffectsExplain(s): // and so is that
			default:
				t.Fatalf("%s leads on\n%s\nto\n%s\nof\n%s", name, dump(w), dump(s), dump(h))
			}
		}
	}
	return len(w.Operations)
}

// secondEffectsExplain reports whether they explain a history some of whose operations
// were left out.
func secondEffectsExplain(h *model.History) bool {
	h = variant(h, func(*model.Invoked) bool { return true })
	for i := range h.Operations {
		h.Operations[i].ID = i + 1
	}
	return newCheck(h, unhurried).secondEffects(objectsOf(h)[0]) == Pass
}

// legalByForce is brute force, or porcupine where that would take too long.
func legalByForce(h *model.History, object model.Object) bool {
	if len(h.Operations) <= 9 {
		return bruteForce(h, object, model.Resolved)
	}
	var records []record
	for i := range h.Operations {
		if r, ok := recordingOf(h).recordOf(&h.Operations[i], model.Resolved); ok {
			records = append(records, r)
		}
	}
	sortByCall(records)
	return ample().run(object.Kind, records) == Pass
}

// tableSteps are the single steps of DESIGN's table from a history of one object.
func tableSteps(h *model.History) map[string][]*model.History {
	return map[string][]*model.History{
		"read": dropping(h, readOnly), "unseen write": dropping(h, unseenWrite), "empty clear": dropping(h, emptyClear),
		"prefix": prefixes(h), "projection": projections(h), "collapse": collapses(h), "wider": widenings(h),
		"spare clear": withoutSpareClears(h),
	}
}

// withoutSpareClears makes one of the clears, or all, ambiguous, and leaves out those
// that were called last of more than there are answers which tell of the state. A
// witness that is small need not be without them.
func withoutSpareClears(h *model.History) []*model.History {
	if len(h.Operations) <= fewRecords {
		return nil
	}
	var out []*model.History
	for one := range len(h.Operations) + 1 { // the first is 0: all of them
		answers, left := 0, 0
		forgotten := variant(h, func(o *model.Invoked) bool {
			if clears(o.Op) && (one == 0 || o.ID == one) {
				o.Outcome, o.Return, o.Answer, o.Resolution = model.Ambiguous, model.Forever, nil, nil
			}
			switch o.In(model.Resolved).Answer.(type) {
			case nil, model.Done, model.Failure:
			default:
				answers++
			}
			return true
		})
		smaller := variant(forgotten, func(o *model.Invoked) bool {
			if clears(o.Op) && o.In(model.Resolved).Answer == nil {
				left++
				return left <= answers
			}
			return true
		})
		if len(smaller.Operations) < len(h.Operations) {
			out = append(out, smaller)
		}
	}
	return out
}

// variant is the history with its operations changed.
func variant(h *model.History, change func(o *model.Invoked) bool) *model.History {
	out := *h
	out.Operations = nil
	for _, o := range h.Operations {
		if change(&o) {
			out.Operations = append(out.Operations, o)
		}
	}
	return &out
}

// answering gives an operation another answer, and returning another end, whether it
// was answered at once or when it was resolved.
func answering(o *model.Invoked, a model.Answer) {
	if o.Resolution == nil {
		o.Answer = a
		return
	}
	r := *o.Resolution
	r.Answer, o.Resolution = a, &r
}

func returning(o *model.Invoked, seq int64) {
	if o.Resolution == nil {
		o.Return.Seq = seq
		return
	}
	r := *o.Resolution
	r.At.Seq, o.Resolution = seq, &r
}

func dropping(h *model.History, may func(h *model.History, o model.Invoked) bool) []*model.History {
	var out []*model.History
	for _, gone := range h.Operations {
		if may(h, gone) {
			out = append(out, variant(h, func(o *model.Invoked) bool { return o.ID != gone.ID }))
		}
	}
	return out
}

func readOnly(_ *model.History, o model.Invoked) bool {
	return o.Op.ReadOnly() || o.Outcome == model.Failed
}

func emptyClear(_ *model.History, o model.Invoked) bool {
	switch a := o.In(model.Resolved).Answer.(type) {
	case model.Texts:
		return len(a) == 0 && o.Op == model.Operation(model.ListClear{})
	case model.Entries:
		return len(a) == 0
	}
	return false
}

// unseenWrite: answered, blind, its value in no answer and expected by no ambiguous
// or successful compare-and-set.
func unseenWrite(h *model.History, o model.Invoked) bool {
	key, value := "", ""
	switch op := o.Op.(type) {
	case model.RegisterWrite:
		value = op.Value
	case model.MapSet:
		key, value = op.Key, op.Value
	case model.ListAppend:
		value = op.Value
	}
	if value == "" || o.In(model.Resolved).Answer == nil {
		return false
	}
	for _, other := range h.Operations {
		answer := other.In(model.Resolved).Answer
		switch a := answer.(type) {
		case model.Text:
			if string(a) == value {
				return false
			}
		case model.Texts:
			if slices.Contains(a, value) {
				return false
			}
		case model.Entries:
			if slices.Contains(a, model.Entry{Key: key, Value: value}) {
				return false
			}
		}
		if cas, ok := other.Op.(model.RegisterCompareAndSet); ok && cas.Expect == value && (answer == nil || answer.Equal(model.Text(value))) {
			return false
		}
	}
	return true
}

// prefixes are the history up to each return but the last.
func prefixes(h *model.History) []*model.History {
	last := int64(0)
	for _, o := range h.Operations {
		if in := o.In(model.Resolved); in.Answer != nil {
			last = max(last, in.Return.Seq)
		}
	}
	var out []*model.History
	for _, end := range h.Operations {
		at := end.In(model.Resolved).Return.Seq
		if end.In(model.Resolved).Answer == nil || at == last {
			continue
		}
		out = append(out, variant(h, func(o *model.Invoked) bool {
			if in := o.In(model.Resolved); in.Answer != nil && in.Return.Seq > at {
				o.Outcome, o.Return, o.Answer, o.Resolution = model.Ambiguous, model.Forever, nil, nil
			}
			return o.Call.Seq <= at
		}))
	}
	return out
}

// projections leave out one element of a list or one entry of a map.
func projections(h *model.History) []*model.History {
	found := map[string]bool{}
	for _, o := range h.Operations {
		switch op := o.Op.(type) {
		case model.ListAppend:
			found[op.Value] = true
		case model.MapSet:
			found[op.Key] = true
		case model.MapGet:
			found[op.Key] = true
		}
		switch a := o.In(model.Resolved).Answer.(type) {
		case model.Texts:
			for _, v := range a {
				found[v] = true
			}
		case model.Entries:
			for _, e := range a {
				found[e.Key] = true
			}
		}
	}
	var out []*model.History
	for gone := range found {
		out = append(out, variant(h, func(o *model.Invoked) bool {
			switch a := o.In(model.Resolved).Answer.(type) {
			case model.Texts:
				answering(o, slices.DeleteFunc(slices.Clone(a), func(v string) bool { return v == gone }))
			case model.Entries:
				answering(o, slices.DeleteFunc(slices.Clone(a), func(e model.Entry) bool { return e.Key == gone }))
			}
			switch op := o.Op.(type) {
			case model.ListAppend:
				return op.Value != gone
			case model.MapSet:
				return op.Key != gone
			case model.MapGet:
				return op.Key != gone
			}
			return true
		}))
	}
	return out
}

// collapses merge two answered additions, if no answer shows the value between
// and nothing resets.
func collapses(h *model.History) []*model.History {
	var out []*model.History
	for _, o := range h.Operations {
		if o.Op == model.Operation(model.CounterReset{}) {
			return nil
		}
	}
	for _, a := range h.Operations {
		for _, b := range h.Operations {
			a, b := a.In(model.Resolved), b.In(model.Resolved)
			x, first := a.Answer.(model.Change)
			y, second := b.Answer.(model.Change)
			if a.ID == b.ID || !first || !second || x.New != y.Old || x.Old == x.New || y.Old == y.New || shown(h, x.New) != 2 {
				continue
			}
			out = append(out, variant(h, func(o *model.Invoked) bool {
				if o.ID == b.ID {
					o.Op = model.CounterAdd{Delta: y.New - x.Old}
					answering(o, model.Change{Old: x.Old, New: y.New})
					o.Call.Seq = min(o.Call.Seq, a.Call.Seq)
					returning(o, max(a.Return.Seq, b.Return.Seq))
				}
				return o.ID != a.ID
			}))
		}
	}
	return out
}

// shown counts the answers that show a value.
func shown(h *model.History, value int64) int {
	n := 0
	for _, o := range h.Operations {
		switch a := o.In(model.Resolved).Answer.(type) {
		case model.Change:
			if a.Old == value || a.New == value {
				n++
			}
		case model.Integer:
			if int64(a) == value {
				n++
			}
		}
	}
	return n
}

// widenings move each call to before each return, and each return to behind each
// call, one at a time.
func widenings(h *model.History) []*model.History {
	var out []*model.History
	spread := variant(h, func(o *model.Invoked) bool {
		o.Call.Seq *= 4
		if end := o.In(model.Resolved); end.Answer != nil {
			returning(o, end.Return.Seq*4)
		}
		return true
	})
	for _, a := range spread.Operations {
		for _, b := range spread.Operations {
			ret, call := a.In(model.Resolved).Return.Seq, b.Call.Seq
			if ret >= call {
				continue
			}
			out = append(out,
				variant(spread, func(o *model.Invoked) bool {
					if o.ID == b.ID {
						o.Call.Seq = ret - 1
					}
					return true
				}),
				variant(spread, func(o *model.Invoked) bool {
					if o.ID == a.ID {
						returning(o, call+1)
					}
					return true
				}))
		}
	}
	return out
}

// A witness tells the story of the run: its times, its faults, its clients.
func TestWitnessesKeepTimesFaultsAndClients(t *testing.T) {
	h := history(t, `
		0 list-0 10 12 append("v1") => ok
		1 list-0 11 13 append("v2") => ok
		1 counter-0 14 15 add(1) => 0->1
		2 list-0 16 17 get() => ["v1","v2"]
		kill 20 24
		start 25 26
		0 list-0 30 32 get() => ["v2"]
		2 list-0 31 33 append("v3") => ok
		1 list-0 40 41 get() => ["v2","v3"]
		kill 50 52`)
	for i := range h.Operations {
		o := &h.Operations[i]
		o.Call.Ns, o.Return.Ns = 1000*o.Call.Seq, 1000*o.Return.Seq
	}
	for i := range h.Faults {
		h.Faults[i].Begin.Ns, h.Faults[i].End.Ns = 1000*h.Faults[i].Begin.Seq, 1000*h.Faults[i].End.Seq
	}
	back := model.Recovery{Down: 23000, Spawned: 25000, Probe: 29000}
	h.Recoveries = []model.Recovery{back, {Down: 51000, Probe: 60000}}
	w, err := Witness(h, unhurried)
	require.NoError(t, err)
	require.Equal(t, "0 list-0 1 2 append(\"v1\") => ok\n0 list-0 7 8 get() => []\n", dump(w))
	require.Equal(t, []model.Fault{
		{Kind: "kill", Begin: model.Instant{Seq: 3, Ns: 20000}, End: model.Instant{Seq: 4, Ns: 24000}},
		{Kind: "start", Begin: model.Instant{Seq: 5, Ns: 25000}, End: model.Instant{Seq: 6, Ns: 26000}},
	}, w.Faults)
	require.Equal(t, []model.Recovery{back}, w.Recoveries, "how long each of these faults took")
	require.Equal(t, h.Operations[0].Call.Ns, w.Operations[0].Call.Ns)
	require.Equal(t, h.Operations[4].Return.Ns, w.Operations[1].Return.Ns)
	require.Equal(t, "an acknowledged append is missing after a kill", Check(w, unhurried).Broken().Guarantee.String())
	require.Equal(t, []string{"a witness: 2 of the 7 operations of run test",
		"operation 1 is operation 1 of the run", "operation 2 is operation 5 of the run"}, w.Notes)
}

// The witness of a violation of the raw view has no re-sends; one of a violation that a
// re-send causes keeps it.
func TestWitnessesKeepTheClass(t *testing.T) {
	for text, want := range map[string]string{
		`0 register-0 1 ? @30 write("v1") => ok
		 1 register-0 2 3 read() => "v1"
		 kill 4 5
		 2 register-0 6 7 read() => ""
		 2 register-0 40 41 read() => "v1"`: "0 register-0 1 ? write(\"v1\")",
		`0 counter-0 1 ? @30 add(1) => 1->2
		 1 counter-0 2 3 get() => 1`: "? @",
	} {
		h := history(t, text)
		w, err := Witness(h, unhurried)
		require.NoError(t, err)
		require.Contains(t, dump(w), want)
		require.Equal(t, Check(h, unhurried).Broken().Class, Check(w, unhurried).Broken().Class)
	}
}

// A clear that found nothing the one time may have taken something away the other: it
// stays in a witness that only second effects explain.
func TestWitnessesKeepResentClears(t *testing.T) {
	h := history(t, `
		0 list-0 1 ? @20 append("v1") => ok
		1 list-0 2 ? @22 clear() => ["v2"]
		kill 3 4
		2 list-0 5 6 append("v2") => ok
		2 list-0 7 8 get() => ["v2"]
		2 list-0 30 31 get() => []`)
	require.Equal(t, OneEffect, Check(h, unhurried).Broken().Class)
	require.Equal(t, 3, minimal(t, h))
}

// Where only second effects explain a history, they explain its witness.
func TestWitnessesOfResentOperationsKeepTheClass(t *testing.T) {
	share := selftest.Seeds(t, 1)
	each(t, func(t *testing.T, kind model.Kind, rng *rand.Rand) {
		sizes := map[int]int{}
		for n := 0; n < times(100*share); {
			h := drawSimulation(rng, kind, 3+rng.IntN(6)).run()
			sendAgain(rng, h)
			if mutate(rng, h); h.Validate() != nil {
				continue
			}
			broken := Check(h, Options{SecondOpinion: -1}).Broken()
			if broken == nil || broken.Class != OneEffect || broken.Raw.Verdict != Pass {
				continue
			}
			n++
			sizes[minimal(t, h)]++
		}
		t.Logf("by size: %v", sizes)
	})
}

// manyResets are histories of runs on the simulated runtime, whose counter was reset again
// and again while it was added to, and then counted an addition twice.
var manyResets = map[string]string{
	"counted twice": `
		2 counter-0 2 13 get() => 0
		0 counter-0 4 20 reset() => ok
		1 counter-0 6 26 reset() => ok
		2 counter-0 14 33 get() => 0
		0 counter-0 21 39 reset() => ok
		1 counter-0 27 53 reset() => ok
		2 counter-0 34 60 addThenFail(1) => error(500)
		0 counter-0 40 48 get() => 0
		0 counter-0 49 66 reset() => ok
		1 counter-0 54 71 reset() => ok
		2 counter-0 61 76 get() => 0
		1 counter-0 72 83 get() => 0
		2 counter-0 77 88 get() => 0
		1 counter-0 84 96 addThenFail(1) => error(500)
		2 counter-0 89 99 get() => 1
		2 counter-0 100 105 get() => 1
		2 counter-0 106 111 get() => 1
		2 counter-0 112 135 addThenFail(1) => error(500)
		1 counter-0 115 120 get() => 1
		kill 121 123
		start 127 139
		kill 140 141
		start 142 144
		look counter-0 145 150 get() => 3
		look counter-0 151 157 add(0) => 3->3`,
	"went back": `
		2 counter-0 2 25 get() => 0
		0 counter-0 4 20 reset() => ok
		1 counter-0 6 15 reset() => ok
		1 counter-0 16 34 reset() => ok
		0 counter-0 21 46 reset() => ok
		2 counter-0 26 40 get() => 0
		1 counter-0 35 52 reset() => ok
		2 counter-0 41 61 addThenFail(1) => error(500)
		0 counter-0 47 71 get() => 1
		1 counter-0 53 66 get() => 1
		2 counter-0 62 78 get() => 1
		1 counter-0 67 85 addThenFail(1) => error(500)
		0 counter-0 72 95 reset() => ok
		2 counter-0 79 90 get() => 0
		2 counter-0 91 99 get() => 0
		2 counter-0 100 105 get() => 0
		2 counter-0 106 111 get() => 0
		2 counter-0 112 135 addThenFail(1) => error(500)
		1 counter-0 115 120 get() => 0
		kill 121 123
		start 127 139
		kill 140 141
		start 142 144
		look counter-0 145 150 get() => 2
		look counter-0 151 157 add(0) => 2->2`,
}

// Most resets tell nothing: a witness has one of them.
func TestWitnessesOfManyResetsAreSmall(t *testing.T) {
	for name, text := range manyResets {
		t.Run(name, func(t *testing.T) {
			h := history(t, text)
			require.Equal(t, 6, minimal(t, h), "the additions, one reset and two answers")
			w, err := Witness(h, unhurried)
			require.NoError(t, err)
			require.Equal(t, Check(h, unhurried).Broken().Guarantee.String(), Check(w, unhurried).Broken().Guarantee.String())
		})
	}
}

// Operations that overlap in the witness, and did not in the run, get new processes.
func TestWidenedIntervalsGetNewProcesses(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	fresh := 0
	for range times(500) {
		h := illegalHistory(rng, model.List)
		w, err := Witness(h, unhurried)
		require.NoError(t, err)
		for i, a := range w.Operations {
			for _, b := range w.Operations[i+1:] {
				if strings.Split(a.Process, ".")[0] == strings.Split(b.Process, ".")[0] && a.Process != b.Process {
					fresh++
				}
			}
		}
	}
	require.Positive(t, fresh, "nothing was widened")
}

func TestLegalHistoriesHaveNoWitness(t *testing.T) {
	h := history(t, `0 counter-0 1 2 add(1) => 0->1`)
	_, err := Witness(h, unhurried)
	require.ErrorIs(t, err, errNoViolation)
	h.Operations[0].ID = 7
	_, err = Witness(h, unhurried)
	require.ErrorContains(t, err, "not well-formed")
}

// Long histories have short witnesses, at once.
func TestWitnessesOfLongHistoriesAreSmall(t *testing.T) {
	each(t, func(t *testing.T, kind model.Kind, rng *rand.Rand) {
		var sizes []int
		var took, check []time.Duration
		clears := []float64{0, 0.01}
		if kind == model.Counter {
			clears[1] = 0 // one that is reset while many add to it may be hard to judge: see below
		}
		for seed := range uint64(times(12)) {
			l := load{kind: kind, operations: 10000, clients: 10, keys: 4, stale: true}
			l.ambiguous, l.clears = []float64{0, 0.05}[seed%2], clears[seed/2%2]
			h := l.history(seed)
			if seed%3 > 1 {
				l.stale = false
				h = l.history(seed)
				for Check(h, Options{SecondOpinion: -1}).Verdict != Violation {
					staleRead(rng, h)
				}
			}
			began := time.Now()
			require.Equal(t, Violation, Check(h, unhurried).Verdict)
			check = append(check, time.Since(began))
			began = time.Now()
			w, err := Witness(h, unhurried)
			require.NoError(t, err)
			took, sizes = append(took, time.Since(began)), append(sizes, len(w.Operations))
		}
		slices.Sort(sizes)
		slices.Sort(took)
		slices.Sort(check)
		t.Logf("%d operations (at most %d), %s (at most %s), a check %s", sizes[len(sizes)/2], sizes[len(sizes)-1],
			took[len(took)/2], took[len(took)-1], check[len(check)/2])
		assert.LessOrEqual(t, sizes[len(sizes)/2], 6)
		assert.Less(t, took[len(took)/2], 100*check[len(check)/2], "a check that explains what it finds takes some ten milliseconds")
	})
}

// When the effort is spent, the reduction ends at once with the smallest history so far.
func TestWitnessOfHardHistoryStopsWithItsEffort(t *testing.T) {
	if selftest.Race {
		t.Skip("one goroutine that takes a minute under the race detector")
	}
	h := load{kind: model.Counter, operations: 10000, clients: 10, clears: 0.01, stale: true}.history(0)
	w, err := Witness(h, unhurried)
	require.NoError(t, err)
	t.Logf("%d operations", len(w.Operations))

	for name, hurry := range map[string]func(*witness){
		"effort": func(w *witness) { w.effort = (*effort)(nil).part(perSecond / 1000) },
		"time":   func(w *witness) { w.until = time.Now() },
	} {
		t.Run(name, func(t *testing.T) {
			hurried, err := newWitness(h, unhurried, func(model.Object) bool { return true })
			require.NoError(t, err)
			hurry(hurried)
			before := hurried.effort.left
			hurried.shrink()
			hurried.widen()
			require.Less(t, before-hurried.effort.left, int64(perSecond/2), "no further than the decision that it is at")
			require.Greater(t, len(hurried.records), 1000)
		})
	}
}

// Where get is shared, a witness violates what the runtime promises of shared gets.
func TestWitnessesOfSharedGetsViolate(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for n := 0; n < times(500); {
		s := drawSimulation(rng, model.Map, 6+rng.IntN(8))
		s.shared, s.entries = true, 2
		h := s.run()
		h.Shared = []string{"MapObject/get"}
		mutate(rng, h)
		if h.Validate() != nil || Check(h, Options{SecondOpinion: -1}).Verdict != Violation {
			continue
		}
		n++
		w, err := Witness(h, unhurried)
		require.NoError(t, err, dump(h))
		require.Equal(t, h.Shared, w.Shared)
		legal := true
		for _, part := range []string{"k0", "k1", "k9", ""} {
			legal = legal && bruteForce(projected(w, part), model.Object{Kind: model.Map}, model.Resolved)
		}
		require.False(t, legal, dump(w))
	}
}
