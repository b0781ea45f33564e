package model_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/model"
)

func at(seq int64) model.Instant { return model.Instant{Seq: seq, Ns: seq * 1000} }

// answered is an operation that is well-formed: a get of a counter, answered 1.
func answered(id int, process string, call, ret int64) model.Invoked {
	return model.Invoked{
		ID: id, Process: process, Object: model.Object{Kind: model.Counter}, Op: model.CounterGet{},
		Call: at(call), Return: at(ret), Outcome: model.OK, Answer: model.Integer(1),
		Attempts: []model.Attempt{{N: 1, Start: at(call), End: at(ret), Wrote: true, Status: 200}},
	}
}

func ambiguous(id int, process string, call, ret int64) model.Invoked {
	o := answered(id, process, call, ret)
	o.Outcome, o.Reason, o.Answer = model.Ambiguous, model.TimedOut, nil
	return o
}

func TestValidateAcceptsWhatCanHappen(t *testing.T) {
	resolved := ambiguous(2, "1", 2, 5)
	resolved.Resolution = &model.Resolution{At: at(12), By: "resend", Answer: model.Integer(1)}
	open := ambiguous(4, "1.1", 7, 8)
	open.Return = model.Forever
	failed := ambiguous(5, "0", 9, 10)
	failed.Outcome, failed.Attempts = model.Failed, []model.Attempt{
		{N: 1, Wrote: false, Reason: model.NotSent}, {N: 2, Wrote: true, Status: 404, Reason: model.Rejected},
	}
	h := &model.History{Operations: []model.Invoked{answered(1, "0", 1, 3), resolved, answered(3, "0", 4, 6), open, failed}}
	assert.NoError(t, h.Validate())
	assert.NoError(t, (&model.History{}).Validate())
}

func TestValidateNamesWhatIsIllFormed(t *testing.T) {
	change := func(how func(o *model.Invoked)) []model.Invoked {
		o := answered(1, "0", 1, 3)
		how(&o)
		return []model.Invoked{o}
	}
	resolve := func(o *model.Invoked, seq int64, a model.Answer) {
		o.Outcome, o.Answer = model.Ambiguous, nil
		o.Resolution = &model.Resolution{At: at(seq), By: "resend", Answer: a}
	}
	twice := ambiguous(1, "0", 1, 2)
	twice.Resolution = &model.Resolution{At: at(3), By: "resend", Answer: model.Integer(1)}
	for _, c := range []struct {
		name string
		ops  []model.Invoked
		want string
	}{
		{"returned before its call", change(func(o *model.Invoked) { o.Return = at(0) }), "it returned at 0, before its call at 1"},
		{"returned at its call", change(func(o *model.Invoked) { o.Return = at(1) }), "it returned at 1, before its call at 1"},
		{"answered but open", change(func(o *model.Invoked) { o.Return = model.Forever }), "outcome ok, but it never returned"},
		{"failed but open", change(func(o *model.Invoked) { o.Outcome, o.Return = model.Failed, model.Forever }), "outcome failed, but it never returned"},
		{"ok without an answer", change(func(o *model.Invoked) { o.Answer = nil }), "outcome ok with answer <nil>"},
		{"ambiguous with an answer", change(func(o *model.Invoked) { o.Outcome = model.Ambiguous }), "outcome ambiguous with answer 1"},
		{"failed with an answer", change(func(o *model.Invoked) { o.Outcome = model.Failed }), "outcome failed with answer 1"},
		{"no outcome", change(func(o *model.Invoked) { o.Outcome = "" }), `outcome "": want ok, failed or ambiguous`},
		{"failed although it was written", change(func(o *model.Invoked) { o.Outcome, o.Answer = model.Failed, nil }), "it is called failed although an attempt wrote its request"},
		{"no operation", change(func(o *model.Invoked) { o.Op = nil }), "the operation is not one of a counter"},
		{"another kind's operation", change(func(o *model.Invoked) { o.Op = model.ListGet{} }), "the operation is not one of a counter"},
		{"resolved although ok", change(func(o *model.Invoked) {
			o.Resolution = &model.Resolution{At: at(9), Answer: model.Integer(1)}
		}), "it was resolved although its outcome is ok"},
		{"resolved without an answer", change(func(o *model.Invoked) { resolve(o, 9, nil) }), "it was resolved without an answer"},
		{"resolved before its call", change(func(o *model.Invoked) { resolve(o, 1, model.Integer(1)) }), "it was resolved at 1, before its call at 1"},
		{"a gap", []model.Invoked{answered(2, "0", 1, 2)}, "operation 2 (counter-0 get()) stands at place 1"},
		{"two open in one process", []model.Invoked{answered(1, "0", 1, 4), answered(2, "0", 3, 5)}, "process 0 still had operation 1 open"},
		{"a process goes on after an ambiguous outcome", []model.Invoked{ambiguous(1, "0", 1, 2), answered(2, "0", 3, 4)}, "process 0 still had operation 1 open"},
		{"calls share an instant", []model.Invoked{answered(1, "0", 1, 3), answered(2, "1", 1, 4)}, "share the sequence number 1"},
		{"call and return share an instant", []model.Invoked{answered(1, "0", 1, 3), answered(2, "1", 3, 4)}, "share the sequence number 3"},
		{"resolution and call share an instant", []model.Invoked{twice, answered(2, "1", 3, 4)}, "share the sequence number 3"},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := (&model.History{Operations: c.ops}).Validate()
			assert.ErrorContains(t, err, c.want)
		})
	}
}

func TestRawViewIgnoresResolutions(t *testing.T) {
	ok := answered(1, "0", 1, 3)
	failed := ok
	failed.Outcome = model.Failed
	open := ambiguous(1, "0", 1, 3)
	open.Op = model.CounterAdd{Delta: 1}
	resolved := open
	resolved.Resolution = &model.Resolution{At: at(9), By: model.Resend, Answer: model.Integer(7)}

	for _, v := range []model.View{model.Resolved, model.Raw} {
		assert.Equal(t, ok, ok.In(v))
		assert.Equal(t, failed, failed.In(v))
		assert.Equal(t, model.Forever, open.In(v).Return, "an unresolved operation may take effect at any later time")
		assert.Equal(t, model.Ambiguous, open.In(v).Outcome)
	}
	in := resolved.In(model.Resolved)
	assert.Equal(t, model.OK, in.Outcome)
	assert.Equal(t, model.Integer(7), in.Answer)
	assert.Equal(t, at(1), in.Call)
	assert.Equal(t, at(9), in.Return)
	raw := resolved.In(model.Raw)
	assert.Equal(t, model.Ambiguous, raw.Outcome)
	assert.Nil(t, raw.Answer)
	assert.Equal(t, model.Forever, raw.Return)
	assert.Equal(t, at(3), resolved.Return, "a view changes nothing")

	lookedUp := open
	lookedUp.Attempts = []model.Attempt{{N: 1, Wrote: true}}
	lookedUp.Resolution = &model.Resolution{At: at(9), By: model.LookUp, Answer: model.Integer(7)}
	assert.Equal(t, model.OK, lookedUp.In(model.Raw).Outcome, "a look-up executes nothing")
	lookedUp.Attempts = append(lookedUp.Attempts, model.Attempt{N: 2, Wrote: true})
	assert.Equal(t, model.Ambiguous, lookedUp.In(model.Raw).Outcome, "its client had sent it twice")
	read := resolved
	read.Op = model.CounterGet{}
	assert.Equal(t, model.OK, read.In(model.Raw).Outcome, "a read has no effect to have twice")
}

func TestWrittenAttemptsMayHaveRun(t *testing.T) {
	for _, c := range []struct {
		attempts []model.Attempt
		want     bool
	}{
		{nil, false},
		{[]model.Attempt{{Reason: model.NotSent}}, false},
		{[]model.Attempt{{Reason: model.NotSent}, {Wrote: true, Reason: model.Rejected}}, false},
		{[]model.Attempt{{Wrote: true, Reason: model.TimedOut}, {Reason: model.NotSent}}, true}, // the last one never decides
		{[]model.Attempt{{Wrote: true, Reason: model.Unexpected}}, true},
		{[]model.Attempt{{Wrote: true, Reason: model.Rejected}, {Wrote: true, Reason: model.Disconnected}}, true},
	} {
		assert.Equal(t, c.want, model.Invoked{Attempts: c.attempts}.MayHaveRun(), "%v", c.attempts)
	}
}

// An attempt without an end counts as written: the file may have been cut off.
func TestOpenAttemptsMayHaveRun(t *testing.T) {
	h, err := collect([]model.Event{
		model.Called{Instant: at(1), ID: 1, Object: model.Object{Kind: model.Counter}, Op: "add(1)"},
		model.Attempting{Instant: at(2), ID: 1, N: 1},
	})
	require.NoError(t, err)
	o := h.Operations[0]
	assert.True(t, o.MayHaveRun())
	assert.Equal(t, model.Ambiguous, o.Outcome)
	assert.Equal(t, model.LeftOpen, o.Reason)
	assert.Equal(t, model.Forever, o.Return)
	assert.False(t, h.Ended)
}

func TestIsSharedFollowsTheHeader(t *testing.T) {
	h := &model.Header{Shared: []string{"Counter/get", "Register/read"}}
	assert.True(t, h.IsShared(model.CounterGet{}))
	assert.False(t, h.IsShared(model.CounterAdd{}))
	assert.True(t, h.IsShared(model.RegisterRead{}))
	assert.False(t, h.IsShared(model.RegisterRead{Exclusive: true}))
	assert.False(t, h.IsShared(model.MapGet{Key: "a"}))
}
