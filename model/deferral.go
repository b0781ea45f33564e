package model

import (
	"encoding/json"
	"fmt"
	"time"
)

// Deferral is how the effect of an operation may come later than its answer, or at a time
// of its own. The zero value is that of a call: the effect comes before the answer.
type Deferral struct {
	// Sent is true if the client sends the invocation and waits only until it is accepted.
	Sent bool
	// Invokes is what is invoked by the send, be it the client's or that of a handler; nil for
	// an operation without one.
	Invokes Operation
	// Pending is true if the effect may come after the answer, and after operations that
	// were called then. Without it, an accepted invocation has its turn before them: the
	// runtime executes the exclusive invocations of an object in the order of their
	// arrival.
	Pending bool
	// DelayMs is how long after the call the effect comes at the earliest, in milliseconds.
	DelayMs int64
	// Key is the idempotency key of what a handler sends, "" if none does.
	Key string
}

// distant is a delay that is not waited for, in milliseconds: an hour.
const distant = 60 * 60 * 1000

// Distant reports whether the effect comes after every run has ended.
func (d Deferral) Distant() bool { return d.DelayMs >= distant }

// DeferralOf is how the effect of an operation is deferred.
func DeferralOf(op Operation) Deferral {
	if of := op.Kind().Spec().Deferral; of != nil {
		return of(op)
	}
	return Deferral{}
}

// Acceptance is what the runtime says of an invocation that it has accepted.
type Acceptance struct {
	Invocation string
	// Previously is true if it had accepted the idempotency key before.
	Previously bool
	// Due is when a delayed one is executed, by the server's clock; the zero time for one
	// without delay.
	Due time.Time
}

// DecodeAcceptance reads the body of the response to a send.
func DecodeAcceptance(body []byte) (Acceptance, error) {
	var read struct {
		Invocation string    `json:"invocationId"`
		Status     string    `json:"status"`
		Due        time.Time `json:"executionTime"`
	}
	if err := json.Unmarshal(body, &read); err != nil {
		return Acceptance{}, fmt.Errorf("answer %.80q: %w", body, err)
	}
	a := Acceptance{Invocation: read.Invocation, Previously: read.Status == "PreviouslyAccepted", Due: read.Due}
	if a.Invocation == "" || !a.Previously && read.Status != "Accepted" {
		return Acceptance{}, fmt.Errorf("answer %.80q: want an invocationId, and the status Accepted or PreviouslyAccepted", body)
	}
	return a, nil
}
