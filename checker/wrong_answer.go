package checker

import (
	"retain/model"
)

// misfit is the guarantee that an answer of the wrong kind breaks.
func misfit(op model.Operation, answer model.Answer) model.GuaranteeCode {
	switch answer.(type) {
	case model.Garbled:
		return model.AnswerGarbled
	case model.Failure:
		return model.ErrorUnexpected
	}
	if _, fails := op.(model.CounterAddThenFail); fails {
		return model.FailureSucceeded
	}
	return model.AnswerWrongKind
}

// usual reports whether the answer is one that fits, for the handlers that are
// called most; [impossible] knows about the others. It takes the same way for
// each of them: which one comes next can't be foretold, and a processor that
// guesses wrong loses more time than the question takes.
func usual(r *record) bool {
	_, read := r.op.(model.RegisterRead)
	_, swap := r.op.(model.RegisterCompareAndSet)
	_, get := r.op.(model.MapGet)
	_, write := r.op.(model.RegisterWrite)
	_, set := r.op.(model.MapSet)
	_, push := model.Appended(r.op)
	_, text := r.answer.(model.Text)
	_, done := r.answer.(model.Done)
	return (one(read)|one(swap)|one(get))&one(text)|(one(write)|one(set)|one(push))&one(done) == 1
}

// one is 1 for true.
func one(b bool) uint8 {
	if b {
		return 1
	}
	return 0
}
