package checker

import (
	"slices"

	"retain/model"
)

// claim is what a sentence says of a history, looked at by brute force.
type claim struct {
	h       *model.History
	b       ObjectResult
	kind    model.Kind
	records []record // of the object, or of the entry of a map
	proof   []record // up to the contradiction, relaxed in all that is not in the proof
	last    record
}

// isTrue reports whether the sentence of a violation's guarantee is true of the history,
// as far as the history can confirm it.
func isTrue(h *model.History, b ObjectResult) bool {
	c := claim{h: h, b: b, kind: b.Object.Kind, records: objectsOf(h)[0].records}
	if b.Part != "" {
		c.records = objectsOf(projected(h, b.Part))[0].records
	}
	for _, r := range c.records {
		if int(r.id) == b.Contradiction {
			c.last = r
		}
	}
	must := map[int32]bool{}
	for _, id := range b.Proof {
		must[int32(id)] = true
	}
	history := prefix(c.records, c.last.ret)
	if c.proof = relaxed(history, must); orders(c.proof, 0, c.kind.Initial()) {
		for _, r := range c.records { // a long proof does not list them
			must[r.id] = must[r.id] || clears(r.op) && r.ret < c.last.call
		}
		c.proof = relaxed(history, must)
	}
	fault := b.Guarantee.Fault
	return c.holds(b.Guarantee) && (fault == "" || slices.ContainsFunc(h.Faults, func(f model.Fault) bool { return f.Kind == fault }))
}

func (c claim) holds(g Guarantee) bool {
	switch g.Code {
	case model.TwoEffectsOfKey:
		return explainedTwice(c.h, objectsOf(c.h)[0].records)
	case model.ValueNobodyWrote, model.ValueOfOtherKey, model.ValueOfOtherObject, model.EffectNeverSent, model.EffectRefused, model.ReadBeforeWrite, model.UnmatchedSwapSet, model.TwoEffectsOfAppend:
		return c.strange(g.Code)
	case model.TwoClearsOneValue:
		return c.twoTook(func(r record) bool { return clears(r.op) })
	case model.TwoSwapsOneValue:
		return c.twoTook(swapped)
	case model.TwoAddsOneStep:
		return c.pair(func(a, b record) bool { return a.answer.Equal(b.answer) && model.Addition(a.op) > 0 })
	case model.CountTooHigh:
		sum := -model.Addition(c.last.op)
		for _, r := range c.proof {
			sum += model.Addition(r.op)
		}
		return counted(c.last) > sum
	case model.ListReordered:
		return c.pair(c.otherOrder)
	case model.ListNotAsAcknowledged:
		return c.disordered()
	case model.ClearAllHalfDone:
		return c.halfDone()
	case model.ReadWentBack, model.AnswerWentBack:
		return c.last.op.ReadOnly() == (g.Code == model.ReadWentBack) && c.without(c.last, 0)
	case model.ClearedCameBack:
		return slices.ContainsFunc(c.records, func(r record) bool { return clears(r.op) && c.lost(r) })
	case model.NoLegalOrder:
		return true
	case model.AcknowledgedMissing:
		return slices.ContainsFunc(c.records, func(r record) bool {
			return !r.op.ReadOnly() && !clears(r.op) && changeOf(r.op) == g.Operation && c.lost(r)
		})
	}
	return c.b.Resolved.By == ByAnswer
}

// lost reports whether the proof is legal if the operation, acknowledged before the
// contradiction was called, changed nothing.
func (c claim) lost(r record) bool {
	return r.answer != nil && r.ret < c.last.call && c.without(r, r.call)
}

// without reports whether the proof is legal if the operation only looked, and was
// called then.
func (c claim) without(lost record, call int64) bool {
	var all []record
	for _, r := range c.proof {
		if r.id != lost.id {
			all = append(all, r)
			continue
		}
		if r.answer == nil {
			return false // it is no part of the proof
		}
		r.call = call
		switch op := r.op.(type) {
		case model.CounterAdd:
			r.op, r.answer = model.CounterGet{}, model.Integer(r.answer.(model.Change).Old)
		case model.RegisterCompareAndSet:
			r.op = model.RegisterRead{}
		case model.ListClear:
			r.op = model.ListGet{}
		case model.MapClearAll:
			mine := model.Text("")
			for _, e := range r.answer.(model.Entries) {
				if e.Key == c.b.Part {
					mine = model.Text(e.Value)
				}
			}
			r.op, r.answer = model.MapGet{Key: c.b.Part}, mine
		default:
			if !op.ReadOnly() {
				continue
			}
		}
		all = append(all, r)
	}
	return orders(all, 0, c.kind.Initial())
}

// writers counts the operations that may have written the value there.
func (c claim) writers(e entry) (n int) {
	for _, r := range c.records {
		if w, ok := r.writes(); ok && w == e {
			n++
		}
	}
	return n
}

func (c claim) pair(fits func(a, b record) bool) bool {
	for i, a := range c.records {
		for _, b := range c.records[i+1:] {
			if a.answer != nil && b.answer != nil && fits(a, b) {
				return true
			}
		}
	}
	return false
}

// twoTook reports whether two operations took away one value that one wrote.
func (c claim) twoTook(takes func(record) bool) bool {
	return c.pair(func(a, b record) (found bool) {
		a.eachSeen(func(x entry) {
			b.eachSeen(func(y entry) {
				found = found || takes(a) && takes(b) && x == y && x.value != "" && c.writers(x) <= 1
			})
		})
		return found
	})
}

// otherOrder reports whether an element that was appended once stands behind another
// in one answer and not in the other, which it would have to.
func (c claim) otherOrder(a, b record) bool {
	x, ok := a.answer.(model.Texts)
	y, both := b.answer.(model.Texts)
	for i, u := range x {
		for _, v := range x[:i] { // v stands before u in the one
			at, before := slices.Index(y, u), slices.Index(y, v)
			once := c.writers(entry{value: u}) <= 1
			switch {
			case !ok || !both || !once || at < 0:
			case before < 0 && b.ret < a.call, before > at && c.writers(entry{value: v}) <= 1:
				return true
			}
		}
	}
	for i, u := range y { // b may be the later one
		for _, v := range y[:i] {
			if ok && both && slices.Contains(x, u) && !slices.Contains(x, v) && a.ret < b.call && c.writers(entry{value: u}) <= 1 {
				return true
			}
		}
	}
	return false
}

// disordered reports whether an element stands before one that was acknowledged
// before it was appended.
func (c claim) disordered() bool {
	list, _ := c.last.answer.(model.Texts)
	for _, a := range c.records {
		for _, b := range c.records {
			u, ok := a.writes()
			v, both := b.writes()
			if ok && both && a.answer != nil && a.ret < b.call && c.writers(u) == 1 && c.writers(v) == 1 &&
				slices.Contains(list, v.value) && slices.Index(list, v.value) < slices.Index(list, u.value) {
				return true
			}
		}
	}
	return false
}

// halfDone reports whether each entry of a map has an order, and all have none.
func (c claim) halfDone() bool {
	keys := map[string]bool{}
	for _, r := range objectsOf(c.h)[0].records {
		if e, ok := r.writes(); ok {
			keys[e.key] = true
		}
		r.eachSeen(func(e entry) { keys[e.key] = true })
	}
	for k := range keys {
		if !bruteForce(projected(c.h, k), c.b.Object, model.Resolved) {
			return false
		}
	}
	return true
}

// strange looks up where the value is from that a sentence is about.
func (c claim) strange(code model.GuaranteeCode) bool {
	s := c.b.Stranger
	if s == nil {
		return false
	}
	shown := map[entry]int{}
	record{op: c.last.op, answer: c.h.Operations[c.last.id-1].In(model.Resolved).Answer}.eachSeen(func(e entry) {
		if e.value == s.Value && (c.b.Part == "" || e.key == c.b.Part) {
			shown[e]++
		}
	})
	for at, times := range shown {
		if c.strangeAt(code, at, times) {
			return true
		}
	}
	return false
}

func (c claim) strangeAt(code model.GuaranteeCode, at entry, shown int) bool {
	possible, before, elsewhere := 0, 0, 0
	for _, o := range c.h.Operations {
		w, ok := record{op: o.Op}.writes()
		_, did := record{op: o.Op, answer: o.In(model.Resolved).Answer}.writes()
		switch {
		case !ok || w.value != at.value:
		case w != at:
			elsewhere++
		case did && o.Outcome != model.Failed:
			if possible++; o.Call.Seq <= c.last.ret {
				before++
			}
		}
	}
	switch code {
	case model.TwoEffectsOfAppend:
		return shown > before && before > 0
	case model.ReadBeforeWrite:
		return before == 0 && possible > 0
	case model.ValueNobodyWrote:
		return possible == 0 && elsewhere == 0 && c.b.Stranger.Writers == nil
	case model.ValueOfOtherKey:
		return possible == 0 && elsewhere > 0
	}
	return possible == 0 && len(c.b.Stranger.Writers) > 0
}
