package checker

import (
	"slices"
	"sync"

	"retain/model"
)

// decideList decides a list, in O(n log n) and linear in the elements of all
// answers.
//
// The answers tell the order: while nothing clears, a list only grows, so each
// answer is a prefix of the longest one, and every append that an answer shows
// has its place between the answers of its length minus one and of its length.
// An append that no answer shows comes after all that was shown. A clear empties
// the list and answers what it held; so a history falls into lives of the list,
// each told by its first element, each a block (see [ground]) that begins on an
// empty list. A life that an answered clear ended is known to its last element.
// Of the others, each but the last needs an ambiguous clear, which [periods]
// finds; appends that nobody saw stand anywhere behind such a life's last
// answer, or in a life of their own.
//
// Precondition: an element that was observed was appended by one operation only.
// With repeated elements a list could not tell its lives apart.
//
// Soundness: what is seen in one life stands together and in one order; an
// answer that is no prefix of its life's longest, an element in two lives or
// twice in one, and an answer longer than what the clear removed have no order
// at all.
func decideList(records []record) fast {
	l := lists.Get().(*list)
	defer l.release()
	l.reset(records)
	for i := range records {
		l.add(int32(i))
	}
	f := l.addLives()
	if l.repeated {
		return fast{}
	}
	if f.applies {
		return f
	}
	legal, ids := l.ground.decide()
	return fast{applies: true, legal: legal, ids: ids}
}

// list is a list's history on its way to the ground.
type list struct {
	records  []record
	names    index     // of elements
	elements []element // by number
	// ends are the elements that answers begin and end with.
	ends   []end
	lives  []life
	ground ground
	// first is what contradicts itself, unless an element turns out to be
	// repeated.
	first fast
	// repeated: an observed element was appended more than once.
	repeated bool
}

// lists are what was decided before, for their memory: see [cells].
var lists = sync.Pool{New: func() any { return &list{} }}

func (l *list) reset(records []record) {
	*l = list{
		records: records, names: l.names, elements: slices.Grow(l.elements[:0], len(records)), ends: l.ends[:0],
		lives: l.lives[:0], ground: l.ground.emptied(),
	}
	l.names.reset(len(records))
}

func (l *list) release() {
	l.records = nil
	l.names.forget()
	clear(l.lives)
	lists.Put(l)
}

// element is what one operation appended. It is made when it first comes, be it in
// an answer.
type element struct {
	// append is the record that appended it, none as long as there is none.
	append int32
	// next is the element that stands behind it in answers, none for none.
	next int32
	// end is the number of what is known of an answer's last or first element,
	// none for elements that are neither.
	end int32
	// shown: an answer shows it. shared: it was appended more than once.
	shown, shared bool
}

// end is what is known of an element with which an answer begins or ends.
type end struct {
	// life is the life that begins with it, none for none.
	life int32
	// reads are the answers that end with it.
	reads zone
}

// life is what is known of a list between two times when it is empty.
type life struct {
	longest     []string
	first, last int32   // elements of longest
	by          *record // the answer that shows the longest
	// cleared is the clear that ended the life and told, nil for none.
	cleared *record
}

// add takes in an append, or sorts an answer into its life.
func (l *list) add(i int32) {
	r := &l.records[i]
	if op, ok := r.op.(model.ListAppend); ok {
		l.addAppend(i, op.Value)
		return
	}
	answer, answered := r.answer.(model.Texts)
	_, clear := r.op.(model.ListClear)
	switch {
	case !answered && clear:
		l.ground.addOne(r, unsets)
	case !answered:
	case len(answer) == 0:
		l.ground.addOne(r, sees)
	default:
		l.addAnswer(r, answer, clear)
	}
}

func (l *list) addAppend(i int32, value string) {
	at, fresh := l.names.number(value)
	switch {
	case fresh:
	case l.elements[at].append == none:
		l.elements[at].append = i
		return
	default:
		l.elements[at].shared = true
		l.names.skip()
	}
	l.elements = append(l.elements, element{append: i, next: none, end: none})
}

// find is the number of an element in an answer.
func (l *list) find(value string) int32 {
	at, fresh := l.names.number(value)
	if fresh {
		l.elements = append(l.elements, element{append: none, next: none, end: none})
	}
	return at
}

// endOf is what is known of an element with which an answer begins or ends.
func (l *list) endOf(at int32) *end {
	e := &l.elements[at]
	if e.end == none {
		e.end = int32(len(l.ends))
		l.ends = append(l.ends, end{life: none})
	}
	return &l.ends[e.end]
}

// lifeOf is the life that begins with an element.
func (l *list) lifeOf(head string) *life {
	at := l.find(head)
	e := l.endOf(at)
	if e.life == none {
		e.life = int32(len(l.lives))
		l.lives = append(l.lives, life{first: at, last: none})
	}
	return &l.lives[e.life]
}

func (l *list) addAnswer(r *record, answer []string, clear bool) {
	e := l.lifeOf(answer[0])
	common := min(len(answer), len(e.longest))
	if !slices.Equal(answer[:common], e.longest[:common]) {
		l.contradict(e.by.id, r.id)
		return
	}
	if len(answer) >= len(e.longest) {
		e.longest, e.by = answer, r
	}
	for _, v := range answer[common:] {
		l.show(e, v)
	}
	switch {
	case !clear:
		l.endOf(l.find(answer[len(answer)-1])).reads.add(r)
	case e.cleared != nil:
		l.contradict(e.cleared.id, r.id)
	default:
		e.cleared = r
	}
}

// show notes an element that stands behind those that a life has shown so far.
func (l *list) show(e *life, value string) {
	at := l.find(value)
	if l.elements[at].shown {
		l.contradict(e.by.id)
		return
	}
	l.elements[at].shown = true
	if e.last != none {
		l.elements[e.last].next = at
	}
	e.last = at
}

func (l *list) contradict(ids ...int32) {
	if !l.first.applies {
		l.first = illegal(ids...)
	}
}

// addLives puts each life on the ground, and the appends that nobody saw.
func (l *list) addLives() fast {
	for i := range l.lives {
		l.addLife(&l.lives[i])
	}
	for i := range l.elements {
		switch e := &l.elements[i]; {
		case e.shown:
			l.repeated = l.repeated || e.shared
		case e.append != none:
			l.ground.addOne(&l.records[e.append], sets)
		}
	}
	return l.first
}

// addLife puts a life's appends and answers on the ground.
func (l *list) addLife(e *life) {
	if e.cleared != nil && len(e.cleared.answer.(model.Texts)) < len(e.longest) {
		l.contradict(e.cleared.id, e.by.id)
		return
	}
	b := newBlock()
	b.needsUnset, b.leavesUnset = true, e.cleared != nil
	for at := e.first; at != none; at = l.elements[at].next {
		v := &l.elements[at]
		if v.append == none {
			l.contradict(e.by.id)
			return
		}
		fits := b.then(zoneOf(&l.records[v.append]))
		if fits && v.end != none {
			fits = b.then(l.ends[v.end].reads)
		}
		if !fits {
			l.contradict(b.conflict...)
			return
		}
	}
	if e.cleared != nil && !b.then(zoneOf(e.cleared)) {
		l.contradict(b.conflict...)
		return
	}
	l.ground.add(b.stretch)
}
