package report

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/checker"
	"retain/harness"
	"retain/model"
)

// retried is a history of an addition that had two effects, and its run.
func retried() harness.Run {
	s := &story{}
	s.op("1", model.CounterAdd{Delta: 2}, 10, 60, model.Change{Old: 2, New: 4})
	s.op("0", model.CounterGet{}, 70, 80, model.Integer(4))
	s.Faults = []model.Fault{
		{Kind: model.Kill, Begin: ms(1), End: ms(2)},
		{Kind: model.Cut, Begin: ms(20), End: ms(22), Detail: "attempt 1 of operation 1 after its effect", Struck: []model.Struck{{ID: 1, Entry: 1, Reading: "effect"}}},
	}
	s.Recoveries = []model.Recovery{{Down: 2e6, Probe: 5e6}}
	s.Evidence = []model.Observation{
		{ID: 1, Invocation: "inv", Entry: 1, Reading: "entered", At: ms(12)}, {ID: 1, Invocation: "inv", Entry: 1, Reading: "effect", At: ms(15)},
		{ID: 1, Invocation: "inv", Entry: 1, Reading: "broken", At: ms(23)},
		{ID: 1, Invocation: "inv", Entry: 2, Reading: "entered", At: ms(50)}, {ID: 1, Invocation: "inv", Entry: 2, Reading: "finished", At: ms(55)},
		{ID: 2, Invocation: "other", Entry: 1, Reading: "entered", At: ms(72)}, {ID: 2, Invocation: "other", Entry: 1, Reading: "finished", At: ms(74)},
	}
	return harness.Run{Verdict: harness.Violation, Outcome: &harness.Outcome{History: &s.History}, Check: checker.Result{
		Verdict: checker.Violation, Objects: []checker.ObjectResult{{
			Object: model.Object{Kind: model.Counter}, Verdict: checker.Violation, Proof: []int{1, 2}, Contradiction: 2,
		}},
	}}
}

func TestAFindingNamesTheAttemptsThatWereBrokenAndThoseAfterThem(t *testing.T) {
	r := retried()
	says := "operation 1, add(2) of client 1: attempt 1 effect journaled, broken at 23 ms (cut) · attempt 2 finished at 55 ms"
	assert.Equal(t, []string{says}, attempts(r))
	assert.Contains(t, Finding(r, Context{}).String(), "attempts   "+says)

	text, err := json.Marshal(findingOf(r, nil).Attempts)
	require.NoError(t, err)
	assert.JSONEq(t, `[{"operation":1,"op":"add(2)","attempt":1,"reading":"effect","broken":true,"fault":"cut","ms":23},
		{"operation":1,"op":"add(2)","attempt":2,"reading":"finished","broken":false,"ms":55}]`, string(text))

	r.Check.Objects[0].Proof = []int{2}
	assert.Equal(t, []string{says}, attempts(r), "the proof alone has none that was broken")

	r.Outcome.History.Operations[0].Call = ms(90)
	r.Outcome.History.Operations[0].Return = ms(95)
	assert.Empty(t, attempts(r), "it came after what is shown")
}

// A fault is named where it came while the attempt was under way.
func TestABrokenAttemptNamesOnlyAFaultThatMetIt(t *testing.T) {
	r := retried()
	r.Outcome.History.Faults = r.Outcome.History.Faults[:1]
	assert.Contains(t, attempts(r)[0], "broken at 23 ms · attempt 2", "the kill was over before")
	r.Outcome.History.Faults[0] = model.Fault{Kind: model.Kill, Begin: ms(30), End: ms(31)}
	assert.Contains(t, attempts(r)[0], "broken at 23 ms · attempt 2", "the kill came later")
	r.Outcome.History.Faults[0] = model.Fault{Kind: model.Cut, Begin: ms(14), End: ms(22), Struck: []model.Struck{{ID: 2, Entry: 1}}}
	assert.Contains(t, attempts(r)[0], "broken at 23 ms · attempt 2", "the cut struck another operation")
	r.Outcome.History.Faults[0] = model.Fault{Kind: model.Crash, Begin: ms(8), End: ms(25)}
	assert.Contains(t, attempts(r)[0], "broken at 23 ms (crash) · attempt 2")
}

// The server may be killed with an answer that it has not stored: no attempt is broken then.
func TestAnAttemptWhoseAnswerTheServerLostIsNamed(t *testing.T) {
	r := retried()
	h := r.Outcome.History
	h.Evidence[2].Reading = "finished"
	h.Faults[1] = model.Fault{Kind: model.Kill, Begin: ms(30), End: ms(31)}
	assert.Equal(t, []string{"operation 1, add(2) of client 1: attempt 1 finished at 23 ms, answer lost (kill) · attempt 2 finished at 55 ms"}, attempts(r))
	h.Evidence = append(h.Evidence[:1:1], h.Evidence[3:]...) // it was suspended
	assert.Empty(t, attempts(r))
}

// Of an operation that is tried for ever, the first attempts and the last are named.
func TestManyAttemptsAreListedInPart(t *testing.T) {
	r := retried()
	h := r.Outcome.History
	h.Faults, h.Evidence = nil, nil
	for n := range 60 {
		h.Evidence = append(h.Evidence, model.Observation{ID: 1, Invocation: "inv", Entry: n + 1, Reading: "entered", At: ms(int64(100 + 2*n))},
			model.Observation{ID: 1, Invocation: "inv", Entry: n + 1, Reading: "broken", At: ms(int64(101 + 2*n))})
	}
	assert.Equal(t, []string{
		"operation 1, add(2) of client 1: attempt 1 entered, broken at 101 ms · attempt 2 entered, broken at 103 ms",
		"attempt 3 entered, broken at 105 ms · ... 56 more · attempt 60 entered, broken at 219 ms",
	}, attempts(r))
}

func TestATableNamesTheAttemptsThatAFaultStruck(t *testing.T) {
	r := retried()
	assert.Equal(t, linesOf(
		"    ms   client 0    client 1",
		"    10               add(2) called",
		"    20   ------------ cut · attempt 1 of operation 1 after its effect ------------",
		"    60               add(2) -> 2->4, called at 10 ms",
		"    70   get() -> 4   <- wrong",
	), linesOf(Operations(r.Outcome.History, []int{1, 2}, 2, "wrong")...))
}
