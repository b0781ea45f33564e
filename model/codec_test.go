package model_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"retain/model"
)

func TestEventsReadBackFromTheirLine(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		for _, e := range stream.Draw(t, "events") {
			line := model.EncodeEvent(e)
			if n := bytes.Count(line, []byte("\n")); n != 1 || line[len(line)-1] != '\n' {
				t.Fatalf("%q is not one line", line)
			}
			back, err := model.DecodeEvent(line)
			require.NoError(t, err)
			require.Equal(t, e, back)
		}
	})
}

func TestHistoriesReadBackExactly(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		events := stream.Draw(t, "events")
		want, err := collect(events)
		require.NoError(t, err)
		got, err := model.ReadHistory(iotest.OneByteReader(bytes.NewReader(file(events))))
		require.NoError(t, err)
		require.Equal(t, want, got)
		require.Empty(t, got.Damage)
	})
}

// A history that is written whole reads back as the same, for any events.
func TestHistoriesAreWrittenAsTheyWereRead(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want, err := collect(stream.Draw(t, "events"))
		require.NoError(t, err)
		var text bytes.Buffer
		require.NoError(t, model.WriteHistory(&text, want))
		got, err := model.ReadHistory(&text)
		require.NoError(t, err)
		require.Equal(t, want, got)
	})
}

// A kill cuts a file anywhere: events that were written whole are read, the last one even
// without its newline, and a partial one is reported.
func TestHistoryCutOffAnywhereKeepsWholeEvents(t *testing.T) {
	for seed := range 20 {
		events := stream.Example(seed)
		if len(events) > 5 {
			events = events[:5]
		}
		text := file(events)
		header := len(model.EncodeEvent(events[0])) - 1
		for n := range len(text) {
			h, err := model.ReadHistory(bytes.NewReader(text[:n]))
			if n < header {
				require.ErrorContains(t, err, "history line 1: the header is missing or cut off")
				continue
			}
			require.NoError(t, err, "the first %d bytes", n)
			whole := bytes.Count(text[:n], []byte("\n"))
			rest := n - 1 - bytes.LastIndexByte(text[:n], '\n')
			if text[n] == '\n' {
				whole, rest = whole+1, 0
			}
			want, err := collect(events[:whole])
			require.NoError(t, err)
			if rest > 0 {
				want.Damage = fmt.Sprintf("line %d is cut off after %d bytes: the run was killed while it wrote it", whole+1, rest)
			}
			require.Equal(t, want, h, "the first %d bytes", n)
		}
	}
}

const (
	headerLine = `{"e":"header","version":1,"run":"r","runtime":"simulated"}`
	callLine   = `{"e":"call","seq":1,"ns":10,"id":1,"process":"0","phase":"program","object":"counter-0","op":"add(1)"}`
)

// Every other damage is an error that names the line, also in the last line if
// it was written whole.
func TestBrokenHistoriesNameTheLine(t *testing.T) {
	for _, c := range []struct{ name, lines, want string }{
		{"empty file", "", "line 1: the header is missing or cut off"},
		{"not JSON", "hello\n", "line 1: not a JSON object: invalid character 'h'"},
		{"no header", callLine + "\n", "line 1: the first line is not a header"},
		{"two headers", headerLine + "\n" + headerLine + "\n", "line 2: event header: a second header"},
		{"a later version", `{"e":"header","version":6}` + "\n", "line 1: event header: the history has format version 6; this retain reads up to 5: use a newer one"},
		{"no version", `{"e":"header"}` + "\n", `line 1: event header: the field "version" is missing`},
		{"cut in the middle", headerLine + "\n" + callLine[:40] + "\n" + callLine + "\n", "line 2: not a JSON object: it ends within the event: write each event on one line"},
		{"cut but ended", headerLine + "\n" + callLine[:40] + "\n", "line 2: not a JSON object: it ends within the event"},
		{"two in one line", headerLine + "\n" + callLine + callLine + "\n", "line 2: not a JSON object: invalid character '{' after top-level value"},
		{"empty line", headerLine + "\n\n" + callLine + "\n", "line 2: it is blank: remove it"},
		{"null", headerLine + "\nnull\n", `line 2: not a JSON object`},
		{"unknown event", headerLine + "\n" + `{"e":"called"}` + "\n", `line 2: no event is called "called"`},
		{"wrong type", headerLine + "\n" + strings.Replace(callLine, `"id":1`, `"id":"1"`, 1) + "\n", "line 2: event call: the field \"id\" is \"1\": want an integer"},
		{"no object", headerLine + "\n" + strings.Replace(callLine, "counter-0", "counter", 1) + "\n", `line 2: event call: object "counter"`},
		{"no operation", headerLine + "\n" + strings.Replace(callLine, "add(1)", "write(1)", 1) + "\n", `line 2: event call: operation "write(1)" of a counter`},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := model.ReadHistory(strings.NewReader(c.lines))
			assert.ErrorContains(t, err, "history "+c.want)
		})
	}
}

// An event that does not fit what came before is refused.
func TestEventsOutOfPlaceAreRefused(t *testing.T) {
	call := model.Called{ID: 1, Object: model.Object{Kind: model.Counter}, Op: "get()"}
	attempt := model.Attempting{ID: 1, N: 1}
	returned := model.Returned{ID: 1, Outcome: model.OK, Answer: "1"}
	for _, c := range []struct {
		before []model.Event
		event  model.Event
		want   string
	}{
		{nil, model.Called{ID: 2}, "event call: operation 2 follows operation 0"},
		{[]model.Event{call}, call, "event call: operation 1 follows operation 1"},
		{nil, model.Called{ID: 1, Object: call.Object, Op: "pop()"}, "has add, addThenFail, get and reset, not pop"},
		{nil, attempt, "event attempt: operation 1 was never called"},
		{[]model.Event{call}, model.Attempting{ID: 1, N: 2}, "event attempt: attempt 2 of operation 1 follows attempt 0"},
		{[]model.Event{call, attempt}, attempt, "event attempt: attempt 1 of operation 1 follows attempt 1"},
		{nil, model.Attempted{ID: 1, N: 1}, "event attempted: operation 1 was never called"},
		{[]model.Event{call}, model.Attempted{ID: 1, N: 1}, "event attempted: attempt 1 of operation 1 never began"},
		{[]model.Event{call, attempt}, model.Attempted{ID: 1, N: 0}, "event attempted: attempt 0 of operation 1 never began"},
		{[]model.Event{call, attempt, model.Attempted{ID: 1, N: 1}}, model.Attempted{ID: 1, N: 1}, "event attempted: attempt 1 of operation 1 ended twice"},
		{nil, returned, "event return: operation 1 was never called"},
		{[]model.Event{call, returned}, returned, "event return: operation 1 returned twice"},
		{[]model.Event{call}, model.Returned{ID: 1, Answer: "?"}, `event return: answer "?"`},
		{nil, model.ResolvedAs{ID: 1, Answer: "1"}, "event resolved: operation 1 was never called"},
		{nil, model.RepeatedAs{ID: 1, N: 1, Answer: "1"}, "event repeated: operation 1 was never called"},
		{[]model.Event{call}, model.RepeatedAs{ID: 1, N: 1, Answer: "1"}, "event repeated: attempt 1 of operation 1 never began"},
		{[]model.Event{call}, model.ResolvedAs{ID: 1}, `event resolved: answer ""`},
		{[]model.Event{call, model.ResolvedAs{ID: 1, Answer: "1"}}, model.ResolvedAs{ID: 1, Answer: "1"}, "event resolved: operation 1 was resolved twice"},
		{nil, model.FaultEnded{Kind: "kill", Step: 3}, "event fault-end: no kill of step 3 is open"},
		{[]model.Event{model.FaultBegan{Kind: "kill", Step: 3}}, model.FaultEnded{Kind: "kill", Step: 3, Target: "node-2"}, "event fault-end: no kill of node-2 of step 3 is open"},
		{[]model.Event{model.FaultBegan{Kind: "stop", Step: 3}}, model.FaultEnded{Kind: "kill", Step: 3}, "event fault-end: no kill of step 3 is open"},
		{nil, model.Seen{ID: 1}, "event evidence: operation 1 was never called"},
	} {
		h := &model.History{}
		for i, e := range c.before {
			at := model.Instant{Seq: int64(i + 1)}
			switch e := e.(type) { // what ended has an end
			case model.Returned:
				e.Instant = at
				require.NoError(t, h.Apply(e))
			case model.Attempted:
				e.Instant = at
				require.NoError(t, h.Apply(e))
			default:
				require.NoError(t, h.Apply(e))
			}
		}
		assert.ErrorContains(t, h.Apply(c.event), c.want)
	}
}

func TestReadErrorsAreReturned(t *testing.T) {
	broken := errors.New("disk on fire")
	_, err := model.ReadHistory(iotest.ErrReader(broken))
	assert.ErrorIs(t, err, broken)
	assert.ErrorContains(t, err, "history line 1")
}

// Every field of every event has its place in the history.
func TestHistoryHoldsEveryFieldOfEvents(t *testing.T) {
	h, err := collect([]model.Event{
		model.Header{Version: 1, Run: "r", Runtime: "process", Settings: "s", Shared: []string{"Counter/get"}, Plan: []byte(`{}`)},
		model.Called{Instant: at(1), ID: 1, Process: "2.1", Step: 7, Phase: model.Program, Object: model.Object{Kind: model.List, N: 3}, Op: `append("v7")`, Key: "k"},
		model.Attempting{Instant: at(2), ID: 1, N: 1},
		model.Attempted{Instant: at(3), ID: 1, N: 1, Status: 503, Reason: model.Unavailable, Detail: "d"},
		model.Attempting{Instant: at(4), ID: 1, N: 2},
		model.Attempted{Instant: at(5), ID: 1, N: 2, Wrote: true, Reason: model.TimedOut},
		model.Returned{Instant: at(6), ID: 1, Outcome: model.Ambiguous, Reason: model.TimedOut},
		model.Seen{Instant: at(7), ID: 1, Invocation: "inv", Entry: 2, Reading: "entered", Held: true},
		model.Recovery{Step: 9, Down: 1, Spawned: 2, Port: 3, Health: 4, Probe: 5},
		model.Noted{Instant: at(8), Text: "n"},
		model.ResolvedAs{Instant: at(9), ID: 1, By: "lookup", Answer: "ok"},
		model.RepeatedAs{Instant: at(9), ID: 1, N: 1, Answer: "ok"},
		model.Called{Instant: at(10), ID: 2, Process: "0", Phase: model.Look, Object: model.Object{Kind: model.Counter}, Op: "get()"},
		model.Returned{Instant: at(11), ID: 2, Outcome: model.OK, Answer: "4"},
		model.Ended{Instant: at(12), Availability: []model.Span{{From: 1, To: 2, Up: true}, {From: 2, To: 5}}},
	})
	require.NoError(t, err)
	assert.Equal(t, &model.History{
		Header: model.Header{Version: 1, Run: "r", Runtime: "process", Settings: "s", Shared: []string{"Counter/get"}, Plan: []byte(`{}`)},
		Operations: []model.Invoked{
			{
				ID: 1, Process: "2.1", Step: 7, Phase: model.Program, Object: model.Object{Kind: model.List, N: 3}, Op: model.ListAppend{Value: "v7"}, Key: "k",
				Call: at(1), Return: at(6), Outcome: model.Ambiguous, Reason: model.TimedOut,
				Attempts: []model.Attempt{
					{N: 1, Start: at(2), End: at(3), Status: 503, Reason: model.Unavailable, Detail: "d"},
					{N: 2, Start: at(4), End: at(5), Wrote: true, Reason: model.TimedOut},
				},
				Resolution: &model.Resolution{At: at(9), By: "lookup", Answer: model.Done{}},
				Repeats:    []model.Repeat{{At: at(9), N: 1, Answer: model.Done{}}},
			},
			{
				ID: 2, Process: "0", Phase: model.Look, Object: model.Object{Kind: model.Counter}, Op: model.CounterGet{},
				Call: at(10), Return: at(11), Outcome: model.OK, Answer: model.Integer(4),
			},
		},
		Recoveries:   []model.Recovery{{Step: 9, Down: 1, Spawned: 2, Port: 3, Health: 4, Probe: 5}},
		Availability: []model.Span{{From: 1, To: 2, Up: true}, {From: 2, To: 5}},
		Evidence:     []model.Observation{{At: at(7), ID: 1, Invocation: "inv", Entry: 2, Reading: "entered", Held: true}},
		Notes:        []string{"n"},
		Ended:        true,
	}, h)
}

// Faults of one step nest: the last one that is open is the one that ends.
func TestFaultEndMatchesTheLastOpenFault(t *testing.T) {
	h, err := collect([]model.Event{
		model.FaultBegan{Instant: model.Instant{Seq: 1}, Step: 2, Kind: "kill"},
		model.FaultEnded{Instant: model.Instant{Seq: 2}, Step: 2, Kind: "kill", Detail: "first"},
		model.FaultBegan{Instant: model.Instant{Seq: 3}, Step: 2, Kind: "kill"},
		model.FaultBegan{Instant: model.Instant{Seq: 4}, Kind: "kill"},
		model.FaultEnded{Instant: model.Instant{Seq: 5}, Step: 2, Kind: "kill", Detail: "second"},
		model.FaultBegan{Instant: model.Instant{Seq: 6}, Step: 7, Kind: "stop"},
		model.FaultBegan{Instant: model.Instant{Seq: 7}, Step: 7, Kind: "stop"},
		model.FaultEnded{Instant: model.Instant{Seq: 8}, Step: 7, Kind: "stop", As: "kill"},
	})
	require.NoError(t, err)
	assert.Equal(t, []model.Fault{
		{Step: 2, Kind: "kill", Begin: model.Instant{Seq: 1}, End: model.Instant{Seq: 2}, Detail: "first"},
		{Step: 2, Kind: "kill", Begin: model.Instant{Seq: 3}, End: model.Instant{Seq: 5}, Detail: "second"},
		{Kind: "kill", Begin: model.Instant{Seq: 4}, End: model.Forever},
		{Step: 7, Kind: "stop", Begin: model.Instant{Seq: 6}, End: model.Forever},
		{Step: 7, Kind: "kill", Asked: "stop", Begin: model.Instant{Seq: 7}, End: model.Instant{Seq: 8}}, // a stop that ended in SIGKILL
	}, h.Faults)
}

func FuzzReadHistory(f *testing.F) {
	f.Add([]byte(headerLine + "\n" + callLine + "\n"))
	for seed := range 8 {
		f.Add(file(stream.Example(seed)))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		h, err := model.ReadHistory(bytes.NewReader(text))
		if err != nil {
			return
		}
		_ = h.Validate()
		if !strings.HasSuffix(string(text), "\n") != (h.Damage != "") {
			t.Fatalf("damage %q", h.Damage)
		}
		for _, o := range h.Operations {
			op, err := model.ParseOperation(o.Object.Kind, o.Op.String())
			require.NoError(t, err)
			require.Equal(t, o.Op, op)
			for _, view := range []model.View{model.Resolved, model.Raw} {
				if a := o.In(view).Answer; a != nil {
					back, err := model.ParseAnswer(a.String())
					require.NoError(t, err)
					require.True(t, a.Equal(back), "%s", a)
				}
			}
		}
	})
}
