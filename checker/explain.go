package checker

import (
	"slices"
	"time"
)

// What the explanation of an object's verdict may take: it is a service, not the
// verdict. The class has its share first.
const (
	explainEffort = 8 * perSecond / 10
	classEffort   = 3 * perSecond / 10
)

// explainTime is how long after the end of the budget an explanation ends at last.
const explainTime = 800 * time.Millisecond

// explain says what broke, by which operations: found is the verdict on the resolved
// view, raw that on the raw one.
func (c *check) explain(b *object, found finding, raw Verdict, r *ObjectResult) {
	r.Part = found.part.name
	if found.answer != "" {
		id := int(found.ids[0])
		r.Class, r.Guarantee, r.Contradiction, r.Entered = StateGuarantee, Guarantee{Code: found.answer, Object: b.Kind}, id, found.entered
		for _, id := range slices.Sorted(slices.Values(found.ids)) {
			r.Proof = append(r.Proof, int(id))
		}
		return
	}
	bounded := c.bounded((*effort)(nil).part(explainEffort))
	bounded.until = c.until.Add(explainTime)
	if r.Class = bounded.bounded(bounded.effort.part(classEffort)).classOf(b, raw); r.Class == UnknownClass {
		r.Reason = "which kind of guarantee broke is not known: it could not be decided in time whether second effects explain the history"
		if raw == Undecided {
			r.Reason = "which kind of guarantee broke is not known: the raw history could not be decided"
		}
	}
	p := prover{illegal: func(records []record) bool {
		return bounded.illegal(part{found.part.kind, found.part.name, records})
	}, budget: bounded.search()}.prove(found.part.records, found.ids)
	r.Contradiction = int(p.last.id)
	for _, o := range withoutEarlyClears(p) {
		r.Proof = append(r.Proof, int(o.id))
	}
	slices.Sort(r.Proof)
	(&naming{check: bounded, object: b, part: found.part, proof: p, joint: found.joint}).addTo(r)
}

// spent reports whether the budget is spent.
func (c *check) spent() bool { return c.search().spent() }

// illegal reports whether the part is proven to have no legal order, within the budget.
func (c *check) illegal(p part) bool {
	return !c.spent() && decideFast(p, c.search()).Verdict == Violation
}
