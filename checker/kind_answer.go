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
	return []part{{kind: model.Answers, records: out}}
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
	last := n.proof.last
	count, _ := last.answer.(model.Integer)
	keys := map[string]bool{}
	for _, r := range n.part.records {
		if !r.op.ReadOnly() && r.call < last.ret {
			keys[model.ValueAsked(r.op)] = true
		}
	}
	if max(int64(count), model.NumberOf(last.answer)) > int64(len(keys)) {
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
	case value != model.ValueAsked(b.op):
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

// decideAnswers decides calls that are counted, and the answers of their keys, in
// O(n log n).
//
// A key has at most one execution, which ends at one moment: not before the first call with
// the key, nor before the call of anything that found no answer for it, and not after the
// return of anything that was answered. So all operations on a key are one addition with that
// interval, which answered its number, or one without an answer if none is known. What is
// left is a counter: see [decideCounter].
//
// Precondition: a key is sent to fail or not to fail, not both.
func decideAnswers(records []record) fast {
	of := map[string]*execution{}
	var all []*execution
	out := make([]record, 0, len(records))
	for i := range records {
		r := &records[i]
		value := model.ValueAsked(r.op)
		if value == "" {
			out = append(out, record{id: r.id, op: model.CounterGet{}, answer: r.answer, call: r.call, ret: r.ret})
			continue
		}
		e := of[value]
		if e == nil {
			e = &execution{}
			of[value], all = e, append(all, e)
		}
		if !e.add(r) {
			return illegal(e.answered.id, r.id)
		}
	}
	for _, e := range all {
		f, r, counts := e.addition()
		if !counts {
			if f.applies || e.mixed {
				return f
			}
			continue
		}
		out = append(out, r)
	}
	sortByCall(out)
	return decideCounter(out)
}

// execution is what is known of the execution of one key.
type execution struct {
	called   *record // the first that called
	mixed    bool    // one of them fails, another does not
	without  *record // the last called that found no answer
	answered *record // the first to return with an answer
}

// add takes in an operation; false if it is answered otherwise than another.
func (e *execution) add(r *record) bool {
	if !r.op.ReadOnly() {
		if e.called == nil { // records come by call
			e.called = r
		}
		e.mixed = e.mixed || e.called.op != r.op
	}
	switch {
	case r.answer == nil:
	case !hasReceipt(*r):
		if e.without == nil || r.call > e.without.call {
			e.without = r
		}
	case e.answered == nil:
		e.answered = r
	default:
		if !e.answered.answer.Equal(r.answer) {
			return false
		}
		if r.ret < e.answered.ret {
			e.answered = r
		}
	}
	return true
}

// addition is the execution as an addition to a counter; false if there need not have been
// one, or if what is known of it is illegal or can't be said.
func (e *execution) addition() (fast, record, bool) {
	switch {
	case e.mixed:
		return fast{}, record{}, false
	case e.called == nil && e.answered != nil:
		return illegal(e.answered.id), record{}, false
	case e.called == nil:
		return fast{}, record{}, false
	}
	r := record{id: e.called.id, op: model.CounterAdd{Delta: 1}, call: e.called.call, ret: open}
	if e.without != nil {
		r.call = max(r.call, e.without.call)
	}
	if e.answered == nil {
		return fast{}, r, true
	}
	fails := e.called.op.(model.AnswerSubmit).Fails
	if _, failed := e.answered.answer.(model.Failure); fails != failed {
		return illegal(e.called.id, e.answered.id), record{}, false
	}
	if r.ret = e.answered.ret; r.call > r.ret {
		ids := []int32{e.called.id, e.answered.id}
		if e.without != nil {
			ids = append(ids, e.without.id)
		}
		return illegal(ids...), record{}, false
	}
	n := model.NumberOf(e.answered.answer)
	r.answer = model.Change{Old: n - 1, New: n}
	return fast{}, r, true
}
