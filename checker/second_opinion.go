package checker

import (
	"slices"

	"retain/model"
)

// Porcupine asks porcupine alone, within a budget, about an object that [Check]
// called a violation, in the resolved view. It judges the object's proof
// first, from which an illegal whole follows, and then the whole. Undecided
// if the budget did not suffice; Pass if porcupine finds an order of the whole.
func Porcupine(h *model.History, r ObjectResult, o Options) Verdict {
	c := newCheck(h, o)
	for _, b := range objectsOf(h) {
		if b.Object == r.Object {
			return c.porcupine(b, r)
		}
	}
	return Undecided
}

func (c *check) porcupine(b *object, r ObjectResult) Verdict {
	parts := partsOf(b.Kind, b.records, c.shared(b.Kind))
	at := slices.IndexFunc(parts, func(p part) bool { return p.name == r.Part })
	if at < 0 {
		at = len(parts) - 1 // an entry that no operation is about by itself
	}
	must := map[int32]bool{}
	for _, id := range r.Proof {
		must[int32(id)] = true
	}
	for _, p := range parts[at].records {
		if clears(p.op) {
			must[p.id] = true // a long proof does not list all of them
		}
	}
	half := c.search().half()
	if half.run(b.Kind, withoutUnseen(relaxed(parts[at].records, must), half.deadline())) == Violation {
		return Violation
	}
	return c.search().run(b.Kind, parts[at].records)
}
