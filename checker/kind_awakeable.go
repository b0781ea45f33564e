package checker

import (
	"retain/model"
)

var _ = registerKind(model.Awakeables, kindPart{
	parts:      evidentAwakeables,
	fast:       func(p part, _ search) (fast, Decision) { return decideAwakeables(p.records), ByMatching },
	impossible: impossibleOfAwakeable,
	guarantee:  guaranteeOfAwakeables,
})

// evidentAwakeables are the records as the specification has them, in which a handler ends with
// the first completion of its awakeable.
//
// It may end later. So that it has not proves nothing, unless it was seen to have ended
// before: such records are left out. A completion that a handler asks for is taken after the
// handler's answer, and perhaps after others: it has no end, and its answer does not
// count. That the runtime does not know the handler, which is more than that it has not
// ended, is that nothing is published. Of an awakeable whose key may be executed again, nothing
// is evidence but how often it was published.
func evidentAwakeables(records []record, _ bool) []part {
	ended := map[string]int64{} // when a handler was first seen to have
	anew := map[string]bool{}   // whether its key may be executed again
	for _, r := range records {
		anew[model.AwakeableOf(r.op)] = anew[model.AwakeableOf(r.op)] || model.ExecutesAnew(r.op)
		if _, is := awaitedEnd(&r); !is {
			continue
		}
		value := model.AwakeableOf(r.op)
		if ret, known := ended[value]; !known || r.ret < ret {
			ended[value] = r.ret
		}
	}
	out := make([]record, 0, len(records))
	for _, r := range records {
		value := model.AwakeableOf(r.op)
		if anew[value] && !model.ExecutesAnew(r.op) {
			continue
		}
		ret, known := ended[value]
		if _, unfinished := r.answer.(model.Unfinished); unfinished && (!known || r.call <= ret) {
			continue
		}
		_, unknown := r.answer.(model.Unknown)
		if unknown && r.op.ReadOnly() {
			r.op = model.AwakeableID{Value: value}
		}
		if _, relays := r.op.(model.AwakeableRelay); relays && r.answer != nil && !unknown {
			r.answer, r.ret = nil, open
		}
		out = append(out, r)
	}
	return []part{{kind: model.Awakeables, records: onceEach(out, keyedAwakeable)}}
}

// awaitedEnd is what the record shows that a handler ended with; false if it shows no end.
func awaitedEnd(r *record) (model.Completion, bool) {
	if model.AskingOf(r.op).For == nil {
		return model.Completion{}, false
	}
	return model.CompletionIn(r.answer)
}

// impossibleOfAwakeable is the guarantee that an answer breaks in any state.
func impossibleOfAwakeable(op model.Operation, answer model.Answer) model.GuaranteeCode {
	_, completes := model.CompletionOf(op)
	asks := model.AskingOf(op)
	counts, awaits := model.AwakeableOf(op) == "", model.KeyOf(op) != "" || model.ExecutesAnew(op)
	fits := false
	switch a := answer.(type) {
	case model.Integer:
		if fits = counts; fits && a < 0 {
			return model.CountNegative
		}
	case model.Receipt:
		fits = !counts && !completes && asks.For == nil
		if fits && a.Value != model.AwakeableOf(op) {
			return model.AnswerOfOtherKey
		}
	case model.Done:
		fits = completes
	case model.Unknown:
		fits = !counts && !awaits
	case model.Unfinished:
		fits = asks.For != nil
	case model.Text:
		fits = asks.For != nil
	case model.Failure:
		fits = asks.For != nil && a == model.Completion{Value: a.Message, Rejected: true}.Answer()
	}
	return unless(fits, op, answer)
}

// keyedAwakeable is what an operation says of the publication of its awakeable.
func keyedAwakeable(r *record) keyed {
	k := keyed{key: model.AwakeableOf(r.op), calls: model.KeyOf(r.op) != "" || model.ExecutesAnew(r.op), anew: model.ExecutesAnew(r.op), number: model.NumberOf(r.answer)}
	_, k.absent = r.answer.(model.Unknown)
	_, unfinished := r.answer.(model.Unfinished)
	k.done = r.answer != nil && !k.absent && !unfinished
	return k
}

// decideAwakeables decides awakeables that are counted and the completions that were used, in
// O(n log n).
//
// Each awakeable is published once: see [decideKeys]. The first completion that the runtime
// takes is what its handler ends with. So all ends that were seen are equal; the first
// completion with that value was called before any of them returned; no completion with
// another value had returned when it was called; and a handler that was seen to have ended has
// not ended no more.
//
// The two halves are independent. Whatever found the awakeable published, a completion or an
// end, bounds the publication, so that each place of the publication in its interval leaves the
// completion that is used one in its own: the later of its call and the publication.
func decideAwakeables(records []record) fast {
	if f := decideKeys(records, keyedAwakeable); !f.applies || !f.legal {
		return f
	}
	of := map[string]*completions{}
	var all []*completions
	for i := range records {
		r := &records[i]
		value := model.AwakeableOf(r.op)
		a := of[value]
		if a == nil {
			a = &completions{with: map[model.Completion]*completed{}}
			of[value], all = a, append(all, a)
		}
		if !a.add(r) {
			return illegal(a.shown.id, r.id)
		}
	}
	for _, a := range all {
		if f := a.decide(); !f.legal {
			return f
		}
	}
	return fast{applies: true, legal: true}
}

// completions are those of one awakeable, and what its handler was seen to end with.
type completions struct {
	with    map[model.Completion]*completed
	shown   *record // the first to return that saw the handler's end
	without *record // the last called that did not
}

// completed are the operations that complete with one value.
type completed struct {
	first *record // by call
	acked *record // the first to return
}

// add takes in an operation; false if the handler ended otherwise than another one saw.
func (a *completions) add(r *record) bool {
	_, done := r.answer.(model.Done)
	with, completes := model.CompletionOf(r.op)
	_, ended := awaitedEnd(r)
	_, unfinished := r.answer.(model.Unfinished)
	switch {
	case completes && (r.answer == nil || done):
		a.complete(r, with)
	case unfinished:
		if a.without == nil || r.call > a.without.call {
			a.without = r
		}
	case !ended:
	case a.shown == nil:
		a.shown = r
	case !a.shown.answer.Equal(r.answer):
		return false
	case r.ret < a.shown.ret:
		a.shown = r
	}
	return true
}

// complete takes in a completion.
func (a *completions) complete(r *record, with model.Completion) {
	c := a.with[with]
	if c == nil { // records come by call
		c = &completed{first: r}
		a.with[with] = c
	}
	if r.answer != nil && (c.acked == nil || r.ret < c.acked.ret) {
		c.acked = r
	}
}

// decide judges what the handler was seen to end with.
func (a *completions) decide() fast {
	if a.shown == nil {
		return fast{applies: true, legal: true}
	}
	with, _ := awaitedEnd(a.shown)
	var winner *record
	if c := a.with[with]; c != nil {
		winner = c.first
	}
	switch {
	case winner == nil:
		return illegal(a.shown.id)
	case winner.call > a.shown.ret:
		return illegal(winner.id, a.shown.id)
	case a.without != nil && a.without.call > a.shown.ret:
		return illegal(a.shown.id, a.without.id)
	}
	if loser := a.firstBut(with); loser != nil && loser.ret < winner.call {
		return illegal(loser.id, winner.id, a.shown.id)
	}
	return fast{applies: true, legal: true}
}

// firstBut is the completion with another value that was acknowledged first, nil for none.
func (a *completions) firstBut(with model.Completion) (first *record) {
	for other, c := range a.with {
		if other != with && c.acked != nil && (first == nil || c.acked.ret < first.ret) {
			first = c.acked
		}
	}
	return first
}

// guaranteeOfAwakeables names what two answers of the proof say against each other, where the
// value comes from that a handler ended with, or that awakeables were published twice.
func guaranteeOfAwakeables(n *naming) Guarantee {
	for _, b := range n.proof.needed {
		with, ended := awaitedEnd(&b)
		if ended {
			if g := n.completedWith(b, with); !g.IsZero() {
				return g
			}
		}
		for _, a := range n.proof.needed {
			if a.ret < b.call || a.ret < b.ret {
				if code := n.betweenAwaits(a, b); code != "" {
					return Guarantee{Code: code, Fault: n.faultBetween(a, b)}
				}
			}
		}
	}
	if n.moreThanKeys(keyedAwakeable) {
		return Guarantee{Code: model.TwoEffectsOfKey}
	}
	return Guarantee{}
}

// betweenAwaits is the guarantee that two answers break, a before b.
func (n *naming) betweenAwaits(a, b record) model.GuaranteeCode {
	value := model.AwakeableOf(a.op)
	number, other := model.NumberOf(a.answer), model.NumberOf(b.answer)
	if value != model.AwakeableOf(b.op) {
		if number > 0 && number == other {
			return model.TwoCallsOneNumber
		}
		return ""
	}
	_, ended := awaitedEnd(&a)
	_, again := awaitedEnd(&b)
	_, published := b.answer.(model.Receipt)
	switch {
	case ended && again && !a.answer.Equal(b.answer):
		return model.CompletionChanged
	case number > 0 && published && number != other:
		return model.AnswerNotKept
	case ended && a.ret < b.call && n.asks(b) && !again:
		return model.AnswerForgotten
	}
	return ""
}

// asks reports whether the record's operation asks for an answer.
func (n *naming) asks(r record) bool { return model.AskingOf(n.h.Operations[r.id-1].Op).For != nil }

// completedWith is the guarantee that breaks what a handler ended with, none if nothing is known
// against it: nobody completed the awakeable with that, or another completion was
// acknowledged before.
func (n *naming) completedWith(shown record, with model.Completion) Guarantee {
	value := model.AwakeableOf(shown.op)
	var winner *record
	for i := range n.part.records {
		r := &n.part.records[i]
		_, unknown := r.answer.(model.Unknown)
		if got, is := model.CompletionOf(r.op); is && !unknown && got == with && model.AwakeableOf(r.op) == value && (winner == nil || r.call < winner.call) {
			winner = r
		}
	}
	if winner == nil || winner.call > shown.ret {
		return Guarantee{Code: n.originOf(value, with, shown)}
	}
	for _, loser := range n.proof.needed {
		got, completes := model.CompletionOf(loser.op)
		if completes && got != with && loser.answer != nil && model.AwakeableOf(loser.op) == value && loser.ret < winner.call {
			return n.unused(loser, *winner)
		}
	}
	return Guarantee{}
}

// unused is the guarantee that a completion was acknowledged before the one that was used was
// called.
func (n *naming) unused(loser, winner record) Guarantee {
	winner.ret = winner.call
	g := Guarantee{Code: model.CompletionLost, Fault: n.faultBetween(loser, winner)}
	returned, called := n.h.Operations[loser.id-1].In(model.Resolved).Return.Ns, n.h.Operations[winner.id-1].Call.Ns
	awaits := int64(-1) // not before that
	for _, r := range n.part.records {
		if await, is := r.op.(model.AwakeableAwait); is && await.Value == model.AwakeableOf(loser.op) && awaits < 0 {
			awaits = n.h.Operations[r.id-1].Call.Ns + await.DelayMs*1_000_000
		}
	}
	switch {
	case returned < awaits && called >= awaits:
		g.Code = model.EarlyCompletionLost
	case g.Fault == "":
		g.Code = model.LaterCompletionWon
	}
	return g
}

// originOf is the guarantee that breaks where a completion comes from that no operation can have
// made on its awakeable.
func (n *naming) originOf(value string, with model.Completion, seenBy record) model.GuaranteeCode {
	code := model.ValueNobodyWrote
	for i := range n.h.Operations {
		o := &n.h.Operations[i]
		if got, completes := model.CompletionOf(o.Op); !completes || got != with {
			continue
		}
		switch {
		case o.Object != n.object.Object:
			code = model.ValueOfOtherObject
		case model.AwakeableOf(o.Op) != value:
			code = model.ValueOfOtherKey
		case o.Outcome == model.Failed && o.Reached():
			return model.EffectRefused
		case o.Outcome == model.Failed:
			return model.EffectNeverSent
		case o.Call.Seq > seenBy.ret:
			return model.ReadBeforeWrite
		default:
			return model.NoLegalOrder
		}
	}
	return code
}
