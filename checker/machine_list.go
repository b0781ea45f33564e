package checker

import (
	"slices"
	"sort"

	"retain/model"
)

// trie is a list's machine. Its states are the prefixes of answers, numbered as nodes
// of a tree, and one for all other lists, which no answer tells apart.
type trie struct {
	steps []trieStep // by record
	// next is the node behind a node's, by the value that is appended.
	next map[edge]int32
	// enter and leave number the nodes on the way around the tree: a node is a prefix
	// of another one if its numbers enclose the other's.
	enter, leave []int32
	// answers are the answered gets and clears by call, and soonest the least return of
	// those from one on.
	answers []listAnswer
	soonest []int64
	// wipes are the calls of clears without an answer.
	wipes []int64
}

type edge struct{ node, value int32 }

// trieStep is an append of a value, or an answer that is a node; -1 for neither.
type trieStep struct {
	value, answer int32
	keeps         bool // the list stays as it is
}

// listAnswer is an answer that shows the list's elements: a node.
type listAnswer struct {
	call, ret int64
	answer    int32
}

// noPrefix is the state of a list that is no prefix of any answer.
const noPrefix = int64(-1)

func newTrie(records []record, clock *deadline) *trie {
	t := &trie{steps: make([]trieStep, len(records)), next: map[edge]int32{}}
	values := numbers{}
	var last model.Texts
	path := []int32{0} // of last: the node of each of its prefixes
	for i := range records {
		r := &records[i]
		t.steps[i] = trieStep{-1, -1, r.op.ReadOnly()}
		switch answer := r.answer.(type) {
		case model.Texts:
			common := 0
			for common < min(len(last), len(answer)) && last[common] == answer[common] {
				common++
			}
			path = path[:common+1]
			for _, v := range answer[common:] {
				if clock.gone(1) {
					return nil
				}
				e := edge{path[len(path)-1], values.of(v)}
				n, known := t.next[e]
				if !known {
					n = int32(len(t.next)) + 1
					t.next[e] = n
				}
				path = append(path, n)
			}
			last = answer
			t.steps[i].answer = path[len(path)-1]
			t.answers = append(t.answers, listAnswer{r.call, r.ret, path[len(path)-1]})
		default:
			if value, ok := model.Appended(r.op); ok {
				t.steps[i].value = values.of(value)
			} else if answer == nil && clears(r.op) {
				t.wipes = append(t.wipes, r.call)
			}
		}
	}
	t.walk()
	t.soonest = make([]int64, len(t.answers)+1)
	t.soonest[len(t.answers)] = open
	for i := len(t.answers) - 1; i >= 0; i-- {
		t.soonest[i] = min(t.soonest[i+1], t.answers[i].ret)
	}
	return t
}

// walk goes around the tree.
func (t *trie) walk() {
	below := make([][]int32, len(t.next)+1)
	for e, n := range t.next {
		below[e.node] = append(below[e.node], n)
	}
	t.enter, t.leave = make([]int32, len(below)), make([]int32, len(below))
	steps := int32(0)
	for todo := []int32{0}; len(todo) > 0; {
		n := todo[len(todo)-1]
		if n < 0 {
			t.leave[^n], todo = steps, todo[:len(todo)-1]
			continue
		}
		steps++
		t.enter[n] = steps
		todo[len(todo)-1] = ^n
		todo = append(todo, below[n]...)
	}
}

func (t *trie) start() int64 { return 0 }
func (t *trie) size() int    { return len(t.enter) }

func (t *trie) apply(state int64, i int) (int64, bool) {
	s := t.steps[i]
	switch {
	case s.value >= 0:
		if state != noPrefix {
			if n, known := t.next[edge{int32(state), s.value}]; known {
				return int64(n), true
			}
		}
		return noPrefix, true
	case s.answer >= 0:
		if s.keeps {
			return state, state == int64(s.answer)
		}
		return 0, state == int64(s.answer)
	}
	return 0, true // a clear without an answer
}

// grows reports whether a list may become an answer by appends alone.
func (t *trie) grows(state int64, answer int32) bool {
	return state != noPrefix && t.enter[state] <= t.enter[answer] && t.leave[answer] <= t.leave[state]
}

// after is the first of the answers that are called after an instant.
func (t *trie) after(at int64) int {
	return sort.Search(len(t.answers), func(i int) bool { return t.answers[i].call > at })
}

// wiped reports whether a clear without an answer is called between two instants.
func (t *trie) wiped(from, to int64) bool {
	at, _ := slices.BinarySearch(t.wipes, from+1)
	return at < len(t.wipes) && t.wipes[at] <= to
}

// stuck reports whether the list can become none of the answers that may come next:
// those of open operations, and of later ones that are called before any of all these
// must have happened. A clear without an answer that may come in between helps.
func (w *jit) stuck(c config) bool {
	soonest := w.lists.soonest[w.later]
	some := soonest != open
	for _, o := range w.pending {
		answer := w.lists.steps[o.record].answer
		if answer < 0 || c.linearized&o.bit != 0 {
			continue
		}
		if w.lists.grows(c.state, answer) {
			return false
		}
		some = true
		soonest = min(soonest, w.records[o.record].ret)
	}
	for _, l := range w.lists.answers[w.later:] {
		if l.call > soonest {
			break
		}
		if w.lists.grows(c.state, l.answer) {
			return false
		}
	}
	return some && !w.wipes(c) && !w.lists.wiped(w.clock, soonest)
}

// wipes reports whether a clear without an answer is left that was called.
func (w *jit) wipes(c config) bool {
	for class, sample := range w.samples {
		if clears(w.records[sample].op) && w.use(c, class) < w.called[class] {
			return true
		}
	}
	return false
}
