package checker

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/model"
)

// managing makes a history in which each operation is the step of its number and, unless it
// asks for another one's answer or is on an invocation, has that as its key. keys are those of
// operations that share one, by number.
func managing(t *testing.T, text string, keys map[int]string) *model.History {
	h := history(t, text)
	h.Version = model.HistoryVersion
	for i := range h.Operations {
		o := &h.Operations[i]
		o.Step = o.ID
		if _, manages := o.Op.(model.Manage); !manages {
			o.Key = "k" + string(rune('0'+o.ID))
		}
		if key := keys[o.ID]; key != "" {
			o.Key = key
		}
	}
	require.NoError(t, h.Validate())
	return h
}

func TestOperationsOnInvocationsAreJudgedByWhatTheyLeave(t *testing.T) {
	same := map[int]string{1: "v", 3: "v", 4: "v"}
	for name, c := range map[string]struct {
		history string
		keys    map[int]string
		want    model.GuaranteeCode // "" for a pass
	}{
		"a killed addition that had its effect": {`
			0 counter-0 1 4 add(1) => error(409,"killed")
			1 counter-0 2 3 kill(1) => ok
			1 counter-0 5 6 get() => 1`, nil, ""},
		"a killed addition that had none": {`
			0 counter-0 1 4 add(1) => error(409,"killed")
			1 counter-0 2 3 kill(1) => ok
			1 counter-0 5 6 get() => 0`, nil, ""},
		"a kill that was not acknowledged": {`
			0 counter-0 1 4 add(1) => error(409,"killed")
			1 counter-0 2 ? kill(1)
			2 counter-0 5 6 get() => 0`, nil, ""},
		"an addition that was answered before it could be killed": {`
			0 counter-0 1 4 add(1) => 0->1
			1 counter-0 2 3 kill(1) => ok
			1 counter-0 5 6 get() => 0`, nil, model.AcknowledgedMissing},
		"an addition that nobody killed": {`
			0 counter-0 1 4 add(1) => error(409,"killed")
			1 counter-0 5 6 get() => 0`, nil, model.ErrorUnexpected},
		"an addition of which another was killed": {`
			0 counter-0 1 4 add(1) => error(409,"killed")
			0 counter-0 5 6 add(1) => 0->1
			1 counter-0 7 8 kill(2) => ok`, nil, model.ErrorUnexpected},
		"a pause ends nothing": {`
			0 counter-0 1 4 add(1) => error(409,"killed")
			1 counter-0 2 3 pause(1) => ok`, nil, model.ErrorUnexpected},
		"a restart is one more effect": {`
			0 counter-0 1 2 add(1) => 0->1
			1 counter-0 3 4 restart(1,"add(1)") => 1->2
			1 counter-0 5 6 get() => 2`, nil, ""},
		"a restart that is missing": {`
			0 counter-0 1 2 add(1) => 0->1
			1 counter-0 3 4 restart(1,"add(1)") => 1->2
			1 counter-0 5 6 get() => 1`, nil, model.AcknowledgedMissing},
		"a send that was cancelled": {`
			0 mailbox-0 1 2 send("a") => ok
			1 mailbox-0 3 4 cancel(1) => ok
			1 mailbox-0 5 6 get() => []`, nil, ""},
		"a send that was cancelled too late": {`
			0 mailbox-0 1 2 send("a") => ok
			1 mailbox-0 3 4 cancel(1) => ok
			1 mailbox-0 5 6 get() => ["a"]`, nil, ""},
		"a send that was not": {`
			0 mailbox-0 1 2 send("a") => ok
			1 mailbox-0 3 4 resume(1) => ok
			1 mailbox-0 5 6 get() => []`, nil, model.AcknowledgedMissing},
		"a purged key that is executed again": {`
			0 answer-0 1 2 submit("v") => #1 "v"
			1 answer-0 3 4 purge(1) => ok
			1 answer-0 5 6 submit("v") => #2 "v"
			2 answer-0 7 8 output("v") => #2 "v"
			2 answer-0 9 10 get() => 2`, same, ""},
		"a purged key that is not known": {`
			0 answer-0 1 2 submit("v") => #1 "v"
			1 answer-0 3 4 purge(1) => ok
			1 answer-0 5 6 output("v") => unknown
			2 answer-0 9 10 get() => 1`, same, ""},
		"a key that was purged after it was sent twice": {`
			0 answer-0 1 2 submit("v") => #1 "v"
			1 answer-0 3 4 purge(1) => ok
			1 answer-0 5 6 submit("v") => #1 "v"
			2 answer-0 9 10 get() => 1`, same, ""},
		"a purge that found nothing": {`
			0 answer-0 1 2 submit("v") => #1 "v"
			3 answer-0 3 ? purge(1)
			1 answer-0 5 6 submit("v") => #2 "v"`, same, model.TwoEffectsOfKey},
		"a purged key with two executions for one call": {`
			0 answer-0 1 2 submit("v") => #1 "v"
			1 answer-0 3 4 purge(1) => ok
			2 answer-0 9 10 get() => 2`, same, model.TwoEffectsOfKey},
		"a killed call whose key is sent again": {`
			0 answer-0 1 4 submit("v") => error(409,"killed")
			1 answer-0 2 3 kill(1) => ok
			1 answer-0 5 6 submit("v") => error(409,"killed")
			2 answer-0 7 8 output("v") => error(409,"killed")
			2 answer-0 9 10 get() => 0`, same, ""},
		"a later call that is answered with an earlier one's execution": {`
			0 answer-0 1 ? submit("v")
			1 answer-0 2 3 kill(1) => ok
			2 answer-0 4 5 submit("w") => #2 "w"
			1 answer-0 6 7 submit("v") => #1 "v"`, map[int]string{1: "v", 4: "v"}, ""},
		"a purged await that is executed again": {`
			0 awakeable-0 1 2 await("v") => #1 "v"
			1 awakeable-0 3 4 kill(1) => ok
			1 awakeable-0 5 6 purge(1) => ok
			1 awakeable-0 7 8 await("v") => #1 "v"
			2 awakeable-0 9 10 id("v") => #2 "v"
			2 awakeable-0 11 12 get() => 2`, map[int]string{1: "v", 4: "v"}, ""},
		"a purged await with two executions for one call": {`
			0 awakeable-0 1 2 await("v") => #1 "v"
			1 awakeable-0 5 6 purge(1) => ok
			2 awakeable-0 11 12 get() => 2`, map[int]string{1: "v"}, model.TwoEffectsOfKey},
		"a restarted call keeps the answer of its key": {`
			0 answer-0 1 2 submit("v") => #1 "v"
			1 answer-0 3 4 restart(1,"submit(\"v\")") => #2 "v"
			1 answer-0 5 6 output("v") => #2 "v"`, same, model.AnswerNotKept},
	} {
		t.Run(name, func(t *testing.T) {
			h := managing(t, c.history, c.keys)
			if strings.HasSuffix(name, "found nothing") {
				h.Operations[1].Outcome, h.Operations[1].Return, h.Operations[1].Attempts = model.Failed, model.Instant{Seq: 4}, nil
			}
			r := Check(h, Options{})
			if c.want == "" {
				assert.Equal(t, Pass, r.Verdict, r.Reason)
				return
			}
			require.Equal(t, Violation, r.Verdict)
			assert.Equal(t, c.want, r.Objects[0].Guarantee.Code, r.Reason)
		})
	}
}

// What was ended may be entered again as long as the server that ended it runs: only after
// the next start it is certain that it came back.
func TestEndedInvocationThatEntersItsHandlerAfterAStartIsAViolation(t *testing.T) {
	const called = `
		0 counter-0 1 6 add(1) => error(409,"killed")
		1 counter-0 3 4 kill(1) => ok
		kill 7 8
		start 9 10
		1 counter-0 12 13 get() => 0`
	const sent = `
		0 mailbox-0 1 2 send("a",9000) => ok
		1 mailbox-0 4 5 kill(1) => ok
		kill 7 8
		start 9 10
		1 mailbox-0 12 13 get() => []`
	const cancelled = `
		0 mailbox-0 1 2 send("a",9000) => ok
		1 mailbox-0 4 5 cancel(1) => ok
		kill 7 8
		start 9 10
		1 mailbox-0 12 13 get() => []`
	const awaited = `
		0 awakeable-0 1 3 await("v",9000) => #1 "v"
		1 awakeable-0 4 5 kill(1) => ok
		kill 7 8
		start 9 10
		1 awakeable-0 12 13 get() => 1`
	at := func(seq int64, invocation string, entry int) model.Observation {
		return model.Observation{At: model.Instant{Seq: seq}, ID: 1, Invocation: invocation, Entry: entry, Reading: "entered"}
	}
	for name, c := range map[string]struct {
		text     string
		evidence []model.Observation
		want     Verdict
		status   int // of what was done to it
	}{
		"a send whose cancel was done at once":            {cancelled, []model.Observation{at(11, "inv_1", 1)}, Violation, 200},
		"a send whose cancel was accepted":                {cancelled, []model.Observation{at(11, "inv_1", 1)}, Pass, 202},
		"an await that was answered before it was killed": {awaited, []model.Observation{at(2, "inv_1", 1), at(11, "inv_1", 2)}, Violation, 0},
		"entered again after the start":                   {called, []model.Observation{at(2, "inv_1", 1), at(11, "inv_1", 2)}, Violation, 0},
		"entered again before the start":                  {called, []model.Observation{at(2, "inv_1", 1), at(5, "inv_1", 2)}, Pass, 0},
		"late evidence of the first entry":                {called, []model.Observation{at(2, "inv_1", 1), at(11, "inv_1", 1)}, Pass, 0},
		"a restart that is entered twice":                 {called, []model.Observation{at(2, "inv_1", 1), at(5, "inv_2", 1), at(11, "inv_2", 2)}, Pass, 0},
		"it waited its turn, and runs after the start":    {called, []model.Observation{at(11, "inv_1", 1)}, Violation, 0},
		"a killed send that is executed after the start":  {sent, []model.Observation{at(11, "inv_1", 1)}, Violation, 0},
		"a send that was executed before it was killed":   {sent, []model.Observation{at(3, "inv_1", 1)}, Pass, 0},
		"another invocation, such as a restart":           {called, []model.Observation{at(2, "inv_1", 1), at(11, "inv_2", 1)}, Pass, 0},
	} {
		t.Run(name, func(t *testing.T) {
			h := managing(t, c.text, nil)
			h.Evidence, h.Operations[1].Attempts[0].Status = c.evidence, c.status
			r := Check(h, Options{})
			require.Equal(t, c.want, r.Verdict)
			if c.want == Violation {
				assert.Equal(t, model.EndedRanAgain, r.Objects[0].Guarantee.Code)
				assert.Equal(t, []int{1, 2}, r.Objects[0].Proof)
				assert.Equal(t, c.evidence[len(c.evidence)-1], *r.Objects[0].Entered)
				endedWitnessed(t, h)
			}
		})
	}
}

// endedWitnessed requires that the witness is the operation that ran again and its end, and
// that it lasts to the entry that came too late.
func endedWitnessed(t *testing.T, h *model.History) {
	t.Helper()
	w, err := Witness(h, Options{})
	require.NoError(t, err)
	require.Len(t, w.Operations, 2)
	assert.Equal(t, model.EndedRanAgain, Check(w, Options{}).Objects[0].Guarantee.Code)
	var stored bytes.Buffer
	require.NoError(t, model.WriteHistory(&stored, w))
	read, err := model.ReadHistory(&stored)
	require.NoError(t, err)
	again, err := Witness(read, Options{})
	require.NoError(t, err, "it is one when it was stored, too")
	assert.Len(t, again.Operations, 2)
	_, to, err := SpanOf(h, h.Operations[0].Object, Options{})
	require.NoError(t, err)
	assert.Equal(t, h.Evidence[len(h.Evidence)-1].At.Seq, to.Seq)
}
