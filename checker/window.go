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
//   - A map's set that nobody saw happens at its return, or just before another
//     set of its entry or an ambiguous clearAll covers it up: nothing else needs
//     it.
//
// It gives up, undecided, when more than 64 answered operations are open at
// once, or the budget is spent.
type window struct {
	records []record
	m       machine
	budget  search
	hidden  []bool // by record: a map's set that nobody saw

	open    []opened // by return
	bits    uint64   // that are taken
	classes map[string]int
	called  []uint64 // by class: how many ambiguous ones were called
	samples []int    // by class: one of its records
	width   uint     // of a class's counter in config.used

	now, then configs
	stack     []config
	seen      configs
	steps     int
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

// stepsPerLook is how often the window looks at the clock.
const stepsPerLook = 4096

// configsLimit bounds the configurations of one instant.
const configsLimit = 1 << 18

// runWindow decides the records, which must come by call. It returns the ID of
// the operation at whose return no configuration was left.
func runWindow(kind model.Kind, records []record, budget search) (Verdict, int32) {
	facts := prepass(records)
	if facts.conflict != nil {
		return Violation, facts.conflict[1]
	}
	w := &window{records: facts.records, budget: budget}
	if kind == model.Counter {
		w.m = counting{}
	} else {
		w.m = newNumbering(kind, facts)
	}
	if !w.classify() {
		return Undecided, 0
	}
	if kind == model.Map {
		w.hidden = hiddenSets(w.records)
	}
	return w.run()
}

// hiddenSets finds the sets that nobody saw.
func hiddenSets(records []record) []bool {
	writers := writersOf(records)
	seen := observe(records, writers)
	out := make([]bool, len(records))
	for i, r := range records {
		e, ok := r.writes()
		out[i] = ok && writers[e] == i && seen.by[i] < 0
	}
	return out
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
	n := 0
	for i, r := range w.records {
		if !r.optional() {
			continue
		}
		n++
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

func (w *window) run() (Verdict, int32) {
	moments := make([]moment, 0, 2*len(w.records))
	for i, r := range w.records {
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
	at := slices.IndexFunc(w.open, func(o opened) bool { return o.record == i })
	bit := w.open[at].bit
	w.then.reset()
	w.seen.reset()
	for _, c := range w.now.all {
		if c.done&bit != 0 {
			c.done &^= bit
			w.then.add(w, c)
		} else if !w.expand(c, bit) {
			return false
		}
	}
	w.open = slices.Delete(w.open, at, at+1)
	w.bits &^= bit
	w.now, w.then = w.then, w.now
	return true
}

// expand finds all ways from a configuration to one in which the operation with
// the bit has happened.
func (w *window) expand(c config, bit uint64) bool {
	w.stack = append(w.stack[:0], c)
	for len(w.stack) > 0 {
		c := w.stack[len(w.stack)-1]
		w.stack = w.stack[:len(w.stack)-1]
		for k, o := range w.open {
			if c.done&o.bit != 0 || w.hides(o, bit) || w.waits(c, k) {
				continue
			}
			next, ok := w.m.apply(c.state, &w.records[o.record])
			if ok {
				w.reach(config{next, w.cover(c.done|o.bit, o.record), c.used}, bit)
			}
		}
		for class, sample := range w.samples {
			if w.use(c, class) >= w.called[class] || w.waitsClass(c, class) {
				continue
			}
			next, ok := w.m.apply(c.state, &w.records[sample])
			if done := w.cover(c.done, sample); ok && (next != c.state || done != c.done) {
				w.reach(config{next, done, c.used + 1<<(uint(class)*w.width)}, bit)
			}
		}
		if !w.within() {
			return false
		}
	}
	return true
}

// reach takes in a configuration that was found.
func (w *window) reach(c config, bit uint64) {
	w.steps++
	c = w.settle(c)
	if !w.seen.add(w, c) {
		return
	}
	if c.done&bit != 0 {
		c.done &^= bit
		w.then.add(w, c)
		return
	}
	w.stack = append(w.stack, c)
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

// hides reports whether the operation is a set that nobody saw and that need not
// happen yet.
func (w *window) hides(o opened, bit uint64) bool {
	return w.hidden != nil && w.hidden[o.record] && o.bit != bit
}

// cover makes happen the sets that nobody saw and that an operation covers up.
// An answered clearAll covers nothing: it shows what it removed.
func (w *window) cover(done uint64, by int) uint64 {
	if w.hidden == nil {
		return done
	}
	set, sets := w.records[by].op.(model.MapSet)
	all := !sets && w.records[by].answer == nil
	for _, o := range w.open {
		if s, ok := w.records[o.record].op.(model.MapSet); ok && w.hidden[o.record] && (all || sets && s.Key == set.Key) {
			done |= o.bit
		}
	}
	return done
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
	if len(w.seen.all) > configsLimit || int64(w.m.size())*bytesPerStep > w.budget.memory {
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

// add adds a configuration, unless one that is as good is there.
func (s *configs) add(w *window, c config) bool {
	if s.index == nil {
		for _, o := range s.all {
			if o.state == c.state && o.done == c.done && w.spares(o, c) {
				return false
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
		if w.spares(s.all[i], c) {
			return false
		}
	}
	s.index[place] = append(s.index[place], int32(len(s.all)))
	s.all = append(s.all, c)
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
