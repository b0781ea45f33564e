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

var awakeables = model.Object{Kind: model.Awakeables}

// awaiting makes a history of awakeables, for which the instant n is after n milliseconds.
func awaiting(t *testing.T, text string) *model.History { return deferring(t, text, nil) }

func TestViolationsOfAwakeablesAreNamed(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"an acknowledged completion is lost", `
			0 awakeable-0 1 2 await("a") => #1 "a"
			0 awakeable-0 3 4 resolve("a","x") => ok
			kill 5 6
			1 awakeable-0 7 8 resolve("a","y") => ok
			1 awakeable-0 9 10 attach("a") => "y"`, "an acknowledged completion of an awakeable was not used after a kill"},
		{"the last completion wins", `
			0 awakeable-0 1 2 await("a") => #1 "a"
			0 awakeable-0 3 4 resolve("a","x") => ok
			1 awakeable-0 7 8 reject("a","y") => ok
			1 awakeable-0 9 10 attach("a") => error(500,"y")`, "a later completion of an awakeable won over an acknowledged one"},
		{"the last completion wins before the await", `
			0 awakeable-0 1 2 await("a",200) => #1 "a"
			0 awakeable-0 3 4 resolve("a","x") => ok
			1 awakeable-0 7 8 resolve("a","y") => ok
			1 awakeable-0 9 300 attach("a") => "y"`, "a later completion of an awakeable won over an acknowledged one"},
		{"one that precedes the await is lost", `
			0 awakeable-0 1 2 await("a",200) => #1 "a"
			0 awakeable-0 3 4 resolve("a","x") => ok
			1 awakeable-0 250 251 resolve("a","y") => ok
			1 awakeable-0 252 300 attach("a") => "y"`, "an acknowledged completion that preceded the await was not used"},
		{"the answer changes", `
			0 awakeable-0 1 2 await("a") => #1 "a"
			0 awakeable-0 3 9 resolve("a","x") => ok
			1 awakeable-0 4 10 resolve("a","y") => ok
			0 awakeable-0 11 12 output("a") => "x"
			kill 13 14
			1 awakeable-0 15 16 output("a") => "y"`, "what an awakeable was completed with changed after a kill"},
		{"the answer is forgotten", `
			0 awakeable-0 1 2 await("a") => #1 "a"
			0 awakeable-0 3 4 resolve("a","x") => ok
			0 awakeable-0 5 6 output("a") => "x"
			kill 7 8
			1 awakeable-0 9 10 output("a") => unfinished`, "the answer of an idempotency key is not known any more after a kill"},
		{"the answer is forgotten while another one is on its way", `
			0 awakeable-0 1 2 await("a") => #1 "a"
			0 awakeable-0 3 4 resolve("a","x") => ok
			1 awakeable-0 5 12 output("a") => "x"
			2 awakeable-0 6 7 output("a") => "x"
			3 awakeable-0 9 10 output("a") => unfinished`, "the answer of an idempotency key is not known any more"},
		{"the answer is unknown", `
			0 awakeable-0 1 2 await("a") => #1 "a"
			0 awakeable-0 3 4 resolve("a","x") => ok
			0 awakeable-0 5 6 output("a") => "x"
			kill 7 8
			1 awakeable-0 9 10 output("a") => unknown`, "an acknowledged await is missing after a kill"},
		{"an acknowledged await is missing", `
			0 awakeable-0 1 2 await("a") => #1 "a"
			kill 3 4
			1 awakeable-0 5 6 output("a") => unknown`, "an acknowledged await is missing after a kill"},
		{"an acknowledged await is not counted", `
			0 awakeable-0 1 2 await("a") => #1 "a"
			kill 3 4
			1 awakeable-0 5 6 get() => 0`, "an acknowledged await is missing after a kill"},
		{"a completion finds nothing", `
			0 awakeable-0 1 2 await("a") => #1 "a"
			kill 3 4
			1 awakeable-0 5 6 resolve("a","x") => unknown`, "an acknowledged await is missing after a kill"},
		{"awakeables with one number", `
			0 awakeable-0 1 4 await("a") => #1 "a"
			1 awakeable-0 2 5 await("b") => #1 "b"`, "two calls were counted as one"},
		{"a second execution", `
			0 awakeable-0 1 2 await("a") => #1 "a"
			0 awakeable-0 3 4 await("b") => #2 "b"
			kill 5 6
			1 awakeable-0 7 8 await("a") => #3 "a"`, "one idempotency key had two effects"},
		{"more awakeables than keys", `
			0 awakeable-0 1 2 await("a") => #1 "a"
			1 awakeable-0 3 4 get() => 2`, "one idempotency key had two effects"},
		{"what nobody sent", `
			0 awakeable-0 1 2 await("a") => #1 "a"
			1 awakeable-0 3 4 output("a") => "x"`, "a value appeared that nobody wrote"},
		{"what was sent to another awakeable", `
			0 awakeable-0 1 2 await("a") => #1 "a"
			0 awakeable-0 3 4 await("b") => #2 "b"
			0 awakeable-0 5 6 resolve("b","x") => ok
			1 awakeable-0 7 8 output("a") => "x"`, "a value appeared that was written under another key"},
		{"what was sent later", `
			0 awakeable-0 1 2 await("a") => #1 "a"
			1 awakeable-0 3 4 output("a") => "x"
			0 awakeable-0 5 6 resolve("a","x") => ok`, "a value was read before it was written"},
		{"no answer of the handler", `
			0 awakeable-0 1 2 await("a") => #1 "a"
			1 awakeable-0 3 4 resolve("a","x") => unfinished`, "an answer is not of the kind that its handler gives"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := Check(awaiting(t, c.text), Options{})
			require.Equal(t, Violation, r.Verdict)
			assert.Equal(t, c.want, r.Objects[0].Guarantee.String())
		})
	}
}

func TestWhatProvesNothingOfAnAwakeableIsNoViolation(t *testing.T) {
	for name, text := range map[string]string{
		"the first completion of two": `
			0 awakeable-0 1 2 await("a") => #1 "a"
			0 awakeable-0 3 4 resolve("a","x") => ok
			0 awakeable-0 5 6 reject("a","y") => ok
			0 awakeable-0 7 8 output("a") => "x"`,
		"unfinished after an acknowledged completion": `
			0 awakeable-0 1 2 await("a") => #1 "a"
			0 awakeable-0 3 4 resolve("a","x") => ok
			0 awakeable-0 5 6 output("a") => unfinished
			0 awakeable-0 7 8 output("a") => "x"`,
		"one of several at once": `
			0 awakeable-0 1 2 await("a") => #1 "a"
			0 awakeable-0 3 10 resolve("a","x") => ok
			1 awakeable-0 4 11 resolve("a","y") => ok
			2 awakeable-0 5 12 attach("a") => "y"`,
		"an ambiguous completion that comes late": `
			0 awakeable-0 1 2 await("a") => #1 "a"
			0 awakeable-0 3 ? resolve("a","x")
			kill 4 5
			1 awakeable-0 6 7 resolve("a","y") => ok
			1 awakeable-0 8 9 attach("a") => "x"`,
		"a handler's completion that comes after a later one": `
			0 awakeable-0 1 2 await("a") => #1 "a"
			0 awakeable-0 3 4 relay("a","x") => ok
			1 awakeable-0 6 7 resolve("a","y") => ok
			1 awakeable-0 8 9 attach("a") => "y"`,
		"a completion that finds nothing yet": `
			0 awakeable-0 1 9 await("a") => #1 "a"
			1 awakeable-0 2 3 resolve("a","x") => unknown
			1 awakeable-0 4 5 output("a") => unfinished
			1 awakeable-0 6 10 resolve("a","y") => ok
			1 awakeable-0 11 12 attach("a") => "y"`,
		"one value twice": `
			0 awakeable-0 1 2 await("a") => #1 "a"
			0 awakeable-0 3 4 resolve("a","x") => ok
			0 awakeable-0 5 6 resolve("a","y") => ok
			0 awakeable-0 7 8 resolve("a","x") => ok
			0 awakeable-0 9 10 attach("a") => "x"`,
		"nothing is known of the await": `
			0 awakeable-0 1 ? await("a")
			1 awakeable-0 2 3 output("a") => unknown
			1 awakeable-0 4 5 id("a") => unknown
			1 awakeable-0 6 7 get() => 0`,
	} {
		t.Run(name, func(t *testing.T) {
			r := Check(awaiting(t, text), Options{})
			assert.Equal(t, Pass, r.Verdict, r.Reason)
		})
	}
}

// Random histories of awakeables, legal ones and others, are decided as by trying all orders of a
// specification in which a handler may end some time after its completion.
func TestAwakeablesAgreeWithBruteForce(t *testing.T) {
	rng := rand.New(rand.NewPCG(19, 3))
	verdicts := map[Verdict]int{}
	n := times(40_000)
	for range n {
		h := drawAwakeables(rng)
		want := Violation
		if newAwaitOrders(h).legal(0, 0, awaitState{}) {
			want = Pass
		}
		f := newCheck(h, Options{SecondOpinion: 8}.withDefaults()).decide(model.Awakeables, objectsOf(h)[0].records)
		verdicts[want]++
		if f.Verdict != want {
			t.Fatalf("%s says %s, brute force %s\n%s", f.By, f.Verdict, want, dump(h))
		}
	}
	assert.Greater(t, verdicts[Pass], n/10)
	assert.Greater(t, verdicts[Violation], n/10)
}

// awaitState is a state of two awakeables, by their indexes.
type awaitState struct {
	count  int
	number [2]int // 0 for none
	won    [2]model.Completion
	ended  [2]bool // was seen to have
}

// awaitOrders tries all orders of a history's operations.
type awaitOrders struct {
	h    *model.History
	seen map[string]bool
}

func newAwaitOrders(h *model.History) *awaitOrders { return &awaitOrders{h, map[string]bool{}} }

// mandatory reports whether the operation must have had its effect within its interval.
func mandatory(o *model.Invoked) bool {
	_, relays := o.Op.(model.AwakeableRelay)
	return o.Outcome == model.OK && !(relays && o.Answer.Equal(model.Done{}))
}

// legal reports whether the operations that are left, those not in the set, have a legal order.
func (s *awaitOrders) legal(set, depth int, at awaitState) bool {
	key := fmt.Sprint(set, at)
	if s.seen[key] {
		return false
	}
	s.seen[key] = true
	left := false
	for i := range s.h.Operations {
		left = left || set&(1<<i) == 0 && mandatory(&s.h.Operations[i])
	}
	if !left {
		return true
	}
	for i := range s.h.Operations {
		o := &s.h.Operations[i]
		if set&(1<<i) != 0 || s.behind(o, set) {
			continue
		}
		next := at
		if next.takes(o) && s.legal(set|1<<i, depth+1, next) {
			return true
		}
	}
	return false
}

// behind reports whether an operation that is left returned before this one was called.
func (s *awaitOrders) behind(o *model.Invoked, set int) bool {
	for j := range s.h.Operations {
		p := &s.h.Operations[j]
		if set&(1<<j) == 0 && mandatory(p) && p.Return.Seq < o.Call.Seq {
			return true
		}
	}
	return false
}

// takes lets the operation have its effect, and reports whether its answer is possible.
func (s *awaitState) takes(o *model.Invoked) bool {
	v, _ := strconv.Atoi(model.AwakeableOf(o.Op))
	answer := o.Answer
	if !mandatory(o) {
		answer = nil
	}
	is := func(want model.Answer) bool { return answer == nil || answer == want }
	switch op := o.Op.(type) {
	case model.AwakeableGet:
		return is(model.Integer(s.count))
	case model.AwakeableAwait:
		if s.number[v] == 0 {
			s.count++
			s.number[v] = s.count
		}
		return is(model.Receipt{Number: int64(s.number[v]), Value: op.Value})
	case model.AwakeableID:
		if s.number[v] == 0 {
			return is(model.Unknown{})
		}
		return is(model.Receipt{Number: int64(s.number[v]), Value: op.Value})
	case model.AwakeableOutput:
		if answer == model.Answer(model.Unfinished{}) {
			return !s.ended[v]
		}
		if s.number[v] == 0 {
			return is(model.Unknown{})
		}
		s.ended[v] = true
		return s.won[v] != model.Completion{} && is(s.won[v].Answer())
	}
	if s.number[v] == 0 {
		return is(model.Unknown{})
	}
	if with, _ := model.CompletionOf(o.Op); s.won[v] == (model.Completion{}) {
		s.won[v] = with
	}
	return is(model.Done{})
}

// drawAwakeables draws a history of 3 to 7 operations on two awakeables. A fifth of the
// operations is ambiguous, and a fourth of the answers is changed.
func drawAwakeables(rng *rand.Rand) *model.History {
	h := &model.History{Header: model.Header{Version: model.HistoryVersion, Run: "test"}, Ended: true}
	n := 3 + rng.IntN(5)
	moments := rng.Perm(4 * n)
	var effects []drawnEffect
	for i := range n {
		own := slices.Sorted(slices.Values(moments[4*i : 4*i+4]))
		at := func(k int) model.Instant { return model.Instant{Seq: int64(own[k]) + 1, Ns: int64(own[k]) + 1} }
		o := model.Invoked{ID: i + 1, Process: strconv.Itoa(i), Phase: model.Program, Object: awakeables, Outcome: model.OK, Call: at(0), Return: at(2)}
		o.Attempts = []model.Attempt{{N: 1, Start: o.Call, End: o.Return, Wrote: true}}
		value := strconv.Itoa(rng.IntN(2))
		result := fmt.Sprintf("r%d", rng.IntN(3))
		effect := own[1]
		switch rng.IntN(9) {
		case 0, 1, 2:
			o.Op = model.AwakeableAwait{Value: value}
		case 3, 4:
			o.Op = model.AwakeableResolve{Value: value, Result: result}
		case 5:
			o.Op = model.AwakeableReject{Value: value, Reason: result}
			if rng.IntN(2) == 0 {
				o.Op = model.AwakeableRelay{Value: value, Result: result}
				effect = own[1+2*rng.IntN(2)]
			}
		case 6, 7:
			o.Op = model.AwakeableOutput{Value: value}
		default:
			o.Op = model.AwakeableID{Value: value}
			if rng.IntN(2) == 0 {
				o.Op = model.AwakeableGet{}
			}
		}
		h.Operations = append(h.Operations, o)
		effects = append(effects, drawnEffect{effect, i})
	}
	return played(rng, h, effects, 4, otherwiseAwaited)
}

// otherwiseAwaited is another answer of the operation that can be given.
func otherwiseAwaited(rng *rand.Rand, op model.Operation, a model.Answer) model.Answer {
	some := func(of ...model.Answer) model.Answer { return of[rng.IntN(len(of))] }
	receipt := model.Receipt{Number: 1 + rng.Int64N(2), Value: model.AwakeableOf(op)}
	switch op.(type) {
	case model.AwakeableGet:
		return max(0, a.(model.Integer)-1+model.Integer(rng.IntN(3)))
	case model.AwakeableAwait:
		return receipt
	case model.AwakeableID:
		return some(receipt, model.Unknown{})
	case model.AwakeableOutput:
		text := fmt.Sprintf("r%d", rng.IntN(3))
		return some(model.Unknown{}, model.Unfinished{}, model.Unfinished{}, model.Text(text), model.Text(text), model.Completion{Value: text, Rejected: true}.Answer())
	}
	return some(model.Done{}, model.Unknown{})
}
