package checker

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/model"
)

// witnessOf begins a witness of records that need not violate.
func witnessOf(kind model.Kind, records []record) *witness {
	c := &check{h: &model.History{}, o: Options{SecondOpinion: -1}.withDefaults(), until: farAway, memory: 1 << 30}
	w := &witness{check: c, object: model.Object{Kind: kind}, view: model.Resolved, made: map[int32][]int32{}, longest: time.Hour}
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
	if ends := w.units(); len(ends) > 1 {
		out = append(out, sound{"all units but one", func() []record { return w.withoutUnits(ends[1:]) }})
	}
	return out
}

// Every step makes a legal history of a legal one: brute force says so.
func TestWitnessStepsAreSound(t *testing.T) {
	each(t, func(t *testing.T, kind model.Kind, rng *rand.Rand) {
		taken := map[string]int{}
		for range times(40000) {
			s := drawSimulation(rng, kind, 3+rng.IntN(5))
			s.ambiguous = []float64{0, 0.2, 0.5}[rng.IntN(3)]
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
	each(t, func(t *testing.T, kind model.Kind, rng *rand.Rand) {
		var sizes []int
		for range times(2500) {
			h := illegalHistory(rng, kind)
			w, err := Witness(h, Options{})
			require.NoError(t, err, dump(h))
			require.NoError(t, w.Validate())
			if broken := Check(h, Options{}).Broken(); broken.Class == OneEffect && broken.Raw.Verdict == Pass {
				require.Equal(t, OneEffect, Check(w, Options{}).Broken().Class, "%s\nof\n%s", dump(w), dump(h))
			}
			object := w.Operations[0].Object
			if legalByForce(w, object) {
				t.Fatalf("the witness is legal\n%s\nof\n%s", dump(w), dump(h))
			}
			for name, smaller := range tableSteps(w) {
				for _, s := range smaller {
					if resent := Check(w, Options{}).Broken().Raw.Verdict == Pass; resent && !bruteForce(s, object, model.Raw) {
						continue // that is another promise
					}
					if !legalByForce(s, object) {
						t.Fatalf("%s leads on\n%s\nto\n%s\nof\n%s", name, dump(w), dump(s), dump(h))
					}
				}
			}
			sizes = append(sizes, len(w.Operations))
		}
		slices.Sort(sizes)
		t.Logf("median %d operations, at most %d", sizes[len(sizes)/2], sizes[len(sizes)-1])
	})
}

// legalByForce is brute force, or porcupine where that would take too long.
func legalByForce(h *model.History, object model.Object) bool {
	if len(h.Operations) <= 9 {
		return bruteForce(h, object, model.Resolved)
	}
	var records []record
	for i := range h.Operations {
		if r, ok := recordOf(&h.Operations[i], model.Resolved); ok {
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
	}
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

// prefixes are what was known at each return but the last.
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

// collapses make one of two answered additions, if no answer shows what is between
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
func TestWitnessesTellTheStory(t *testing.T) {
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
	back := model.Recovery{Down: 23000, Spawned: 25000, Canary: 29000}
	h.Recoveries = []model.Recovery{back, {Down: 51000, Canary: 60000}}
	w, err := Witness(h, Options{})
	require.NoError(t, err)
	require.Equal(t, "0 list-0 1 2 append(\"v1\") => ok\n0 list-0 7 8 get() => []\n", dump(w))
	require.Equal(t, []model.Fault{
		{Kind: "kill", Begin: model.Instant{Seq: 3, Ns: 20000}, End: model.Instant{Seq: 4, Ns: 24000}},
		{Kind: "start", Begin: model.Instant{Seq: 5, Ns: 25000}, End: model.Instant{Seq: 6, Ns: 26000}},
	}, w.Faults)
	require.Equal(t, []model.Recovery{back}, w.Recoveries, "how long each of these faults took")
	require.Equal(t, h.Operations[0].Call.Ns, w.Operations[0].Call.Ns)
	require.Equal(t, h.Operations[4].Return.Ns, w.Operations[1].Return.Ns)
	require.Equal(t, "an acknowledged append is missing after a kill", Check(w, Options{}).Broken().Guarantee)
	require.Equal(t, []string{"a witness: 2 of the 7 operations of run test",
		"operation 1 is operation 1 of the run", "operation 2 is operation 5 of the run"}, w.Notes)
}

// What is a violation without any re-send is shown without any; what is one because
// of a re-send keeps it.
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
		w, err := Witness(h, Options{})
		require.NoError(t, err)
		require.Contains(t, dump(w), want)
		require.Equal(t, Check(h, Options{}).Broken().Class, Check(w, Options{}).Broken().Class)
	}
}

// What overlaps in the witness, and did not in the run, has processes of its own.
func TestWidenedIntervalsHaveProcessesOfTheirOwn(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	fresh := 0
	for range times(500) {
		h := illegalHistory(rng, model.List)
		w, err := Witness(h, Options{})
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

func TestThereIsNoWitnessOfWhatIsLegal(t *testing.T) {
	h := history(t, `0 counter-0 1 2 add(1) => 0->1`)
	_, err := Witness(h, Options{})
	require.ErrorIs(t, err, errNoViolation)
	h.Operations[0].ID = 7
	_, err = Witness(h, Options{})
	require.ErrorContains(t, err, "not well-formed")
}

// Long histories have short witnesses, at once.
func TestWitnessesOfLongHistories(t *testing.T) {
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
			require.Equal(t, Violation, Check(h, Options{}).Verdict)
			check = append(check, time.Since(began))
			began = time.Now()
			w, err := Witness(h, Options{})
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

// When the time is up, a witness is as small as it is then, and ends at once.
func TestAWitnessOfAHardHistoryComesInTime(t *testing.T) {
	h := load{kind: model.Counter, operations: 10000, clients: 10, clears: 0.01, stale: true}.history(0)
	w, err := Witness(h, Options{})
	require.NoError(t, err)
	t.Logf("%d operations", len(w.Operations))

	hurried, err := newWitness(h, Options{}, func(model.Object) bool { return true })
	require.NoError(t, err)
	hurried.until = time.Now().Add(time.Millisecond)
	began := time.Now()
	hurried.shrink()
	hurried.widen()
	require.Less(t, time.Since(began), time.Second)
	require.Greater(t, len(hurried.records), 1000)
}

// Where get is shared, a witness is one for what the runtime promises then.
func TestWitnessesOfSharedGets(t *testing.T) {
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
		w, err := Witness(h, Options{})
		require.NoError(t, err, dump(h))
		require.Equal(t, h.Shared, w.Shared)
		legal := true
		for _, part := range []string{"k0", "k1", "k9", ""} {
			legal = legal && bruteForce(projected(w, part), model.Object{Kind: model.Map}, model.Resolved)
		}
		require.False(t, legal, dump(w))
	}
}
