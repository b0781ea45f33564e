package triage

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/checker"
	"retain/harness"
	"retain/model"
	"retain/runtime/introspect"
)

var register0 = model.Object{Kind: model.Register}

func TestUnknownInvocationIsLocatedByItsEvidence(t *testing.T) {
	write := model.Invoked{ID: 1, Call: model.Instant{Seq: 1}, Return: model.Instant{Seq: 4}, Outcome: model.OK, Answer: model.Done{}}
	entered := []model.Observation{{ID: 1, Reading: "entered", At: model.Instant{Seq: 2}}}
	stop := func(begin, end int64) []model.Fault {
		return []model.Fault{{Kind: "stop", Begin: model.Instant{Seq: begin}, End: model.Instant{Seq: end}}}
	}
	for name, c := range map[string]struct {
		faults   []model.Fault
		evidence []model.Observation
		says     string
	}{
		"it ran, and a stop":           {stop(5, 6), entered, "gone from the log (no invocation, "},
		"it ran while the server ends": {stop(3, 6), entered, "gone from the log (no invocation, "},
		"it never ran":                 {stop(5, 6), nil, "not in the log (no invocation, "},
		"no stop":                      {nil, entered, "and unknown to the server without a restart (no invocation, "},
		"one that was over":            {stop(2, 3), entered, "and unknown to the server without a restart (no invocation, "},
	} {
		h := &model.History{Operations: []model.Invoked{write}, Faults: c.faults, Evidence: c.evidence}
		w := locator{diagnosis: &diagnosis{run: &harness.Run{Outcome: &harness.Outcome{History: h}}, last: model.Invoked{ID: 2, Return: model.Instant{Seq: 9}}}}
		assert.Equal(t, c.says, w.gone(account{}, write), name)
	}
}

// The value should never have been there.
func TestWrongValueDoesNotComeBack(t *testing.T) {
	d := diagnosisOfAnswer(t, `"v2"`, nil)
	assert.Empty(t, d.lost)
	reads := []model.Invoked{{Object: register0, Op: model.RegisterRead{}, Outcome: model.OK, Answer: model.Text("v1")}}
	late, back := d.late(recheck{restarted: true, reads: map[model.Phase][]model.Invoked{model.Late: reads, model.Later: reads}})
	assert.False(t, back)
	assert.Equal(t, harness.Hypothesis{What: "late", Fact: `right again: "v1" after 0s, still "v1" after one more restart`}, late)
}

func TestSilentServerRulesNothingOut(t *testing.T) {
	a := recheck{problem: errors.New("it did not come up")}
	d := diagnosisOf(t, []model.Event{})
	late, back := d.late(a)
	assert.False(t, back)
	assert.Equal(t, harness.Hypothesis{What: "late", Fact: "it could not be read again: it did not come up"}, late)
	assert.Equal(t, harness.Hypothesis{What: "wrong server", Fact: "it was not asked again"}, a.wrongServer())
	a.wrong = errors.New("connection refused")
	assert.Equal(t, harness.Hypothesis{What: "wrong server", Fact: "it was not shown: connection refused"}, a.wrongServer())
}

// inOrder is a history of one object, one operation after the other.
func inOrder(object model.Object, all ...model.Invoked) *model.History {
	h := &model.History{Header: model.Header{Version: model.HistoryVersion}}
	for i, o := range all {
		o.ID, o.Object, o.Process, o.Outcome = i+1, object, "0", model.OK
		o.Call, o.Return = model.Instant{Seq: int64(2*i + 1)}, model.Instant{Seq: int64(2*i + 2)}
		h.Operations = append(h.Operations, o)
	}
	return h
}

// Earlier reads of them do not matter.
func TestLostAreTheFewestNewestWrites(t *testing.T) {
	write := func(v string) model.Invoked {
		return model.Invoked{Op: model.RegisterWrite{Value: v}, Answer: model.Done{}}
	}
	read := func(v string) model.Invoked {
		return model.Invoked{Op: model.RegisterRead{}, Answer: model.Text(v)}
	}
	lost := func(all ...model.Invoked) (ids []int) {
		h := inOrder(register0, all...)
		d := newDiagnosis(&harness.Run{Outcome: &harness.Outcome{History: h}, Check: checker.Check(h, checker.Options{})}, nil)
		for _, o := range d.lost {
			ids = append(ids, o.ID)
		}
		return ids
	}
	assert.Equal(t, []int{1}, lost(write("a"), read("a"), read("")))
	assert.Equal(t, []int{2}, lost(write("a"), write("b"), read("b"), read("a")))
	assert.Equal(t, []int{1, 2}, lost(write("a"), write("b"), read("")))
	assert.Equal(t, []int{2, 4}, lost(write("a"), write("b"), read("b"), write("c"), read("a")))
	assert.Empty(t, lost(write("a"), read("nobody's")))
}

func TestElementThatComesBackElsewhereIsDisplaced(t *testing.T) {
	list := model.Object{Kind: model.List}
	h := inOrder(list, model.Invoked{Op: model.ListAppend{Value: "a"}, Answer: model.Done{}},
		model.Invoked{Op: model.ListGet{}, Answer: model.Texts{}}, model.Invoked{Op: model.ListAppend{Value: "b"}, Answer: model.Done{}})
	d := newDiagnosis(&harness.Run{Outcome: &harness.Outcome{History: h}, Check: checker.Check(h, checker.Options{})}, nil)
	require.Len(t, d.lost, 1)
	read := func(values ...string) []model.Invoked {
		return []model.Invoked{{Object: list, Op: model.ListGet{}, Outcome: model.OK, Answer: model.Texts(values)}}
	}
	assert.Equal(t, missing, d.presenceIn(read("b")))
	assert.Equal(t, present, d.presenceIn(read("a", "b")))
	assert.Equal(t, displaced, d.presenceIn(read("b", "a")))
	late, back := d.late(recheck{restarted: true, reads: map[model.Phase][]model.Invoked{model.Late: read("b", "a")}})
	assert.True(t, back)
	assert.Equal(t, harness.Hypothesis{What: "late", Fact: `came back, and not where it belongs: ["b","a"] after 0s`}, late)
}

// diagnosisOf is a diagnosis about a write that a read does not show, with more
// events before the read.
func diagnosisOf(t *testing.T, events []model.Event) *diagnosis {
	return diagnosisOfAnswer(t, `""`, events)
}

// diagnosisOfAnswer is the same with another answer of the read.
func diagnosisOfAnswer(t *testing.T, answer string, events []model.Event) *diagnosis {
	t.Helper()
	h := &model.History{}
	seq := int64(0)
	add := func(events ...func(model.Instant) model.Event) {
		for _, e := range events {
			seq++
			require.NoError(t, h.Apply(e(model.Instant{Seq: seq, Ns: seq * 1000})))
		}
	}
	call := func(id int, op model.Operation, answer string) {
		add(func(model.Instant) model.Event {
			return model.Called{Instant: model.Instant{Seq: seq, Ns: seq * 1000}, ID: id, Process: "0", Object: register0, Op: op.String()}
		}, func(at model.Instant) model.Event { return model.Attempting{Instant: at, ID: id, N: 1} },
			func(at model.Instant) model.Event {
				return model.Attempted{Instant: at, ID: id, N: 1, Wrote: true, Status: 200}
			}, func(at model.Instant) model.Event {
				return model.Returned{Instant: at, ID: id, Outcome: model.OK, Answer: answer}
			})
	}
	require.NoError(t, h.Apply(model.Header{Version: model.HistoryVersion, Run: "r"}))
	call(1, model.RegisterWrite{Value: "v1"}, "ok")
	for _, e := range events {
		require.NoError(t, h.Apply(e))
	}
	call(2, model.RegisterRead{}, answer)
	check := checker.Check(h, checker.Options{})
	require.Equal(t, checker.Violation, check.Verdict, check.Reason)
	d := newDiagnosis(&harness.Run{Outcome: &harness.Outcome{ID: "r", History: h}, Check: check}, nil)
	require.NotNil(t, d)
	return d
}

// No handler was entered, and no probe was answered before.
func TestUnseenFactIsNotRuledOut(t *testing.T) {
	d := diagnosisOf(t, nil)
	assert.Equal(t, harness.Hypothesis{What: "not sent", Fact: "1 attempt, handler never seen to run, 200"}, d.notSent())
	assert.True(t, d.notReady(harness.Hypothesis{}).RuledOut, "there was no start")

	at := d.last.Call.Ns
	early := diagnosisOf(t, []model.Event{model.Recovery{Spawned: at - 2000}})
	assert.Equal(t, harness.Hypothesis{What: "not ready", Fact: "the call came before a probe had passed"}, early.notReady(harness.Hypothesis{What: "late"}))
	assert.Equal(t, harness.Hypothesis{What: "not ready", Fact: "the call came before a probe had passed; a read after probes gave the same answer", RuledOut: true},
		early.notReady(harness.Hypothesis{What: "late", RuledOut: true}))
	ready := diagnosisOf(t, []model.Event{model.Recovery{Spawned: at - 2000, Probe: at - 1000}})
	assert.Equal(t, harness.Hypothesis{What: "not ready", Fact: "a probe had passed less than 1 ms before", RuledOut: true}, ready.notReady(harness.Hypothesis{}))
	again := diagnosisOf(t, []model.Event{model.Recovery{Spawned: at - 2500, Probe: at - 2000}, model.Recovery{Spawned: at - 1000, Probe: at + 1000}})
	assert.False(t, again.notReady(harness.Hypothesis{}).RuledOut, "the last start counts")
}

// The check is that of the history.
func TestLaterReadsAreJudged(t *testing.T) {
	d := diagnosisOf(t, nil)
	require.Len(t, d.lost, 1)
	read := func(value string) []model.Invoked {
		return []model.Invoked{{Object: register0, Op: model.RegisterRead{}, Outcome: model.OK, Answer: model.Text(value)}}
	}
	assert.Equal(t, missing, d.presenceIn(read("")))
	assert.Equal(t, present, d.presenceIn(read("v1")))
	assert.Equal(t, missing, d.presenceIn(read("other")))
	for phase, want := range map[[2]string]string{
		{"", ""}:     `gone: still "" after 1s, still "" after one more restart`,
		{"v1", "v1"}: `came back: "v1" after 1s, still "v1" after one more restart`,
		{"", "v1"}:   `came back: still "" after 1s, "v1" after one more restart`,
		{"v1", ""}:   `came back and went again: "v1" after 1s, "" after one more restart`,
	} {
		late, back := d.late(recheck{waited: time.Second, restarted: true, reads: map[model.Phase][]model.Invoked{model.Late: read(phase[0]), model.Later: read(phase[1])}})
		assert.Equal(t, want, late.Fact)
		assert.Equal(t, back, !late.RuledOut)
		assert.Equal(t, phase == [2]string{}, late.RuledOut)
	}
}

// Handlers that keep an object elsewhere leave nothing of it in the state table: that must not
// read as if the server agreed with them.
func TestStateTableWithoutTheObjectDoesNotAgree(t *testing.T) {
	a := account{known: true, complete: true, status: "completed"}
	says := func(state table) string { return locator{diagnosis: &diagnosis{}}.fate(a, state, model.Invoked{}) }
	assert.Equal(t, "its invocation is completed and its journal is complete, and the state table has nothing of the object", says(table{empty: true}))
	assert.Equal(t, "its invocation is completed and its journal is complete, and the state table agrees", says(table{}))
}

// An add in a database beside Restate is acknowledged, and nothing of it is in the journal.
func TestChangeWhoseJournalChangesNoStateIsSaid(t *testing.T) {
	journal := func(types ...string) (rows []introspect.Row) {
		for _, name := range types {
			rows = append(rows, introspect.Row{"entry_type": name})
		}
		return rows
	}
	for name, c := range map[string]struct {
		journal []introspect.Row
		changes bool
		of      int
		inert   bool
	}{
		"a change elsewhere":     {journal("Command: Input", "Command: Run", "Notification: Run", "Command: Output"), true, 4, true},
		"a change":               {journal("Command: Input", "Command: SetState", "Command: Output"), true, 3, false},
		"a clear, by protocol 3": {journal("Input", "ClearAllState", "Output"), true, 3, false},
		"a read":                 {journal("Command: Input", "Command: GetEagerState", "Command: Output"), false, 3, false},
		"half of a journal":      {journal("Command: Input", "Command: Output"), true, 3, false},
		"not complete":           {journal("Command: Input", "Command: Run"), true, 2, false},
	} {
		a := account{known: true, status: "completed", of: c.of}
		a.read(c.journal, c.changes)
		assert.Equal(t, c.inert, a.inert, name)
		assert.Equal(t, c.inert, strings.Contains(a.words(), "its complete journal changes no state"), name)
	}
}
