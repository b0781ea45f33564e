package checker

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/model"
)

// What two answers about one key say against each other has a sentence of its own, and so has
// a call that is missing.
func TestViolationsOfKeysAreNamed(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"a forgotten answer", `
			0 answer-0 1 2 submit("a") => #1 "a"
			kill 3 4
			1 answer-0 5 6 output("a") => unknown`, "the answer of an idempotency key is not known any more after a kill"},
		{"an answer that is unfinished again", `
			0 answer-0 1 2 submit("a") => #1 "a"
			1 answer-0 5 6 output("a") => unfinished`, "the answer of an idempotency key is not known any more"},
		{"a second execution", `
			0 answer-0 1 2 submit("a") => #1 "a"
			kill 3 4
			1 answer-0 5 6 submit("a") => #2 "a"`, "one idempotency key had two effects"},
		{"a second execution after another call", `
			0 answer-0 1 2 submit("a") => #1 "a"
			0 answer-0 3 9 submit("b") => #2 "b"
			kill 4 5
			1 answer-0 6 10 submit("a") => #2 "a"`, "an idempotency key was answered otherwise when it was sent or asked for again after a kill"},
		{"two answers at once", `
			0 answer-0 1 6 submit("a") => #1 "a"
			1 answer-0 2 7 attach("a") => #2 "a"
			2 answer-0 3 ? submit("b")`, "an idempotency key was answered otherwise when it was sent or asked for again"},
		{"more calls than keys", `
			0 answer-0 1 2 submit("a") => #1 "a"
			1 answer-0 3 4 get() => 2`, "one idempotency key had two effects"},
		{"metadata", `
			0 answer-0 1 2 fail("a") => error(500,"#1 a",{"call":"1"})
			stop 3 4
			1 answer-0 5 6 attach("a") => error(500,"#1 a")`, "an error lost its metadata when it was asked for again after a stop"},
		{"unknown while the server starts", `
			0 answer-0 1 2 submit("a") => #1 "a"
			kill 3 4
			1 answer-0 5 6 peek("a") => unknown`, "an answered idempotency key has no answer while the server starts after a kill"},
		{"a call that is missing", `
			0 answer-0 1 2 submit("a") => #1 "a"
			kill 3 4
			1 answer-0 5 6 get() => 0`, "an acknowledged call is missing after a kill"},
		{"two calls with one number", `
			0 answer-0 1 4 submit("a") => #1 "a"
			1 answer-0 2 5 submit("b") => #1 "b"`, "two calls were counted as one"},
		{"another key's answer", `
			0 answer-0 1 2 submit("a") => #1 "a"
			1 answer-0 5 6 output("b") => #1 "a"`, "an idempotency key got the answer of another one"},
		{"no form of an answer", `
			0 answer-0 1 2 fail("a") => error(500,"no")`, "the handler answered an error that its contract does not have"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := Check(history(t, c.text), Options{})
			require.Equal(t, Violation, r.Verdict)
			assert.Equal(t, c.want, r.Objects[0].Guarantee.String())
		})
	}
}

func TestWhatProvesNothingOfAKeyIsNoViolation(t *testing.T) {
	for name, text := range map[string]string{
		"unknown while the server starts, of a call that was not answered": `
			0 answer-0 1 9 submit("a") => #1 "a"
			kill 2 3
			1 answer-0 4 5 peek("a") => unknown
			2 answer-0 6 7 submit("b") => #2 "b"`,
		"unfinished while the server starts, of a call that a later one has seen": `
			0 answer-0 1 ? submit("a")
			1 answer-0 2 3 submit("b") => #2 "b"
			kill 4 5
			2 answer-0 6 7 peek("a") => unfinished
			2 answer-0 8 9 output("a") => #1 "a"`,
		"unfinished, then answered": `
			0 answer-0 1 9 submit("a") => #1 "a"
			1 answer-0 2 3 output("a") => unfinished
			1 answer-0 4 10 attach("a") => #1 "a"`,
		"errors without metadata, as of an SDK that has none": `
			0 answer-0 1 2 fail("a") => error(500,"#1 a")
			1 answer-0 3 4 output("a") => error(500,"#1 a")
			0 answer-0 5 6 fail("b") => error(500,"#2 b",{"call":"2"})`,
		"one key, sent twice at once": `
			0 answer-0 1 8 submit("a") => #1 "a"
			1 answer-0 2 9 submit("a") => #1 "a"`,
		"a key that nobody sent": `
			1 answer-0 3 4 output("a") => unknown
			1 answer-0 5 6 attach("a") => unknown`,
	} {
		t.Run(name, func(t *testing.T) {
			r := Check(history(t, text), Options{})
			assert.Equal(t, Pass, r.Verdict, r.Reason)
		})
	}
}

// Random histories of calls with keys, legal ones and others, are decided as by trying all
// orders.
func TestAnswersAgreeWithBruteForce(t *testing.T) {
	agreesWithBruteForce(t, model.Object{Kind: model.Answers}, 20_000, rand.New(rand.NewPCG(18, 2)), drawAnswers)
}

// drawAnswers draws a history of 3 to 7 operations on three keys, two of which fail. A third
// of the answers is changed, and a fifth of the calls is ambiguous.
func drawAnswers(rng *rand.Rand) *model.History {
	h := &model.History{Header: model.Header{Version: model.HistoryVersion, Run: "test"}, Ended: true}
	n := 3 + rng.IntN(5)
	moments := rng.Perm(3 * n)
	var effects []drawnEffect
	for i := range n {
		own := slices.Sorted(slices.Values(moments[3*i : 3*i+3]))
		at := func(k int) model.Instant { return model.Instant{Seq: int64(own[k]) + 1, Ns: int64(own[k]) + 1} }
		o := model.Invoked{ID: i + 1, Process: strconv.Itoa(i), Phase: model.Program, Object: model.Object{Kind: model.Answers}, Outcome: model.OK, Call: at(0), Return: at(2)}
		o.Attempts = []model.Attempt{{N: 1, Start: o.Call, End: o.Return, Wrote: true}}
		key := rng.IntN(3)
		value := fmt.Sprintf("v%d", key)
		switch rng.IntN(6) {
		case 0, 1, 2:
			o.Op = model.AnswerSubmit{Value: value, Fails: key > 0}
		case 3:
			o.Op = model.AnswerOutput{Value: value}
		case 4:
			o.Op = model.AnswerAttach{Value: value}
		default:
			o.Op = model.AnswerGet{}
		}
		h.Operations = append(h.Operations, o)
		effects = append(effects, drawnEffect{own[1], i})
	}
	return played(rng, h, effects, 3, otherwise)
}

// played gives the operations of a history, all on objects of one kind, their answers in the
// order of their effects, one in so many another one. A fifth of them is ambiguous.
func played(rng *rand.Rand, h *model.History, effects []drawnEffect, one int, otherwise func(*rand.Rand, model.Operation, model.Answer) model.Answer) *model.History {
	slices.SortFunc(effects, func(a, b drawnEffect) int { return a.at - b.at })
	state := h.Operations[0].Object.Kind.Initial()
	for _, e := range effects {
		o := &h.Operations[e.of]
		if state, o.Answer = o.Op.Apply(state); rng.IntN(one) == 0 {
			o.Answer = otherwise(rng, o.Op, o.Answer)
		}
		if rng.IntN(5) == 0 {
			o.Outcome, o.Reason, o.Answer = model.Ambiguous, model.Disconnected, nil
			o.Attempts[0].Reason = o.Reason
		}
	}
	slices.SortFunc(h.Operations, func(a, b model.Invoked) int { return int(a.Call.Seq - b.Call.Seq) })
	for i := range h.Operations {
		h.Operations[i].ID = i + 1
	}
	return h
}

// otherwise is another answer of the operation that its handler can give.
func otherwise(rng *rand.Rand, op model.Operation, a model.Answer) model.Answer {
	if n, counts := a.(model.Integer); counts {
		return max(0, n-1+model.Integer(rng.IntN(3)))
	}
	if model.AskingOf(op).For != nil && rng.IntN(2) == 0 {
		return model.Unknown{}
	}
	r := model.Receipt{Number: max(1, model.NumberOf(a)-1+rng.Int64N(3)), Value: model.ValueAsked(op)}
	if (r.Value != "v0") != (rng.IntN(6) == 0) {
		return r.Failure()
	}
	return r
}
