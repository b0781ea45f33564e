package checker

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"retain/model"
)

var mailbox = model.Object{Kind: model.Mailbox}

// deferring makes a history of a mailbox, for which the instant n is after n milliseconds.
func deferring(t *testing.T, text string, deferred map[int]model.Deferred) *model.History {
	h := history(t, text)
	h.Version = model.HistoryVersion
	for i := range h.Operations {
		o := &h.Operations[i]
		o.Deferred = deferred[o.ID]
		instants := []*model.Instant{&o.Call, &o.Return, &o.Deferred.Ran}
		if o.Resolution != nil {
			instants = append(instants, &o.Resolution.At)
		}
		for _, at := range instants {
			if *at != model.Forever {
				at.Ns = at.Seq * int64(time.Millisecond)
			}
		}
	}
	assert.NoError(t, h.Validate())
	return h
}

func ran(seq int64) model.Deferred {
	return model.Deferred{Pending: true, Ran: model.Instant{Seq: seq}}
}

func dueAt(ms int64, d model.Deferred) model.Deferred {
	d.Due = ms * int64(time.Millisecond)
	return d
}

func notRun() model.Deferred { return model.Deferred{Pending: true, Ran: model.Forever} }

func TestDeferredEffectsAreJudgedByTheirOwnTimes(t *testing.T) {
	for name, c := range map[string]struct {
		history  string
		deferred map[int]model.Deferred
		want     model.GuaranteeCode // "" for a pass
	}{
		"what was accepted has its turn before a later call": {`
			0 mailbox-0 1 2 send("a") => ok
			1 mailbox-0 3 4 get() => ["a"]`, nil, ""},
		"what was accepted is missing": {`
			0 mailbox-0 1 2 send("a") => ok
			1 mailbox-0 3 4 get() => []`, nil, model.AcknowledgedMissing},
		"an accepted send comes after a later one": {`
			0 mailbox-0 1 2 send("a") => ok
			1 mailbox-0 3 4 nap("b") => ok
			1 mailbox-0 5 6 get() => ["b","a"]`, nil, model.ListNotAsAcknowledged},
		"an accepted send is executed twice": {`
			0 mailbox-0 1 2 send("a") => ok
			1 mailbox-0 3 4 get() => ["a","a"]`, nil, model.TwoEffectsOfAppend},
		"a pending one may come later": {`
			0 mailbox-0 1 2 relay("a") => ok
			1 mailbox-0 3 4 get() => []
			1 mailbox-0 5 8 get() => ["a"]`, map[int]model.Deferred{1: ran(7)}, ""},
		"a pending one is there when it is over": {`
			0 mailbox-0 1 2 relay("a") => ok
			1 mailbox-0 6 7 get() => []`, map[int]model.Deferred{1: ran(5)}, model.AcknowledgedMissing},
		"one that is still pending need not have come": {`
			0 mailbox-0 1 2 relay("a") => ok
			1 mailbox-0 6 7 get() => []`, map[int]model.Deferred{1: notRun()}, ""},
		"one that is still pending may have come": {`
			0 mailbox-0 1 2 relay("a") => ok
			1 mailbox-0 6 7 get() => ["a"]`, map[int]model.Deferred{1: notRun()}, ""},
		"a delayed one comes when it is due": {`
			0 mailbox-0 1 2 send("a",20) => ok
			1 mailbox-0 3 22 get() => ["a"]`, map[int]model.Deferred{1: dueAt(21, ran(30))}, ""},
		"a delayed one may come a millisecond earlier": {`
			0 mailbox-0 1 2 send("a",20) => ok
			1 mailbox-0 3 20 get() => ["a"]`, map[int]model.Deferred{1: dueAt(21, ran(30))}, ""},
		"a delayed one comes before its time": {`
			0 mailbox-0 1 2 send("a",20) => ok
			1 mailbox-0 3 10 get() => ["a"]`, map[int]model.Deferred{1: dueAt(21, ran(30))}, model.RanEarly},
		"a nap that is over before its time": {`
			0 mailbox-0 1 10 nap("a",20) => ok
			1 mailbox-0 11 12 get() => ["a"]`, map[int]model.Deferred{1: dueAt(21, model.Deferred{})}, model.RanEarly},
		"what is called during a nap comes behind it": {`
			0 mailbox-0 1 30 nap("a",20) => ok
			1 mailbox-0 2 3 send("b") => ok
			2 mailbox-0 4 31 get() => ["a","b"]`, map[int]model.Deferred{1: dueAt(21, model.Deferred{})}, ""},
		"one that is due after the run has come": {`
			0 mailbox-0 1 2 send("a",3600000) => ok
			1 mailbox-0 3 10 get() => ["a"]`, map[int]model.Deferred{1: dueAt(3600001, notRun())}, model.RanEarly},
		"delayed ones come in any order": {`
			0 mailbox-0 1 2 send("a",9) => ok
			0 mailbox-0 3 4 send("b",9) => ok
			1 mailbox-0 30 31 get() => ["b","a"]`, map[int]model.Deferred{1: dueAt(10, ran(20)), 2: dueAt(12, ran(21))}, ""},
		"a drain takes what was sent": {`
			0 mailbox-0 1 2 send("a") => ok
			1 mailbox-0 3 4 drain() => ["a"]
			1 mailbox-0 5 6 get() => []`, nil, ""},
		"what a drain took comes back": {`
			0 mailbox-0 1 2 send("a") => ok
			1 mailbox-0 3 4 drain() => ["a"]
			1 mailbox-0 5 6 get() => ["a"]`, nil, model.ClearedCameBack},
	} {
		t.Run(name, func(t *testing.T) {
			r := Check(deferring(t, c.history, c.deferred), Options{})
			if c.want == "" {
				assert.Equal(t, Pass, r.Verdict, r.Reason)
				return
			}
			assert.Equal(t, Violation, r.Verdict)
			assert.Equal(t, c.want, r.Objects[0].Guarantee.Code, r.Reason)
		})
	}
}

func TestMissingSendIsNamedASend(t *testing.T) {
	r := Check(deferring(t, `
		0 mailbox-0 1 2 send("a") => ok
		kill 3 4
		1 mailbox-0 5 6 get() => []`, nil), Options{})
	assert.Equal(t, "an acknowledged send is missing after a kill", r.Objects[0].Guarantee.String())
}

// Random histories of a mailbox, legal ones and others, are decided as by trying all orders.
func TestDeferredEffectsAgreeWithBruteForce(t *testing.T) {
	agreesWithBruteForce(t, mailbox, 20_000, rand.New(rand.NewPCG(17, 1)), drawDeferred)
}

// agreesWithBruteForce fails unless n histories of one object are decided as by trying all
// orders, and some of them are legal and some are not.
func agreesWithBruteForce(t *testing.T, object model.Object, n int, rng *rand.Rand, draw func(*rand.Rand) *model.History) {
	t.Helper()
	verdicts := map[Verdict]int{}
	for range times(n) {
		h := draw(rng)
		want := Violation
		if bruteForce(h, object, model.Resolved) {
			want = Pass
		}
		f := newCheck(h, Options{}.withDefaults()).decide(object.Kind, objectsOf(h)[0].records)
		verdicts[want]++
		if f.Verdict != want {
			t.Fatalf("%s says %s, brute force %s\n%s", f.By, f.Verdict, want, dump(h))
		}
	}
	assert.Greater(t, verdicts[Pass], times(n)/10)
	assert.Greater(t, verdicts[Violation], times(n)/10)
}

// drawDeferred draws a history of 3 to 7 operations: their effects come at random moments of
// their own intervals, and half of the answers are changed.
func drawDeferred(rng *rand.Rand) *model.History {
	h := &model.History{Header: model.Header{Version: model.HistoryVersion, Run: "test"}, Ended: true}
	n := 3 + rng.IntN(5)
	seqs := rng.Perm(6 * n)
	slices.Sort(seqs[:3*n])
	moments := seqs[:3*n]
	rng.Shuffle(len(moments), func(i, j int) { moments[i], moments[j] = moments[j], moments[i] })
	var effects []drawnEffect
	for i := range n {
		own := slices.Clone(moments[3*i : 3*i+3])
		slices.Sort(own)
		at := func(k int) model.Instant {
			return model.Instant{Seq: int64(own[k]) + 1, Ns: (int64(own[k]) + 1) * int64(time.Millisecond)}
		}
		o := model.Invoked{ID: i + 1, Process: strconv.Itoa(i), Phase: model.Program, Object: mailbox, Outcome: model.OK, Call: at(0), Return: at(1)}
		o.Attempts = []model.Attempt{{N: 1, Start: o.Call, End: o.Return, Wrote: true}}
		value := fmt.Sprintf("v%d", i)
		lowest, highest := own[0], own[1]
		switch rng.IntN(5) {
		case 0:
			o.Op = model.MailboxSend{Value: value}
		case 1:
			o.Op = model.MailboxRelay{Value: value, DelayMs: 1}
			o.Deferred = model.Deferred{Pending: true, Ran: at(2)}
			highest = own[2]
			if rng.IntN(2) == 0 {
				o.Deferred.Due = o.Call.Ns + rng.Int64N(o.Deferred.Ran.Ns-o.Call.Ns)
				lowest = max(lowest, int(o.Deferred.Due/int64(time.Millisecond))-1)
			}
			if rng.IntN(4) == 0 {
				o.Deferred.Ran, highest = model.Forever, 6*n
			}
		case 2:
			o.Op = model.MailboxNap{Value: value, DelayMs: 1}
			if rng.IntN(2) == 0 {
				o.Deferred.Due = o.Call.Ns + rng.Int64N(o.Return.Ns-o.Call.Ns)*5/4
			}
		case 3:
			o.Op = model.MailboxDrain{}
		default:
			o.Op = model.MailboxGet{}
		}
		h.Operations = append(h.Operations, o)
		effects = append(effects, drawnEffect{lowest + rng.IntN(max(1, highest-lowest)), i})
	}
	answerInOrder(rng, h, effects)
	slices.SortFunc(h.Operations, func(a, b model.Invoked) int { return int(a.Call.Seq - b.Call.Seq) })
	for i := range h.Operations {
		h.Operations[i].ID = i + 1
	}
	return h
}

// drawnEffect is when the effect of an operation comes, and the operation's index.
type drawnEffect struct{ at, of int }

// answerInOrder gives operations the answers of the order of their effects, and changes half
// of those that show elements.
func answerInOrder(rng *rand.Rand, h *model.History, effects []drawnEffect) {
	slices.SortStableFunc(effects, func(a, b drawnEffect) int { return a.at - b.at })
	state := mailbox.Kind.Initial()
	for _, e := range effects {
		o := &h.Operations[e.of]
		var answer model.Answer
		state, answer = o.Op.Apply(state)
		if list, is := answer.(model.Texts); is && len(list) > 0 && rng.IntN(2) == 0 {
			i := rng.IntN(len(list))
			if rng.IntN(2) == 0 {
				answer = append(slices.Clone(list[:i]), list[i+1:]...)
			} else {
				swapped := slices.Clone(list)
				j := rng.IntN(len(list))
				swapped[i], swapped[j] = swapped[j], swapped[i]
				answer = swapped
			}
		}
		o.Answer = answer
	}
}

// The raw view knows due times as well.
func TestDeferredEffectsHaveTheirTimesInTheRawView(t *testing.T) {
	r := Check(deferring(t, `
		0 mailbox-0 1 2 send("a",20) => ok
		1 mailbox-0 3 10 get() => ["a"]
		2 mailbox-0 11 ? @41 nap("b") => ok`, map[int]model.Deferred{1: dueAt(21, ran(30))}), Options{})
	assert.Equal(t, Violation, r.Objects[0].Raw.Verdict)
}
