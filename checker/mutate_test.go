package checker

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"retain/model"
)

// mutations break a history in the ways in which runtimes break. Each reports
// whether it found something to change; what it makes may still be legal.
var mutations = []struct {
	name string
	do   func(*rand.Rand, *model.History) bool
}{
	{"stale read", staleRead},
	{"lost write", lostWrite},
	{"double apply", doubleApply},
	{"swapped order", swappedOrder},
	{"phantom value", phantomValue},
	{"late acknowledgement", lateAcknowledgement},
	{"value from another key", otherKey},
	{"any answer", anyAnswer},
}

// pick draws an operation that satisfies a condition.
func pick(rng *rand.Rand, h *model.History, ok func(model.Invoked) bool) (int, bool) {
	var fit []int
	for i, o := range h.Operations {
		if ok(o) {
			fit = append(fit, i)
		}
	}
	if len(fit) == 0 {
		return 0, false
	}
	return fit[rng.IntN(len(fit))], true
}

func answered(o model.Invoked) bool { return o.Outcome == model.OK }

func reads(o model.Invoked) bool {
	_, done := o.Answer.(model.Done)
	_, failed := o.Answer.(model.Failure)
	return answered(o) && !done && !failed
}

// staleRead answers what an earlier operation of its kind answered.
func staleRead(rng *rand.Rand, h *model.History) bool {
	i, ok := pick(rng, h, reads)
	if !ok {
		return false
	}
	o := &h.Operations[i]
	j, ok := pick(rng, h, func(e model.Invoked) bool {
		return reads(e) && e.ID < o.ID && sameQuestion(e.Op, o.Op)
	})
	if !ok {
		return false
	}
	o.Answer = h.Operations[j].Answer
	return true
}

func sameQuestion(a, b model.Operation) bool {
	x, ok := a.(model.MapGet)
	y, both := b.(model.MapGet)
	if ok && both {
		return x == y
	}
	return a.Handler() == b.Handler() || a.ReadOnly() && b.ReadOnly()
}

// replay gives every later answer anew, as if the state had been changed.
func replay(h *model.History, skip, twice int) {
	type done struct {
		i  int
		at int64
	}
	var order []done
	for i, o := range h.Operations {
		if answered(o) {
			order = append(order, done{i, o.Return.Seq})
		}
	}
	slices.SortFunc(order, func(a, b done) int { return int(a.at - b.at) })
	state := h.Operations[0].Object.Kind.Initial()
	for _, d := range order {
		o := &h.Operations[d.i]
		next, answer := o.Op.Apply(state)
		o.Answer = answer
		if d.i != skip {
			state = next
		}
		if d.i == twice {
			state, _ = o.Op.Apply(state)
		}
	}
}

// lostWrite acknowledges an operation and loses its effect. Operations take
// effect at their returns then, which is legal but for the loss.
func lostWrite(rng *rand.Rand, h *model.History) bool {
	i, ok := pick(rng, h, func(o model.Invoked) bool { return answered(o) && !o.Op.ReadOnly() })
	if ok {
		replay(h, i, -1)
	}
	return ok
}

// doubleApply applies an operation twice.
func doubleApply(rng *rand.Rand, h *model.History) bool {
	i, ok := pick(rng, h, func(o model.Invoked) bool { return answered(o) && !o.Op.ReadOnly() })
	if ok {
		replay(h, -1, i)
	}
	return ok
}

// swappedOrder swaps two answers, or two elements of one.
func swappedOrder(rng *rand.Rand, h *model.History) bool {
	i, ok := pick(rng, h, reads)
	if !ok {
		return false
	}
	o := &h.Operations[i]
	if list, ok := o.Answer.(model.Texts); ok && len(list) > 1 {
		list = slices.Clone(list)
		k := rng.IntN(len(list) - 1)
		list[k], list[k+1] = list[k+1], list[k]
		o.Answer = list
		return true
	}
	j, ok := pick(rng, h, func(e model.Invoked) bool {
		return reads(e) && e.ID != o.ID && sameQuestion(e.Op, o.Op)
	})
	if ok {
		o.Answer, h.Operations[j].Answer = h.Operations[j].Answer, o.Answer
	}
	return ok
}

// phantomValue answers what nobody wrote.
func phantomValue(rng *rand.Rand, h *model.History) bool {
	i, ok := pick(rng, h, reads)
	if !ok {
		return false
	}
	o := &h.Operations[i]
	switch a := o.Answer.(type) {
	case model.Integer:
		o.Answer = a + 1
	case model.Change:
		o.Answer = model.Change{Old: a.Old + 1, New: a.New + 1}
	case model.Text:
		o.Answer = model.Text("phantom")
	case model.Texts:
		o.Answer = append(slices.Clone(a), "phantom")
	case model.Entries:
		o.Answer = append(slices.Clone(a), model.Entry{Key: "k9", Value: "phantom"})
	}
	return true
}

// lateAcknowledgement moves a return to before an effect: the acknowledgement
// came, the effect surfaces later.
func lateAcknowledgement(rng *rand.Rand, h *model.History) bool {
	i, ok := pick(rng, h, func(o model.Invoked) bool { return answered(o) && o.Return.Seq > o.Call.Seq+1 })
	if !ok {
		return false
	}
	o := &h.Operations[i]
	free := o.Call.Seq + 1 + rng.Int64N(o.Return.Seq-o.Call.Seq-1)
	for _, other := range h.Operations {
		if other.Call.Seq == free || other.Return.Seq == free {
			return false
		}
	}
	o.Return = model.Instant{Seq: free, Ns: free * 1000}
	return true
}

// otherKey answers another key's value.
func otherKey(rng *rand.Rand, h *model.History) bool {
	i, ok := pick(rng, h, func(o model.Invoked) bool { _, get := o.Op.(model.MapGet); return get && answered(o) })
	if !ok {
		return false
	}
	o := &h.Operations[i]
	j, ok := pick(rng, h, func(e model.Invoked) bool {
		set, is := e.Op.(model.MapSet)
		return is && set.Key != o.Op.(model.MapGet).Key
	})
	if ok {
		o.Answer = model.Text(h.Operations[j].Op.(model.MapSet).Value)
	}
	return ok
}

// anyAnswer gives an answer of the right type and small size.
func anyAnswer(rng *rand.Rand, h *model.History) bool {
	i, ok := pick(rng, h, reads)
	if !ok {
		return false
	}
	o := &h.Operations[i]
	text := func() string {
		if rng.IntN(3) == 0 {
			return ""
		}
		return fmt.Sprintf("v%d", 1+rng.IntN(len(h.Operations)))
	}
	switch a := o.Answer.(type) {
	case model.Integer:
		o.Answer = model.Integer(rng.IntN(4))
	case model.Change:
		old := rng.Int64N(4)
		o.Answer = model.Change{Old: old, New: old + a.New - a.Old}
	case model.Text:
		o.Answer = model.Text(text())
	case model.Texts:
		list := model.Texts{}
		for range rng.IntN(3) {
			if v := text(); v != "" {
				list = append(list, v)
			}
		}
		o.Answer = list
	case model.Entries:
		all := model.Entries{}
		for k := range 2 {
			if v := text(); v != "" {
				all = append(all, model.Entry{Key: fmt.Sprintf("k%d", k), Value: v})
			}
		}
		o.Answer = all
	}
	return true
}
