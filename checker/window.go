package checker

import (
	"cmp"
	"math/bits"
	"slices"
	"time"

	"retain/model"
)

// window decides any object by what could be true at each instant: a sweep over
// the calls and returns that keeps every configuration in which the object may
// be, a state with the set of open operations that have happened. An operation
// happens no earlier than needed: at its own return, or just before another that
// must happen then ("just-in-time linearization": Lowe, "Testing for
// linearizability", Concurrency Computat. Pract. Exper. 29(4) 2017). It is exact.
//
// The cost is linear in the history, times the configurations, which are
// exponential in the operations open at once, and in nothing else. These keep
// them few:
//
//   - Ambiguous operations never return. They are counted, not kept apart: of
//     those with the same effect any one will do. Of two configurations that
//     agree otherwise, the one that used fewer goes on; it can do all that the
//     other can.
//   - Of open operations with the same effect and answer, the one that returns
//     first happens first.
//   - An operation that, with the answer it has, changes nothing in any state
//     happens as soon as its answer fits. (One that could change something is
//     kept: a reset of a counter at 0 may still be needed.)
//   - What may as well happen later waits: see [setKind].
//   - What sets that nobody saw leave behind is all the same.
//   - A configuration in which an open operation can't happen any more is given
//     up: see passed.
//
// A legal history does not need them all: a first sweep keeps a few configurations
// of each instant, those that are reached in the fewest steps, and if it gets to
// the end, there is an order. Only if it does not, and left some out, more are
// kept. A violation is never said while any was left out.
//
// It gives up, undecided, when more than 64 answered operations are open at
// once, or the budget is spent.
type window struct {
	records []record
	m       machine
	budget  search
	sets    []setKind // by record, for a map
	needs   [][]int32 // by record, for a map: the sets that it saw
	resets  []int64   // by record, for a counter: the last call of a reset before its return
	clock   int64     // the return that is being looked at

	open    []opened // by return
	bits    uint64   // that are taken
	bitOf   []uint64 // by record, 0 unless open
	classes map[string]int
	called  []uint64 // by class: how many ambiguous ones were called
	samples []int    // by class: one of its records
	width   uint     // of a class's counter in config.used
	units   bool     // no ambiguous addition is of more than 1

	now, then configs
	queue     []config
	seen      configs
	steps     int
	// limit is how many configurations of an instant are kept, about; dropped
	// says that some were not.
	limit   int
	dropped bool
}

// opened is an operation that was called and has not returned.
type opened struct {
	record int
	bit    uint64
	class  int // of ambiguous operations with the same effect, -1 for none
	effect string
	inert  bool
}

// config is one way in which things may stand.
type config struct {
	state int64
	done  uint64 // the open operations that have happened
	used  uint64 // how many ambiguous ones have, by class
}

// visitsPerConfig is how many configurations a sweep visits at an instant for one
// that it may keep.
const visitsPerConfig = 16

// stepsPerLook is how often the window looks at the clock.
const stepsPerLook = 4096

// configsLimits bound the configurations of one instant, sweep by sweep.
var configsLimits = [...]int{64, 1024, 1 << 18}

// runWindow decides the records, which must come by call. It returns the ID of
// the operation at whose return no configuration was left.
func runWindow(kind model.Kind, records []record, budget search) (Verdict, int32) {
	return sweep(kind, records, budget, configsLimits[:])
}

// sweep is [runWindow] with limits of its own.
func sweep(kind model.Kind, records []record, budget search, limits []int) (Verdict, int32) {
	facts := prepass(records)
	if facts.conflict != nil {
		return Violation, facts.conflict[1]
	}
	w := &window{records: facts.records, budget: budget, bitOf: make([]uint64, len(facts.records))}
	if kind == model.Counter {
		w.m = counting{}
	} else {
		w.m = newNumbering(kind, facts)
	}
	if !w.classify() {
		return Undecided, 0
	}
	switch kind {
	case model.Map:
		w.sets, w.needs = setKinds(w.records)
		w.alikeIfHidden()
	case model.Counter:
		w.resets = lastResets(w.records)
	}
	moments := momentsOf(w.records)
	for _, limit := range limits {
		w.limit, w.dropped = limit, false
		verdict, at := w.run(moments)
		if verdict != Violation || !w.dropped {
			return verdict, at
		}
	}
	return Undecided, 0
}

// effectOf is equal for operations that one state takes alike: the same
// operations with the same answers. An answer that tells nothing of the state is
// left out. It is "" for one that changes nothing, which never waits.
func effectOf(r record) string {
	if inert(r) {
		return ""
	}
	switch r.answer.(type) {
	case nil, model.Done, model.Failure:
	default:
		return r.op.String() + " -> " + r.answer.String()
	}
	if op, ok := r.op.(model.CounterAddThenFail); ok {
		return model.CounterAdd(op).String()
	}
	return r.op.String()
}

// classify counts the kinds of ambiguous operations.
func (w *window) classify() bool {
	w.classes = map[string]int{}
	w.units = true
	n := 0
	for i, r := range w.records {
		if !r.optional() {
			continue
		}
		n++
		w.units = w.units && model.Addition(r.op) <= 1
		if _, known := w.classes[effectOf(r)]; !known {
			w.classes[effectOf(r)] = len(w.classes)
			w.samples = append(w.samples, i)
		}
	}
	w.called = make([]uint64, len(w.classes))
	if len(w.classes) > 0 {
		w.width = uint(64 / len(w.classes))
	}
	return len(w.classes) == 0 || w.width > 0 && bits.Len(uint(n)) <= int(w.width)
}

// moment is a call or a return.
type moment struct {
	at      int64
	record  int32
	returns bool
}

// momentsOf are the calls and returns, in their order.
func momentsOf(records []record) []moment {
	moments := make([]moment, 0, 2*len(records))
	for i, r := range records {
		moments = append(moments, moment{r.call, int32(i), false})
		if !r.optional() {
			moments = append(moments, moment{r.ret, int32(i), true})
		}
	}
	slices.SortFunc(moments, func(a, b moment) int {
		if a.at == b.at && a.returns != b.returns {
			if b.returns {
				return -1 // intervals are closed
			}
			return 1
		}
		return cmp.Compare(a.at, b.at)
	})
	return moments
}

// run sweeps once. A violation is one only if nothing was dropped.
func (w *window) run(moments []moment) (Verdict, int32) {
	w.open, w.bits = w.open[:0], 0
	clear(w.bitOf)
	clear(w.called)
	w.now.reset()
	w.now.add(w, config{state: w.m.start()})
	for _, m := range moments {
		i := int(m.record)
		switch {
		case w.records[i].optional():
			w.called[w.classes[effectOf(w.records[i])]]++
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

// call opens an operation. It fails if too many are open.
func (w *window) call(i int) bool {
	free := ^w.bits
	if free == 0 {
		return false
	}
	o := opened{record: i, bit: free & -free, class: -1, effect: effectOf(w.records[i]), inert: inert(w.records[i])}
	if class, known := w.classes[o.effect]; known {
		o.class = class
	}
	w.bits |= o.bit
	w.bitOf[i] = o.bit
	at, _ := slices.BinarySearchFunc(w.open, w.records[i].ret, func(o opened, ret int64) int {
		return cmp.Compare(w.records[o.record].ret, ret)
	})
	w.open = slices.Insert(w.open, at, o)
	if !o.inert {
		return true
	}
	w.then.reset()
	for _, c := range w.now.all {
		w.then.add(w, w.settle(c))
	}
	w.now, w.then = w.then, w.now
	return true
}

// ret closes an operation: it has happened by now. It fails if the budget is
// spent.
func (w *window) ret(i int) bool {
	bit := w.bitOf[i]
	w.clock = w.records[i].ret
	w.then.reset()
	w.seen.reset()
	share := max(1, w.limit/len(w.now.all))
	for _, c := range w.now.all {
		if c.done&bit != 0 {
			c.done &^= bit
			w.then.add(w, c)
		} else if !w.expand(c, bit, share) {
			return false
		}
	}
	w.open = slices.DeleteFunc(w.open, func(o opened) bool { return o.record == i })
	w.bits &^= bit
	w.bitOf[i] = 0
	w.now, w.then = w.then, w.now
	return true
}

// expand finds the ways from a configuration to one in which the operation with
// the bit has happened, the short ones first, and so many at most.
func (w *window) expand(c config, bit uint64, ways int) bool {
	w.queue = append(w.queue[:0], c)
	enough := len(w.then.all) + ways
	for at := 0; at < len(w.queue); at++ {
		if len(w.then.all) >= enough || len(w.seen.all) >= visitsPerConfig*w.limit {
			w.dropped = true
			return true
		}
		c := w.queue[at]
		for k, o := range w.open {
			if c.done&o.bit != 0 || o.bit != bit && (w.waits(c, k) || w.canWait(o)) {
				continue
			}
			if next, ok := w.happen(c, o); ok {
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

// happen makes an open operation happen, and in front of it the open sets that it
// saw.
func (w *window) happen(c config, o opened) (config, bool) {
	if w.needs != nil {
		for _, set := range w.needs[o.record] {
			if b := w.bitOf[set]; b != 0 && c.done&b == 0 {
				c.state, _ = w.m.apply(c.state, &w.records[set])
				c.done = w.cover(c.done|b, int(set))
			}
		}
	}
	next, ok := w.m.apply(c.state, &w.records[o.record])
	return config{next, w.cover(c.done|o.bit, o.record), c.used}, ok
}

// expandAmbiguous uses one more ambiguous operation of each class.
func (w *window) expandAmbiguous(c config, bit uint64) {
	for class, sample := range w.samples {
		if w.use(c, class) >= w.called[class] || w.waitsClass(c, class) || w.useless(c, sample) {
			continue
		}
		next, ok := w.m.apply(c.state, &w.records[sample])
		if done := w.cover(c.done, sample); ok && (next != c.state || done != c.done) {
			w.reach(config{next, done, c.used + 1<<(uint(class)*w.width)}, bit)
		}
	}
}

// reach takes in a configuration that was found.
func (w *window) reach(c config, bit uint64) {
	w.steps++
	if c = w.settle(c); w.passed(c) || !w.seen.add(w, c) {
		return
	}
	if c.done&bit != 0 {
		c.done &^= bit
		w.then.add(w, c)
		return
	}
	w.queue = append(w.queue, c)
}

// settle makes happen what changes nothing.
func (w *window) settle(c config) config {
	for _, o := range w.open {
		if c.done&o.bit != 0 || !o.inert {
			continue
		}
		if _, ok := w.m.apply(c.state, &w.records[o.record]); ok {
			c.done |= o.bit
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
	case model.ListClear:
		list, answered := r.answer.(model.Texts)
		return answered && len(list) == 0
	case model.MapClearAll:
		all, answered := r.answer.(model.Entries)
		return answered && len(all) == 0
	}
	return r.op.ReadOnly()
}

// waits reports whether another open operation with the same effect as the k-th
// returns first.
func (w *window) waits(c config, k int) bool {
	if w.open[k].effect == "" {
		return false
	}
	for _, o := range w.open[:k] {
		if c.done&o.bit == 0 && o.effect == w.open[k].effect {
			return true
		}
	}
	return false
}

// waitsClass reports whether an open operation has the effect of the class.
func (w *window) waitsClass(c config, class int) bool {
	for _, o := range w.open {
		if c.done&o.bit == 0 && o.class == class {
			return true
		}
	}
	return false
}

// use is how many ambiguous operations of a class a configuration has used.
func (w *window) use(c config, class int) uint64 {
	if w.width == 64 {
		return c.used
	}
	return c.used >> (uint(class) * w.width) & (1<<w.width - 1)
}

// within reports whether the budget lasts.
func (w *window) within() bool {
	if int64(w.m.size())*bytesPerStep > w.budget.memory {
		return false
	}
	if w.steps >= stepsPerLook {
		w.steps = 0
		return time.Now().Before(w.budget.until)
	}
	return true
}

// configs is a set of configurations without those that others stand for.
type configs struct {
	all   []config
	index map[config][]int32 // by state and done, once there are many
}

const indexFrom = 24

func (s *configs) reset() {
	s.all = s.all[:0]
	s.index = nil
}

// add adds a configuration, unless one that is as good is there. It takes the
// place of one that is worse.
func (s *configs) add(w *window, c config) bool {
	if s.index == nil {
		for i, o := range s.all {
			if o.state == c.state && o.done == c.done && (w.spares(o, c) || w.spares(c, o)) {
				return s.better(w, i, c)
			}
		}
		s.all = append(s.all, c)
		if len(s.all) > indexFrom {
			s.index = make(map[config][]int32, 4*len(s.all))
			for i, o := range s.all {
				o.used = 0
				s.index[o] = append(s.index[o], int32(i))
			}
		}
		return true
	}
	place := config{state: c.state, done: c.done}
	for _, i := range s.index[place] {
		if w.spares(s.all[i], c) || w.spares(c, s.all[i]) {
			return s.better(w, int(i), c)
		}
	}
	s.index[place] = append(s.index[place], int32(len(s.all)))
	s.all = append(s.all, c)
	return true
}

// better keeps the better one of two configurations, and reports whether that is
// the new one.
func (s *configs) better(w *window, i int, c config) bool {
	if w.spares(s.all[i], c) {
		return false
	}
	s.all[i] = c
	return true
}

// spares reports whether a used no more ambiguous operations than b, of any
// class.
func (w *window) spares(a, b config) bool {
	for class := range w.samples {
		if w.use(a, class) > w.use(b, class) {
			return false
		}
	}
	return true
}
