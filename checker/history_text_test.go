package checker

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"retain/model"
)

// history reads a history for a test, one operation or fault a line:
//
//	process object call return operation => answer
//	kill 5 7
//
// A return of "?" leaves the operation ambiguous; "? @9" and an answer resolve it
// at 9 by a re-send. A return of "4!" means that it failed at 4. Operations come in
// the order of their calls.
func history(t testing.TB, text string) *model.History {
	t.Helper()
	h := &model.History{Header: model.Header{Version: 1, Run: "test"}, Ended: true}
	for _, line := range strings.Split(strings.TrimSpace(text), "\n") {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		f := strings.Fields(line)
		if kind := model.FaultKind(f[0]); slices.Contains(model.FaultKinds(), kind) {
			h.Faults = append(h.Faults, model.Fault{Kind: kind, Begin: at(t, f[1]), End: at(t, f[2])})
			continue
		}
		o, err := invoked(f, line)
		require.NoError(t, err, line)
		o.ID = len(h.Operations) + 1
		h.Operations = append(h.Operations, o)
	}
	require.NoError(t, h.Validate())
	return h
}

func at(t testing.TB, s string) model.Instant {
	n, err := strconv.ParseInt(s, 10, 64)
	require.NoError(t, err, s)
	return model.Instant{Seq: n, Ns: n * 1000}
}

func invoked(f []string, line string) (model.Invoked, error) {
	o := model.Invoked{Process: f[0], Phase: model.Program, Return: model.Forever, Outcome: model.OK}
	var err error
	if o.Object, err = model.ParseObject(f[1]); err != nil {
		return o, err
	}
	call, err := strconv.ParseInt(f[2], 10, 64)
	if err != nil {
		return o, err
	}
	o.Call = model.Instant{Seq: call, Ns: call}
	op, answer, _ := strings.Cut(strings.TrimSpace(strings.Join(f[4:], " ")), "=>")
	resolved, lookedUp := int64(0), strings.HasPrefix(op, "%")
	if lookedUp || strings.HasPrefix(op, "@") {
		at, more, _ := strings.Cut(op, " ")
		if resolved, err = strconv.ParseInt(at[1:], 10, 64); err != nil {
			return o, err
		}
		op = more
	}
	if o.Op, err = model.ParseOperation(o.Object.Kind, strings.TrimSpace(op)); err != nil {
		return o, err
	}
	var a model.Answer
	if answer = strings.TrimSpace(answer); answer != "" {
		if a, err = model.ParseAnswer(answer); err != nil {
			return o, err
		}
	}
	wrote := model.Attempt{N: 1, Start: o.Call, End: model.Forever, Wrote: true, Reason: model.LeftOpen}
	end, failed := strings.CutSuffix(f[3], "!")
	if end != "?" {
		ret, err := strconv.ParseInt(end, 10, 64)
		if err != nil {
			return o, err
		}
		o.Return, o.Answer = model.Instant{Seq: ret, Ns: ret}, a
	}
	switch {
	case end == "?":
		o.Outcome, o.Reason = model.Ambiguous, model.TimedOut
		o.Attempts = []model.Attempt{wrote}
		if resolved > 0 {
			o.Resolution = &model.Resolution{At: model.Instant{Seq: resolved, Ns: resolved}, By: model.LookUp, Answer: a}
			if !lookedUp {
				o.Resolution.By = model.Resend
				wrote.N, wrote.Start = 2, model.Instant{Seq: resolved - 1, Ns: resolved - 1}
				o.Attempts = append(o.Attempts, wrote)
			}
		} else if a != nil {
			return o, fmt.Errorf("an ambiguous operation with an answer: %s", line)
		}
	case failed:
		o.Outcome, o.Reason = model.Failed, model.NotSent
	default:
		o.Attempts = []model.Attempt{wrote}
	}
	return o, nil
}
