package checker

import "retain/model"

var _ = registerKind(model.Counter, kindPart{
	fast: func(p part, _ search) (fast, Decision) { return decideCounter(p.records), ByMatching },
	whyNot: func(p part) string {
		if l := (counterHistory{}); !l.sort(p.records) {
			return "a reset overlaps other operations"
		}
		return "additions without an answer differ"
	},
	machine:    func(records []record, _ *deadline) machine { return counting{records} },
	impossible: impossibleCount,
})

func impossibleCount(op model.Operation, answer model.Answer) model.GuaranteeCode {
	fits := false
	switch op := op.(type) {
	case model.CounterAdd:
		c, ok := answer.(model.Change)
		if ok && c.New != c.Old+op.Delta {
			return model.SumWrong
		}
		if ok && c.Old < 0 {
			return model.CountNegative
		}
		fits = ok
	case model.CounterAddThenFail:
		a, ok := answer.(model.Failure)
		if ok && a != (model.Failure{Code: 500}) {
			return model.FailureWrong
		}
		fits = ok
	case model.CounterGet:
		n, ok := answer.(model.Integer)
		if ok && n < 0 {
			return model.CountNegative
		}
		fits = ok
	default:
		_, fits = answer.(model.Done)
	}
	return unless(fits, op, answer)
}
