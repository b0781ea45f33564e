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
// comes between the answers of its length minus one and of its length. An append
// that no answer shows comes after all those that one shows. A clear empties the
// list and answers its elements; so a history falls into epochs, each identified by
// its first element, each a cluster (see [zones]) that begins on an empty list. An
// epoch that an answered clear ended is known to its last element. Of the others,
// each but the last needs an ambiguous clear, which [schedule] finds; appends that
// nobody saw come anywhere after such an epoch's last answer, or in an epoch of
// their own.
//
// Precondition: an element that was observed was appended by one operation only.
// With repeated elements, epochs could not be told apart.
//
// Soundness: the elements of one epoch stand together and in one order; an answer
// that is no prefix of its epoch's longest, an element in two epochs or
// twice in one, and an answer longer than what the clear removed have no order
// at all.
func decideList(records []record, budget search) fast {
	l := listPool.Get().(*listHistory)
	defer l.release()
	l.reset(records)
	l.clock = *budget.deadline()
	for i := range records {
		if l.clock.gone(1) {
			return fast{spent: true}
		}
		l.add(int32(i))
	}
	if l.clock.out {
		return fast{spent: true}
	}
	f := l.addEpochs()
	if l.repeated {
		return fast{}
	}
	if f.applies {
		return f
	}
	legal, ids := l.zones.decide()
	return fast{applies: true, legal: legal, ids: ids}
}

// listHistory is a list's history, cut into epochs.
type listHistory struct {
	records  []record
	names    index     // of elements
	elements []element // by number
	// ends are the elements that answers begin and end with.
	ends   []end
	epochs []listEpoch
	zones  zones
	// first is the first contradiction, void if an element turns out to be
	// repeated.
	first fast
	// repeated: an observed element was appended more than once.
	repeated bool
	clock    deadline
}

// listPool reuses memory: see [registerPool].
var listPool = sync.Pool{New: func() any { return &listHistory{} }}

func (l *listHistory) reset(records []record) {
	*l = listHistory{
		records: records, names: l.names, elements: slices.Grow(l.elements[:0], len(records)), ends: l.ends[:0],
		epochs: l.epochs[:0], zones: l.zones.emptied(),
	}
	l.names.reset(len(records))
}

func (l *listHistory) release() {
	l.records = nil
	l.names.forget()
	clear(l.epochs)
	listPool.Put(l)
}

// element is what one operation appended. It is made when it first comes, in an append
// or in an answer.
type element struct {
	// append is the record that appended it, none as long as there is none.
	append int32
	// next is the element that stands behind it in answers, none for none.
	next int32
	// end is the index in ends of an answer's first or last element, none for elements
	// that are neither.
	end int32
	// observed: an answer shows it. shared: it was appended more than once.
	observed, shared bool
}

// end belongs to an element with which an answer begins or ends.
type end struct {
	// epoch is the one that begins with it, none for none.
	epoch int32
	// reads are the answers that end with it.
	reads zone
}

// listEpoch is a list's history from one time that it is empty to the next.
type listEpoch struct {
	longest     []string
	first, last int32   // elements of longest
	by          *record // the answer that shows the longest
	// cleared is the answered clear that ended the epoch, nil for none.
	cleared *record
}

// add adds an append, or an answer to its epoch.
func (l *listHistory) add(i int32) {
	r := &l.records[i]
	if value, ok := model.Appended(r.op); ok {
		l.addAppend(i, value)
		return
	}
	answer, answered := r.answer.(model.Texts)
	clear := clears(r.op)
	switch {
	case !answered && clear:
		l.zones.addOperation(r, unsets)
	case !answered:
	case len(answer) == 0:
		l.zones.addOperation(r, sees)
	default:
		l.addAnswer(r, answer, clear)
	}
}

func (l *listHistory) addAppend(i int32, value string) {
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
func (l *listHistory) find(value string) int32 {
	at, fresh := l.names.number(value)
	if fresh {
		l.elements = append(l.elements, element{append: none, next: none, end: none})
	}
	return at
}

// endOf returns the end of an element with which an answer begins or ends.
func (l *listHistory) endOf(at int32) *end {
	e := &l.elements[at]
	if e.end == none {
		e.end = int32(len(l.ends))
		l.ends = append(l.ends, end{epoch: none})
	}
	return &l.ends[e.end]
}

// epochOf is the epoch that begins with an element.
func (l *listHistory) epochOf(head string) *listEpoch {
	at := l.find(head)
	e := l.endOf(at)
	if e.epoch == none {
		e.epoch = int32(len(l.epochs))
		l.epochs = append(l.epochs, listEpoch{first: at, last: none})
	}
	return &l.epochs[e.epoch]
}

func (l *listHistory) addAnswer(r *record, answer []string, clear bool) {
	e := l.epochOf(answer[0])
	common := min(len(answer), len(e.longest))
	if !slices.Equal(answer[:common], e.longest[:common]) {
		l.first.contradict(e.by.id, r.id)
		return
	}
	if len(answer) >= len(e.longest) {
		e.longest, e.by = answer, r
	}
	if l.clock.gone(common / 64) {
		return
	}
	for _, v := range answer[common:] {
		if l.clock.gone(1) {
			return
		}
		l.observe(e, v)
	}
	switch {
	case !clear:
		l.endOf(l.find(answer[len(answer)-1])).reads.add(r)
	case e.cleared != nil:
		l.first.contradict(e.cleared.id, r.id)
	default:
		e.cleared = r
	}
}

// observe adds the next element to an epoch.
func (l *listHistory) observe(e *listEpoch, value string) {
	at := l.find(value)
	if l.elements[at].observed {
		l.first.contradict(e.by.id)
		return
	}
	l.elements[at].observed = true
	if e.last != none {
		l.elements[e.last].next = at
	}
	e.last = at
}

// addEpochs adds the cluster of each epoch to the zones, and the appends that nobody saw.
func (l *listHistory) addEpochs() fast {
	for i := range l.epochs {
		l.addEpoch(&l.epochs[i])
	}
	for i := range l.elements {
		switch e := &l.elements[i]; {
		case e.observed:
			l.repeated = l.repeated || e.shared
		case e.append != none:
			l.zones.addOperation(&l.records[e.append], sets)
		}
	}
	return l.first
}

// addEpoch adds the cluster of an epoch's appends and answers.
func (l *listHistory) addEpoch(e *listEpoch) {
	if e.cleared != nil && len(e.cleared.answer.(model.Texts)) < len(e.longest) {
		l.first.contradict(e.cleared.id, e.by.id)
		return
	}
	b := newCluster()
	b.needsUnset, b.leavesUnset = true, e.cleared != nil
	for at := e.first; at != none; at = l.elements[at].next {
		v := &l.elements[at]
		if v.append == none {
			l.first.contradict(e.by.id)
			return
		}
		fits := b.then(zoneOf(&l.records[v.append]))
		if fits && v.end != none {
			fits = b.then(l.ends[v.end].reads)
		}
		if !fits {
			l.first.contradict(b.conflict...)
			return
		}
	}
	if e.cleared != nil && !b.then(zoneOf(e.cleared)) {
		l.first.contradict(b.conflict...)
		return
	}
	l.zones.add(b.clusterZone)
}
