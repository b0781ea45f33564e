package checker

import (
	"retain/model"
)

// impossible says what is wrong with an answer that the operation gives in no
// state of the object, in a sentence; "" for nothing. Such an answer is a
// violation by itself.
func impossible(op model.Operation, answer model.Answer) string {
	fits := false
	switch op := op.(type) {
	case model.CounterAdd:
		c, ok := answer.(model.Change)
		if ok && c.New != c.Old+op.Delta {
			return "an add answered a new value that is not the old one plus what it added"
		}
		if ok && c.Old < 0 {
			return "a counter that only grows answered a negative value"
		}
		fits = ok
	case model.CounterAddThenFail:
		a, ok := answer.(model.Failure)
		if ok && a != (model.Failure{Code: 500}) {
			return "addThenFail answered another error than its own"
		}
		fits = ok
	case model.CounterGet:
		n, ok := answer.(model.Integer)
		if ok && n < 0 {
			return "a counter that only grows answered a negative value"
		}
		fits = ok
	case model.MapGet, model.RegisterRead, model.RegisterCompareAndSet:
		_, fits = answer.(model.Text)
	case model.ListGet, model.ListClear:
		_, fits = answer.(model.Texts)
	case model.MapClearAll:
		_, fits = answer.(model.Entries)
	default:
		_, fits = answer.(model.Done)
	}
	if !fits {
		return misfit(op, answer)
	}
	return ""
}

// misfit says what is wrong with an answer of the wrong kind.
func misfit(op model.Operation, answer model.Answer) string {
	switch answer.(type) {
	case model.Garbled:
		return "a successful answer had a body that the contract does not have"
	case model.Failure:
		return "the handler answered an error that its contract does not have"
	}
	if _, fails := op.(model.CounterAddThenFail); fails {
		return "addThenFail, which always fails, answered a success"
	}
	return "an answer is not of the kind that its handler gives"
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
	_, push := r.op.(model.ListAppend)
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
