package checker

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/model"
)

// repeatedHistory is a counter that is added to twice and read, where the first addition
// is answered so when it is sent again, after a start as another version.
func repeatedHistory(t *testing.T, between, again, read string) *model.History {
	t.Helper()
	lines := `{"e":"header","version":4,"run":"r","runtime":"restate-server 1.6.2"}
{"e":"call","seq":1,"ns":1,"id":1,"process":"0","phase":"program","object":"counter-0","op":"add(1)","key":"r-1"}
{"e":"attempt","seq":2,"ns":2,"id":1,"n":1}
{"e":"attempted","seq":3,"ns":3,"id":1,"n":1,"wrote":true,"status":200}
{"e":"return","seq":4,"ns":4,"id":1,"outcome":"ok","answer":"0->1"}
{"e":"call","seq":5,"ns":5,"id":2,"process":"0","phase":"program","object":"counter-0","op":"add(1)","key":"r-2"}
{"e":"return","seq":6,"ns":6,"id":2,"outcome":"ok","answer":"1->2"}
{"e":"fault","seq":7,"ns":7,"step":3,"kind":"kill"}
{"e":"fault-end","seq":8,"ns":8,"step":3,"kind":"kill"}
{"e":"fault","seq":9,"ns":9,"step":4,"kind":"start","version":"1.7.12"}
{"e":"fault-end","seq":10,"ns":10,"step":4,"kind":"start","version":"1.7.12"}
{"e":"call","seq":11,"ns":11,"id":3,"process":"s","phase":"switch","object":"counter-0","op":"get()"}
{"e":"return","seq":12,"ns":12,"id":3,"outcome":"ok","answer":"` + between + `"}
{"e":"attempt","seq":13,"ns":13,"id":1,"n":2}
{"e":"attempted","seq":14,"ns":14,"id":1,"n":2,"wrote":true,"status":200}
{"e":"repeated","seq":15,"ns":15,"id":1,"n":2,"answer":"` + again + `"}
{"e":"call","seq":16,"ns":16,"id":4,"process":"s","phase":"switch","object":"counter-0","op":"get()"}
{"e":"return","seq":17,"ns":17,"id":4,"outcome":"ok","answer":"` + read + `"}
{"e":"end","seq":18,"ns":18}
`
	h, err := model.ReadHistory(bytes.NewReader([]byte(lines)))
	require.NoError(t, err)
	return h
}

func TestAnAnswerThatIsKeptAndReadsThatFitPass(t *testing.T) {
	r := Check(repeatedHistory(t, "2", "0->1", "2"), Options{})
	assert.Equal(t, Pass, r.Verdict, r.Reason)
}

func TestAnAnswerThatChangesWhenItIsSentAgainIsAViolationByItself(t *testing.T) {
	h := repeatedHistory(t, "2", "2->3", "2")
	r := Check(h, Options{})
	require.Equal(t, Violation, r.Verdict)
	b := r.Broken()
	assert.Equal(t, model.Guarantee{Code: model.AnswerNotKept, Object: model.Counter}, b.Guarantee)
	assert.Equal(t, []int{1}, b.Proof)
	assert.Equal(t, 1, b.Contradiction)

	w, err := Witness(h, Options{})
	require.NoError(t, err)
	require.Len(t, w.Operations, 1)
	require.Len(t, w.Operations[0].Repeats, 1)
	assert.Len(t, w.Faults, 2, "what lies between the two answers")
	again := Check(w, Options{})
	assert.Equal(t, b.Guarantee, again.Broken().Guarantee)
	var file bytes.Buffer
	require.NoError(t, model.WriteHistory(&file, w))
	back, err := model.ReadHistory(&file)
	require.NoError(t, err)
	assert.Equal(t, w.Operations, back.Operations)
}

// A key that has a second effect and keeps its answer shows in the reads.
func TestASecondEffectBehindAKeptAnswerShowsInTheReads(t *testing.T) {
	r := Check(repeatedHistory(t, "2", "0->1", "3"), Options{})
	require.Equal(t, Violation, r.Verdict)
	assert.Equal(t, model.TwoEffectsOfKey, r.Broken().Guarantee.Code)
	assert.Equal(t, OneEffect, r.Broken().Class)
}

// Where the state was lost before anything was sent again, that is what broke.
func TestALossBeforeTheReSendIsNotBlamedOnTheKey(t *testing.T) {
	r := Check(repeatedHistory(t, "0", "0->1", "1"), Options{})
	require.Equal(t, Violation, r.Verdict)
	assert.Equal(t, model.Guarantee{Code: model.AcknowledgedMissing, Operation: model.AddChange, Object: model.Counter, Fault: model.Kill}, r.Broken().Guarantee)
	r = Check(repeatedHistory(t, "0", "5->6", "6"), Options{})
	require.Equal(t, Violation, r.Verdict)
	assert.NotEqual(t, model.AnswerNotKept, r.Broken().Guarantee.Code)
}
