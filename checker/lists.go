package checker

import (
	"cmp"
	"math"
	"slices"

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
	l := list{records: records}
	l.appended = newIndex(len(records), func(at int32) string { return records[at].op.(model.ListAppend).Value })
	for i, r := range records {
		if op, ok := r.op.(model.ListAppend); ok {
			l.appended.put(op.Value, int32(i))
		}
	}
	if f := l.addAnswers(); f.applies || l.repeated {
		return f
	}
	if f := l.addLives(); f.applies || l.repeated {
		return f
	}
	for i, r := range records {
		if _, ok := r.op.(model.ListAppend); ok && !l.shown[i] {
			l.ground.addOne(r, sets)
		}
	}
	legal, ids := l.ground.decide()
	return fast{applies: true, legal: legal, ids: ids}
}

// list is a list's history on its way to the ground.
type list struct {
	records  []record
	appended *index // of records
	lives    []*life
	byFirst  map[string]*life
	shown    []bool // by record: the append is in an answer
	ground   ground
	repeated bool
}

// life is what is known of a list between two times when it is empty.
type life struct {
	longest []string
	by      record // the answer that shows the longest
	// seen are the answers that did not clear, by length once sorted.
	seen []look
	// cleared is the clear that ended the life and told, nil for none.
	cleared *record
}

type look struct {
	length int
	by     int32
}

// addAnswers sorts the answers into lives.
func (l *list) addAnswers() fast {
	l.byFirst = map[string]*life{}
	for i := range l.records {
		r := &l.records[i]
		answer, answered := r.answer.(model.Texts)
		_, clear := r.op.(model.ListClear)
		switch {
		case !answered && clear:
			l.ground.addOne(*r, unsets)
		case !answered:
		case len(answer) == 0:
			l.ground.addOne(*r, sees)
		default:
			if f := l.addAnswer(int32(i), answer, clear); f.applies || l.repeated {
				return f
			}
		}
	}
	return fast{}
}

func (l *list) addAnswer(i int32, answer []string, clear bool) fast {
	r := &l.records[i]
	if at, _ := l.appended.get(answer[0]); at == several {
		l.repeated = true // the first element does not tell the life
		return fast{}
	}
	e := l.byFirst[answer[0]]
	if e == nil {
		e = &life{longest: answer, by: *r}
		l.byFirst[answer[0]] = e
		l.lives = append(l.lives, e)
	}
	short := answer
	if len(answer) > len(e.longest) {
		short, e.longest = e.longest, answer
	}
	if !slices.Equal(short, e.longest[:len(short)]) {
		return illegal(e.by.id, r.id)
	}
	if len(answer) == len(e.longest) {
		e.by = *r
	}
	if !clear {
		e.seen = append(e.seen, look{len(answer), i})
		return fast{}
	}
	if e.cleared != nil {
		return illegal(e.cleared.id, r.id)
	}
	e.cleared = r
	return fast{}
}

// addLives puts each life on the ground.
func (l *list) addLives() fast {
	l.shown = make([]bool, len(l.records))
	for _, e := range l.lives {
		if e.cleared != nil && len(e.cleared.answer.(model.Texts)) < len(e.longest) {
			return illegal(e.cleared.id, e.by.id)
		}
		slices.SortFunc(e.seen, func(a, b look) int { return cmp.Compare(a.length, b.length) })
		b := block{zone: emptyZone(), after: math.MinInt64}
		b.needsUnset, b.leavesUnset = true, e.cleared != nil
		if f := l.addLife(e, &b); f.applies || l.repeated {
			return f
		}
		if e.cleared != nil && !b.then(zoneOf(*e.cleared)) {
			return illegal(b.conflict...)
		}
		l.ground.add(b.zone)
	}
	return fast{}
}

// addLife adds a life's appends and answers to its block.
func (l *list) addLife(e *life, b *block) fast {
	seen := e.seen
	for i, v := range e.longest {
		at, known := l.appended.get(v)
		switch {
		case !known:
			return illegal(e.by.id)
		case at == several:
			l.repeated = true
			return fast{}
		case l.shown[at]:
			return illegal(e.by.id, l.records[at].id)
		}
		l.shown[at] = true
		if !b.then(zoneOf(l.records[at])) {
			return illegal(b.conflict...)
		}
		reads := emptyZone()
		for len(seen) > 0 && seen[0].length == i+1 {
			reads.add(l.records[seen[0].by])
			seen = seen[1:]
		}
		if !b.then(reads) {
			return illegal(b.conflict...)
		}
	}
	return fast{}
}
