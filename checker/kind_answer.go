package checker

import (
	"retain/model"
)

var _ = registerKind(model.Answers, kindPart{
	parts:      evidentAnswers,
	fast:       func(p part, _ search) (fast, Decision) { return decideAnswers(p.records), ByMatching },
	whyNot:     func(part) string { return "a key was sent to fail and not to fail" },
	impossible: impossibleReceipt,
	guarantee:  guaranteeOfKeys,
})

// evidentAnswers are the records that prove something. That a server which starts has no
// answer for a key proves nothing before the key was answered: 1.6.2 may say then that a call
// is unfinished which others behind it had seen. Nor does it that an error has no
// metadata, if no other answer of its key has them: not every SDK gives an error any.
func evidentAnswers(records []record, _ bool) []part {
	answered := map[string]int64{} // when a key was first answered
	metadata := map[string]bool{}  // whether an answer of it had them
	for _, r := range records {
		if !hasReceipt(r) {
			continue
		}
		value := model.ValueAsked(r.op)
		if ret, known := answered[value]; !known || r.ret < ret {
			answered[value] = r.ret
		}
		f, _ := r.answer.(model.Failure)
		metadata[value] = metadata[value] || f.Metadata != ""
	}
	out := make([]record, 0, len(records))
	for _, r := range records {
		value := model.ValueAsked(r.op)
		ret, known := answered[value]
		_, early := r.op.(model.AnswerPeek)
		if before := known && ret < r.call; early && !before && !hasReceipt(r) {
			continue
		}
		f, fails := r.answer.(model.Failure)
		if receipt, is := f.Receipt(); fails && is && !metadata[value] {
			r.answer = receipt.Failure()
		}
		out = append(out, r)
	}
	return []part{{kind: model.Answers, records: onceEach(out, keyedAnswer)}}
}

// hasReceipt reports whether the operation was answered with what a call answers.
func hasReceipt(r record) bool {
	switch r.answer.(type) {
	case model.Receipt, model.Failure:
		return true
	}
	return false
}

// impossibleReceipt is the guarantee that an answer breaks in any state: that of another key,
// an error of another form, or no answer of this handler at all.
func impossibleReceipt(op model.Operation, answer model.Answer) model.GuaranteeCode {
	value := model.ValueAsked(op)
	_, waits := op.(model.AnswerAttach)
	asks := model.AskingOf(op).For != nil
	fits := false
	switch a := answer.(type) {
	case model.Integer:
		if fits = value == ""; fits && a < 0 {
			return model.CountNegative
		}
	case model.Unknown:
		fits = asks
	case model.Unfinished:
		fits = asks && !waits
	case model.Receipt:
		if value != "" && a.Value != value {
			return model.AnswerOfOtherKey
		}
		fits = value != ""
	case model.Failure:
		receipt, is := a.Receipt()
		switch {
		case value == "" || !is:
		case receipt.Value != value:
			return model.AnswerOfOtherKey
		case a.Metadata == "" || a == receipt.Failure():
			fits = true
		}
	}
	return unless(fits, op, answer)
}

// guaranteeOfKeys names what two answers of the proof say against each other, or that its last
// one counts more calls than there were keys.
func guaranteeOfKeys(n *naming) Guarantee {
	for _, a := range n.proof.needed {
		for _, b := range n.proof.needed {
			if a.ret < b.call || a.ret < b.ret && hasReceipt(a) && hasReceipt(b) {
				if code := betweenAnswers(a, b); code != "" {
					return Guarantee{Code: code, Fault: n.faultBetween(a, b)}
				}
			}
		}
	}
	if n.moreThanKeys(keyedAnswer) {
		return Guarantee{Code: model.TwoEffectsOfKey}
	}
	return Guarantee{}
}

// betweenAnswers is the guarantee that two answers break, a before b: most are about one key.
func betweenAnswers(a, b record) model.GuaranteeCode {
	value := model.ValueAsked(a.op)
	switch {
	case value == "" || !hasReceipt(a):
		return ""
	case value != model.ValueAsked(b.op), model.ExecutesAnew(a.op), model.ExecutesAnew(b.op):
		if hasReceipt(b) && model.NumberOf(a.answer) == model.NumberOf(b.answer) {
			return model.TwoCallsOneNumber
		}
		return ""
	}
	_, early := b.op.(model.AnswerPeek)
	switch {
	case !hasReceipt(b) && early:
		return model.AnswerUnknownAtStart
	case !hasReceipt(b):
		return model.AnswerForgotten
	case a.answer.Equal(b.answer):
		return ""
	}
	if lostMetadata(a.answer, b.answer) {
		return model.MetadataLost
	}
	return model.AnswerNotKept
}

// lostMetadata reports whether two answers are one error, with other metadata.
func lostMetadata(a, b model.Answer) bool {
	f, fails := a.(model.Failure)
	g, too := b.(model.Failure)
	f.Metadata, g.Metadata = "", ""
	return fails && too && f == g
}

// keyedAnswer is what an operation says of the call with its key.
func keyedAnswer(r *record) keyed {
	k := keyed{key: model.ValueAsked(r.op), calls: !r.op.ReadOnly(), done: hasReceipt(*r), anew: model.ExecutesAnew(r.op)}
	k.absent = r.answer != nil && !k.done
	if k.done {
		k.number = model.NumberOf(r.answer)
	}
	return k
}

// decideAnswers decides calls that are counted, and the answers of their keys: see [decideKeys].
//
// Precondition: a key is sent to fail or not to fail, not both.
func decideAnswers(records []record) fast {
	called := map[string]*record{} // the first with each key
	for i := range records {
		r := &records[i]
		if r.op.ReadOnly() || model.ExecutesAnew(r.op) {
			continue
		}
		value := model.ValueAsked(r.op)
		if called[value] == nil {
			called[value] = r
		}
		if called[value].op != r.op {
			return fast{}
		}
	}
	for i := range records {
		r := &records[i]
		of := called[model.ValueAsked(r.op)]
		if of == nil || !hasReceipt(*r) {
			continue
		}
		fails := of.op.(model.AnswerSubmit).Fails
		if _, failed := r.answer.(model.Failure); fails != failed {
			return illegal(of.id, r.id)
		}
	}
	return decideKeys(records, keyedAnswer)
}
