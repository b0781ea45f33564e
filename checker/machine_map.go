package checker

import (
	"cmp"
	"slices"

	"retain/model"
)

// tree is a map's machine. A state is the root of a tree of values by the number of
// their key, sixteen below each node; equal nodes have one number, so that equal
// states have, and a set makes as many nodes as the tree is high.
type tree struct {
	steps  []treeStep // by record
	height int        // 1 for up to 16 keys
	nodes  []node
	number map[node]int32
}

const fanOut = 16

type node [fanOut]int32

// treeStep is what an operation does.
type treeStep struct {
	kind  stepKind
	key   int32
	value int32 // that is set or read
	state int64 // that a clearAll answered
}

type stepKind uint8

const (
	puts stepKind = iota
	gets
	wipesAll     // a clearAll without an answer
	wipesExactly // one with an answer
	never        // an answer that no state gives
	unanswered   // a get without an answer
)

func newTree(records []record) *tree {
	t := &tree{steps: make([]treeStep, len(records)), number: map[node]int32{}, height: 1}
	keys, values := numbers{}, numbers{"": unsetText}
	for i := range records {
		switch op := records[i].op.(type) {
		case model.MapSet:
			t.steps[i] = treeStep{kind: puts, key: keys.of(op.Key), value: values.of(op.Value) + 1}
		case model.MapGet:
			text, answered := records[i].answer.(model.Text)
			t.steps[i] = treeStep{kind: gets, key: keys.of(op.Key), value: values.of(string(text)) + 1}
			if !answered {
				t.steps[i].kind = unanswered
			}
		case model.MapClearAll:
			all, _ := records[i].answer.(model.Entries)
			for _, e := range all {
				keys.of(e.Key)
			}
		}
	}
	for size := fanOut; size < len(keys); size *= fanOut {
		t.height++
	}
	t.nodes = append(t.nodes, node{})
	t.number[node{}] = 0
	for i := range records {
		if clears(records[i].op) {
			t.steps[i] = t.clearing(records[i].answer, keys, values)
		}
	}
	return t
}

// unsetText is the number of "", which a get answers of a key that is not there.
const unsetText = int32(0)

// clearing is the step of a clearAll; with an answer, of the state that it shows.
func (t *tree) clearing(answer model.Answer, keys, values numbers) treeStep {
	all, answered := answer.(model.Entries)
	if !answered {
		return treeStep{kind: wipesAll}
	}
	entries := make([]answeredEntry, len(all))
	for i, e := range all {
		entries[i] = answeredEntry{keys.of(e.Key), values.of(e.Value) + 1}
	}
	slices.SortFunc(entries, func(a, b answeredEntry) int { return cmp.Compare(a.key, b.key) })
	for i := range entries[:max(0, len(entries)-1)] {
		if entries[i].key == entries[i+1].key {
			return treeStep{kind: never} // a key that comes twice
		}
	}
	return treeStep{kind: wipesExactly, state: int64(t.rootOf(entries, t.height))}
}

// answeredEntry is an entry of a clearAll's answer, by the numbers of key and value.
type answeredEntry struct{ key, value int32 }

// rootOf is the root of the tree of that height with exactly these keys, which come in
// order. It makes no intermediate nodes, as one set after the other would.
func (t *tree) rootOf(keys []answeredEntry, height int) int32 {
	var n node
	for len(keys) > 0 {
		slot := keys[0].key >> (4 * (height - 1))
		same := 1
		for same < len(keys) && keys[same].key>>(4*(height-1)) == slot {
			same++
		}
		value := keys[0].value
		if height > 1 {
			value = t.rootOf(keys[:same], height-1)
		}
		n[slot&(fanOut-1)], keys = value, keys[same:]
	}
	return t.numbered(n)
}

func (t *tree) start() int64 { return 0 }
func (t *tree) size() int    { return len(t.nodes) }

func (t *tree) apply(state int64, i int) (int64, bool) {
	s := &t.steps[i]
	switch s.kind {
	case puts:
		return int64(t.set(int32(state), t.height, s.key, s.value)), true
	case gets:
		there := t.get(int32(state), s.key)
		return state, there == s.value || there == 0 && s.value == unsetText+1
	case wipesAll:
		return 0, true
	case wipesExactly:
		return 0, state == s.state
	}
	return state, s.kind == unanswered
}

// get is the value of a key, 0 for none.
func (t *tree) get(root, key int32) int32 {
	at := root
	for level := t.height - 1; level >= 0; level-- {
		at = t.nodes[at][key>>(4*level)&(fanOut-1)]
	}
	return at
}

// set is the root of the tree with a key's value, in a tree so high.
func (t *tree) set(root int32, height int, key, value int32) int32 {
	n := t.nodes[root]
	slot := &n[key>>(4*(height-1))&(fanOut-1)]
	if height > 1 {
		value = t.set(*slot, height-1, key, value)
	}
	if *slot == value {
		return root
	}
	*slot = value
	return t.numbered(n)
}

// numbered is the number of a node, a new one if none is equal.
func (t *tree) numbered(n node) int32 {
	at, known := t.number[n]
	if !known {
		at = int32(len(t.nodes))
		t.nodes, t.number[n] = append(t.nodes, n), at
	}
	return at
}
