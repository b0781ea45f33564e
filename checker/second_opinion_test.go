package checker_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/checker"
	"retain/model"
)

// longHistory has so many writes of a register, and a last read.
func longHistory(writes int, last string) *model.History {
	h := &model.History{Header: model.Header{Version: model.HistoryVersion}}
	seq := int64(0)
	add := func(op model.Operation, a model.Answer) {
		seq += 2
		h.Operations = append(h.Operations, model.Invoked{ID: len(h.Operations) + 1, Process: "0", Object: model.Object{Kind: model.Register},
			Op: op, Call: model.Instant{Seq: seq}, Return: model.Instant{Seq: seq + 1}, Outcome: model.OK, Answer: a})
	}
	for i := range writes {
		add(model.RegisterWrite{Value: fmt.Sprint("v", i)}, model.Done{})
	}
	add(model.RegisterRead{}, model.Text(last))
	return h
}

// Porcupine agrees about histories that are too long for its opinion to be asked
// beside every verdict, and has none of its own without time.
func TestPorcupineConfirmsAViolation(t *testing.T) {
	h := longHistory(300, "v7")
	r := checker.Check(h, checker.Options{})
	require.Equal(t, checker.Violation, r.Verdict)
	b := *r.Broken()
	require.Empty(t, b.Resolved.Second, "it is long")
	assert.Equal(t, checker.Violation, checker.Porcupine(h, b, checker.Options{}))
	assert.Equal(t, checker.Undecided, checker.Porcupine(h, b, checker.Options{Budget: time.Nanosecond}))
	assert.Equal(t, checker.Pass, checker.Porcupine(longHistory(300, "v299"), b, checker.Options{}), "it does not agree with everything")
	b.Object.N++
	assert.Equal(t, checker.Undecided, checker.Porcupine(h, b, checker.Options{}), "there is no such object")
}
