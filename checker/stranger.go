package checker

import (
	"retain/model"
)

// stranger is a value in the last answer of a proof that can't be there, and its key.
type stranger struct {
	Stranger
	entry
	guarantee model.GuaranteeCode
}

// stranger returns a value in the last answer that can't be there, nil for none. Of a
// clearAll it examines the whole answer, with all entries.
func (n *naming) stranger() *stranger {
	last := n.proof.last
	if n.part.kind == model.Map && clears(last.op) {
		last.answer = n.h.Operations[last.id-1].In(model.Resolved).Answer
	}
	var found *stranger
	seen, clock := map[entry]int{}, deadline{until: n.until}
	last.eachSeen(func(e entry) {
		if found != nil || e.value == "" || clock.gone(1) {
			return
		}
		seen[e]++
		wrong, writers := n.origin(n.object, e, last)
		if wrong == "" && n.part.kind.IsList() && seen[e] > len(writers) {
			wrong = model.TwoEffectsOfAppend
		}
		if wrong != "" {
			found = &stranger{Stranger{Value: e.value, Writers: writers}, e, wrong}
		}
	})
	return found
}

// writing maps each value to the indexes of the operations that wrote it or would
// have, of all objects.
func writing(h *model.History) map[string][]int {
	out := map[string][]int{}
	for i := range h.Operations {
		if wrote, ok := (record{op: model.Effective(h.Operations[i].Op)}).writes(); ok {
			out[wrote.value] = append(out[wrote.value], i)
		}
	}
	return out
}

// origin is the guarantee that breaks where a value came from, "" for none, and which
// operations wrote it or would have.
func (c *check) origin(b *object, e entry, seenBy record) (model.GuaranteeCode, []int) {
	var fits, unmatched, unsent, turnedAway, late, early, underOther, toOther []int
	due := c.due()
	for _, i := range c.writing()[e.value] {
		o := &c.h.Operations[i]
		wrote, _ := record{op: model.Effective(o.Op)}.writes()
		_, did := record{op: model.Effective(o.Op), answer: o.In(model.Resolved).Answer}.writes()
		switch failed := o.Outcome == model.Failed; {
		case o.Object != b.Object:
			toOther = append(toOther, o.ID)
		case wrote != e:
			underOther = append(underOther, o.ID)
		case !did:
			unmatched = append(unmatched, o.ID)
		case failed && o.Reached():
			turnedAway = append(turnedAway, o.ID)
		case failed:
			unsent = append(unsent, o.ID)
		case o.Call.Seq > seenBy.ret:
			late = append(late, o.ID)
		case due.after(o.Deferred.Due) > seenBy.ret:
			early = append(early, o.ID)
		default:
			fits = append(fits, o.ID)
		}
	}
	for _, wrong := range []struct {
		guarantee model.GuaranteeCode
		writers   []int
	}{
		{"", fits}, {model.RanEarly, early}, {model.ReadBeforeWrite, late}, {model.EffectRefused, turnedAway}, {model.EffectNeverSent, unsent}, {model.UnmatchedSwapSet, unmatched},
		{model.ValueOfOtherKey, underOther}, {model.ValueOfOtherObject, toOther},
	} {
		if wrong.writers != nil {
			return wrong.guarantee, wrong.writers
		}
	}
	return model.ValueNobodyWrote, nil
}
