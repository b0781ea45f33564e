package checker

import (
	"retain/model"
)

// otherwise finds the first operation of an object that was answered otherwise when it was
// sent again under its key; false if none was. It is not what broke if the object's history
// had no legal order before: then the state that the answers are from was lost.
func (c *check) otherwise(b *object) (finding, bool) {
	var first *model.Repeat
	id := int32(0)
	for _, i := range b.operations {
		o := &c.h.Operations[i]
		if r := o.AnsweredOtherwise(); r != nil && (first == nil || r.At.Seq < first.At.Seq) {
			first, id = r, int32(o.ID)
		}
	}
	if first == nil || c.decide(b.Kind, prefix(b.records, first.At.Seq)).Verdict == Violation {
		return finding{}, false
	}
	broke := model.AnswerNotKept
	if lostMetadata(c.h.Operations[id-1].In(model.Resolved).Answer, first.Answer) {
		broke = model.MetadataLost
	}
	return finding{
		Judgement: Judgement{Verdict: Violation, By: ByAnswer}, part: part{kind: b.Kind, records: b.records},
		answer: broke, ids: []int32{id},
	}, true
}
