package checker

import (
	"cmp"
	"math/bits"
	"slices"

	"retain/model"
)

// jit is just-in-time linearization (Lowe, "Testing for linearizability", Concurrency
// Computat. Pract. Exper. 29(4) 2017), the decision that results call "window". It
// decides any object by a sweep over the calls and returns. At each instant it keeps
// every configuration in which the object may be: a state with the set of pending
// operations that are linearized. An operation is linearized no earlier than needed: at
// its own return, or just before another that must be linearized then. It is exact.
//
// The cost is linear in the history, times the configurations, which are
// exponential in the operations pending at once, and in nothing else. These rules
// keep them few:
//
//   - Ambiguous operations never return. They are counted, not kept apart: of
//     those with the same effect any one will do. Of two configurations that
//     agree otherwise, the one that used fewer goes on; it can do all that the
//     other can.
//   - Of pending operations with the same effect and answer, the one that returns
//     first is linearized first.
//   - An operation that, with the answer it has, changes nothing in any state is
//     linearized as soon as its answer fits. (One that could change something is
//     kept: a reset of a counter at 0 may still be needed.)
//   - An operation that can be linearized later without harm waits: see [setKind].
//   - The values of sets that nobody saw are not told apart: see mergeHidden.
//   - A configuration in which a pending operation can't be linearized any more is
//     dropped: see deadEnd.
//
// A legal history does not need them all: a first sweep keeps a few configurations
// of each instant, those that are reached in the fewest steps, and if it gets to
// the end, there is an order. Only if it does not, and left some out, more are
// kept. The verdict is never a violation while any was left out.
//
// It gives up, undecided, when more than 64 answered operations are pending at
// once, or the budget is spent.
type jit struct {
	records  []record
	m        machine
	lists    *trie            // the machine, for a list
	register *registerMachine // the machine, for a register or a single entry
	budget   search
	sets     []setKind // by record, for a map
	needs    [][]int32 // by record, for a map: the sets that it saw
	resets   []int64   // by record, for a counter: the last call of a reset before its return
	clock    int64     // the return that is being looked at
	later    int       // for a list: the first of the answers that are called after the clock

	pending []pendingOperation // by return
	bits    uint64             // of pending operations
	bitOf   []uint64           // by record, 0 unless pending
	effects []int32            // by record: equal for equal steps, noEffect for steps that change nothing
	classes []int              // by effect: of ambiguous operations, -1 for none
	called  []uint64           // by class: how many ambiguous ones were called
	samples []int              // by class: one of its records
	fields  []bitField         // by class: of its counter in config.used
	units   bool               // no ambiguous addition is of more than 1

	now, then configs
	queue     []config
	seen      configs
	tried     map[visit]bool // by a search depth first
	ways      int            // that were tried since the budget was last looked at
	// limit is how many configurations of an instant are kept, about; dropped is
	// true if some were not.
	limit   int
	dropped bool
	// spent is true once the budget is spent.
	spent bool
}

// pendingOperation is an operation that was called and has not returned.
type pendingOperation struct {
	record int
	bit    uint64
	class  int // of ambiguous operations with the same effect, -1 for none
	effect int32
	inert  bool
}

// bitField is where a class's counter is in config.used: the word, the first bit of it,
// and the bits that it takes.
type bitField struct {
	word, shift, width uint
}

// config is a configuration: a state, and which operations are linearized.
type config struct {
	state      int64
	linearized uint64    // the pending operations that are linearized
	used       [2]uint64 // how many ambiguous ones are, by class
}

// visitsPerConfig is how many configurations a sweep visits at an instant for one
// that it may keep.
const visitsPerConfig = 16

// fewSteps are events that each history is taken to have besides its own.
const fewSteps = 20

// stepsPerEvent is how many configurations a search depth first may find for one
// that a sweep keeps of each instant.
const stepsPerEvent = 2

// waysPerLook is the number of ways that are tried between two looks at the budget.
const waysPerLook = 1 << 14

// configsLimits bound the configurations of one instant, sweep by sweep.
var configsLimits = [...]int{2, 16, 128, 1024, 1 << 18}

// decideJIT decides the records, which must be in the order of their calls. It returns
// the ID of the operation at whose return no configuration was left.
func decideJIT(kind model.Kind, records []record, budget search) (Verdict, int32) {
	return sweep(kind, records, budget, configsLimits[:], func() Verdict { return Undecided })
}

// sweep is [decideJIT] with limits of its own, and with another decision that gets a turn
// after each depth-first search that found no order.
func sweep(kind model.Kind, records []record, budget search, limits []int, other func() Verdict) (Verdict, int32) {
	clock := budget.deadline()
	budget.effort.spend(perDecision + perRecord*len(records))
	facts := prepass(records, clock)
	if facts.spent {
		budget.reached(ByTime)
		return Undecided, 0
	}
	if facts.conflict != nil {
		return Violation, facts.conflict[1]
	}
	w := &jit{records: facts.records, budget: budget, bitOf: make([]uint64, len(facts.records))}
	defer func() { budget.effort.spend(perWay * w.ways) }()
	switch kind {
	case model.Map:
		w.sets, w.needs = setKinds(w.records)
		w.mergeHidden()
	case model.Counter:
		w.resets = lastResets(w.records)
	}
	w.effects = stepsOf(w.records, func(r record) bool { return !inert(r) })
	if !w.classify() {
		return Undecided, 0
	}
	if w.m = machineOf(kind, w.records, clock); w.m == nil {
		budget.reached(ByTime)
		return Undecided, 0
	}
	w.lists, _ = w.m.(*trie)
	w.register, _ = w.m.(*registerMachine)
	events := eventsOf(w.records)
	for _, limit := range limits {
		w.limit = limit
		if v := w.searchDepthFirst(events, stepsPerEvent*limit*(len(events)+fewSteps)); v == Pass || w.spent {
			return v, 0
		}
		if v := other(); v != Undecided {
			return v, 0
		}
		w.dropped = false
		verdict, at := w.run(events)
		if verdict != Violation || !w.dropped {
			return verdict, at
		}
	}
	return Undecided, 0
}

// step is an operation with its answer: equal steps have equal effects on every state. An
// answer that shows nothing of the state is left out.
type step struct {
	op     model.Operation
	answer any
}

func stepOf(r record) step {
	s := step{op: r.op}
	switch a := r.answer.(type) {
	case nil, model.Done, model.Failure:
	case model.Texts, model.Entries:
		s.answer = a.String() // slices can't be compared
	default:
		s.answer = a
	}
	if op, ok := r.op.(model.CounterAddThenFail); ok {
		s.op = model.CounterAdd(op)
	}
	return s
}

// noEffect is the number of each step that changes nothing: it never waits.
const noEffect = int32(0)

// stepsOf numbers the steps of the records that are wanted; the others have noEffect.
func stepsOf(records []record, wanted func(record) bool) []int32 {
	out, numbers := make([]int32, len(records)), map[step]int32{}
	for i, r := range records {
		if !wanted(r) {
			continue
		}
		s := stepOf(r)
		n, known := numbers[s]
		if !known {
			n = int32(len(numbers)) + 1
			numbers[s] = n
		}
		out[i] = n
	}
	return out
}

// classify counts the classes of ambiguous operations, and gives each a bit field for its
// counter. It fails if they need too many bits.
func (w *jit) classify() bool {
	w.classes = slices.Repeat([]int{-1}, int(slices.Max(append(w.effects, 0)))+1)
	w.units = true
	var counts []uint
	for i, r := range w.records {
		if !r.optional() {
			continue
		}
		w.units = w.units && model.Addition(r.op) <= 1
		class := &w.classes[w.effects[i]]
		if *class < 0 {
			*class = len(w.samples)
			w.samples, counts = append(w.samples, i), append(counts, 0)
		}
		counts[*class]++
	}
	w.called = make([]uint64, len(counts))
	next := bitField{}
	for _, n := range counts {
		next.width = uint(bits.Len(n))
		if next.shift+next.width > 64 {
			next.word, next.shift = next.word+1, 0
		}
		if next.word >= uint(len(config{}.used)) {
			return false
		}
		w.fields = append(w.fields, next)
		next.shift += next.width
	}
	return true
}

// event is a call or a return.
type event struct {
	at      int64
	record  int32
	returns bool
}

// eventsOf are the calls and returns, in their order.
func eventsOf(records []record) []event {
	events := make([]event, 0, 2*len(records))
	for i, r := range records {
		events = append(events, event{r.call, int32(i), false})
		if !r.optional() {
			events = append(events, event{r.ret, int32(i), true})
		}
	}
	slices.SortFunc(events, func(a, b event) int {
		if a.at == b.at && a.returns != b.returns {
			if b.returns {
				return -1 // intervals are closed
			}
			return 1
		}
		return cmp.Compare(a.at, b.at)
	})
	return events
}

// begin sets up the configuration before the first event.
func (w *jit) begin() {
	w.pending, w.bits = w.pending[:0], 0
	clear(w.bitOf)
	clear(w.called)
	w.now.reset()
	w.now.add(w, config{state: w.m.start()})
}

// run sweeps once. A violation is one only if nothing was dropped.
func (w *jit) run(events []event) (Verdict, int32) {
	w.begin()
	w.budget.effort.spend(len(events))
	for _, m := range events {
		i := int(m.record)
		switch {
		case w.records[i].optional():
			w.called[w.classes[w.effects[i]]]++
		case !m.returns:
			if !w.call(i) {
				return Undecided, 0
			}
		case !w.ret(i):
			return Undecided, 0
		case len(w.now.all) == 0:
			return Violation, w.records[i].id
		}
	}
	return Pass, 0
}

// opens makes an operation pending. It fails if too many are.
func (w *jit) opens(i int) bool {
	free := ^w.bits
	if free == 0 {
		return false
	}
	w.insert(i, free&-free)
	return true
}

// call makes an operation pending. One that changes nothing is linearized at once where
// its answer fits.
func (w *jit) call(i int) bool {
	if !w.opens(i) {
		return false
	}
	if !inert(w.records[i]) {
		return true
	}
	w.then.reset()
	for _, c := range w.now.all {
		w.then.add(w, w.settle(c))
	}
	w.now, w.then = w.then, w.now
	return true
}

// at sets the clock to the return of a record.
func (w *jit) at(i int) {
	w.clock = w.records[i].ret
	if w.lists != nil {
		w.later = w.lists.after(w.clock)
	}
}

// ret closes an operation, which is linearized by now. It fails if the budget is
// spent.
func (w *jit) ret(i int) bool {
	bit := w.bitOf[i]
	w.at(i)
	w.then.reset()
	w.seen.reset()
	share := max(1, w.limit/len(w.now.all))
	for _, c := range w.now.all {
		if c.linearized&bit != 0 {
			c.linearized &^= bit
			w.then.add(w, c)
		} else if !w.expand(c, bit, share) {
			return false
		}
	}
	w.close(i)
	w.now, w.then = w.then, w.now
	return true
}

// expand finds the ways from a configuration to those in which the operation with the
// bit is linearized, the short ones first, and so many at most.
func (w *jit) expand(c config, bit uint64, ways int) bool {
	w.queue = append(w.queue[:0], c)
	enough := len(w.then.all) + ways
	for at := 0; at < len(w.queue); at++ {
		if len(w.then.all) >= enough || len(w.seen.all) >= visitsPerConfig*w.limit {
			w.dropped = true
			return true
		}
		c := w.queue[at]
		w.ways += len(w.pending) + len(w.samples)
		for k, o := range w.pending {
			if c.linearized&o.bit != 0 || o.bit != bit && (w.waits(c, k) || w.canWait(o)) {
				continue
			}
			if next, ok := w.linearize(c, o); ok {
				w.reach(next, bit)
			}
		}
		w.expandAmbiguous(c, bit)
		if !w.within() {
			return false
		}
	}
	return true
}

// linearize linearizes a pending operation, and before it the pending sets that it
// saw.
func (w *jit) linearize(c config, o pendingOperation) (config, bool) {
	if w.needs != nil {
		for _, set := range w.needs[o.record] {
			if b := w.bitOf[set]; b != 0 && c.linearized&b == 0 {
				c.state, _ = w.m.apply(c.state, int(set))
				c.linearized = w.cover(c.linearized|b, int(set))
			}
		}
	}
	next, ok := w.m.apply(c.state, o.record)
	return config{next, w.cover(c.linearized|o.bit, o.record), c.used}, ok
}

// expandAmbiguous uses one more ambiguous operation of each class.
func (w *jit) expandAmbiguous(c config, bit uint64) {
	for class, sample := range w.samples {
		if w.use(c, class) >= w.called[class] || w.waitsClass(c, class) || w.useless(c, sample) {
			continue
		}
		next, ok := w.m.apply(c.state, sample)
		if linearized := w.cover(c.linearized, sample); ok && (linearized != c.linearized || next != c.state && w.wanted(c, next)) {
			used := c.used
			used[w.fields[class].word] += 1 << w.fields[class].shift
			w.reach(config{next, linearized, used}, bit)
		}
	}
}

// reach adds a configuration that was found.
func (w *jit) reach(c config, bit uint64) {
	if c = w.settle(c); w.deadEnd(c) || !w.seen.add(w, c) {
		return
	}
	if c.linearized&bit != 0 {
		c.linearized &^= bit
		w.then.add(w, c)
		return
	}
	w.queue = append(w.queue, c)
}

// settle linearizes the pending operations that change nothing and whose answers fit.
func (w *jit) settle(c config) config {
	for _, o := range w.pending {
		if c.linearized&o.bit != 0 || !o.inert {
			continue
		}
		if _, ok := w.m.apply(c.state, o.record); ok {
			c.linearized |= o.bit
		}
	}
	return c
}

// inert reports whether the operation changes no state in which it gives the
// answer that it gave.
func inert(r record) bool {
	switch op := r.op.(type) {
	case model.RegisterCompareAndSet:
		return r.answer != nil && !r.answer.Equal(model.Text(op.Expect)) || op.Expect == op.Value
	case model.ListClear, model.MailboxDrain:
		list, answered := r.answer.(model.Texts)
		return answered && len(list) == 0
	case model.MapClearAll:
		all, answered := r.answer.(model.Entries)
		return answered && len(all) == 0
	}
	return r.op.ReadOnly()
}

// waits reports whether another pending operation with the same effect as the k-th
// returns first.
func (w *jit) waits(c config, k int) bool {
	if w.pending[k].effect == noEffect {
		return false
	}
	for _, o := range w.pending[:k] {
		if c.linearized&o.bit == 0 && o.effect == w.pending[k].effect {
			return true
		}
	}
	return false
}

// waitsClass reports whether a pending operation has the effect of the class.
func (w *jit) waitsClass(c config, class int) bool {
	for _, o := range w.pending {
		if c.linearized&o.bit == 0 && o.class == class {
			return true
		}
	}
	return false
}

// use is how many ambiguous operations of a class a configuration has used.
func (w *jit) use(c config, class int) uint64 {
	p := w.fields[class]
	return c.used[p.word] >> p.shift & (1<<p.width - 1)
}

// bytesPerConfig is the size of a configuration in a set with its index, and of a visit
// in the set of those that were tried.
const bytesPerConfig = 192

// holds is about how many bytes the search keeps.
func (w *jit) holds() int64 {
	configs := len(w.now.all) + len(w.then.all) + len(w.seen.all) + len(w.tried)
	return int64(w.m.size())*bytesPerStep + int64(configs)*bytesPerConfig
}

// within reports whether the search is within its budget.
func (w *jit) within() bool {
	if w.holds() > w.budget.memory {
		w.spent = true
	}
	if w.ways >= waysPerLook {
		w.budget.effort.spend(perWay * w.ways)
		w.ways = 0
		w.spent = w.spent || w.budget.spent()
	}
	return !w.spent
}

// configs is a set of configurations, none of which dominates another.
type configs struct {
	all   []config
	index map[config][]int32 // by state and done, once there are many
}

const indexFrom = 24

func (s *configs) reset() {
	s.all = s.all[:0]
	s.index = nil
}

// add adds a configuration, unless one of the set dominates it. It replaces one that it
// dominates.
func (s *configs) add(w *jit, c config) bool {
	if s.index == nil {
		for i, o := range s.all {
			if o.state == c.state && o.linearized == c.linearized && (w.dominates(o, c) || w.dominates(c, o)) {
				return s.better(w, i, c)
			}
		}
		s.all = append(s.all, c)
		if len(s.all) > indexFrom {
			s.index = make(map[config][]int32, 4*len(s.all))
			for i, o := range s.all {
				o.used = [2]uint64{}
				s.index[o] = append(s.index[o], int32(i))
			}
		}
		return true
	}
	key := config{state: c.state, linearized: c.linearized}
	for _, i := range s.index[key] {
		if w.dominates(s.all[i], c) || w.dominates(c, s.all[i]) {
			return s.better(w, int(i), c)
		}
	}
	s.index[key] = append(s.index[key], int32(len(s.all)))
	s.all = append(s.all, c)
	return true
}

// better keeps the one of two configurations that dominates the other, and reports
// whether that is the new one.
func (s *configs) better(w *jit, i int, c config) bool {
	if w.dominates(s.all[i], c) {
		return false
	}
	s.all[i] = c
	return true
}

// dominates reports whether a used no more ambiguous operations of any class than b: it
// can do all that b can.
func (w *jit) dominates(a, b config) bool {
	for class := range w.samples {
		if w.use(a, class) > w.use(b, class) {
			return false
		}
	}
	return true
}
