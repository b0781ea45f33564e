package model

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
)

// Instant is a moment of a run. Seq orders all events of the run (two never
// share it); Ns is the monotonic time since the run began, for people.
type Instant struct {
	Seq int64 `json:"seq"`
	Ns  int64 `json:"ns"`
}

// Forever is the return of an operation that is still open.
var Forever = Instant{Seq: math.MaxInt64, Ns: math.MaxInt64}

// Phase says on whose behalf an operation ran.
type Phase string

const (
	// Program: an operation of the plan.
	Program Phase = "program"
	// Load: an operation of the plan's load.
	Load Phase = "load"
	// Look: a read of the harness after healing, before anything is re-sent.
	Look Phase = "look"
	// Switch: a read of the harness after a start as another version, before and after
	// answered operations are sent again.
	Switch Phase = "switch"
	// Closing: a read of the harness after ambiguous operations were resolved.
	Closing Phase = "closing"
	// Ledger: a read at the end of the session, after one more kill.
	Ledger Phase = "ledger"
	// Late: a read of an object that violated, some time later, in a history of
	// its own.
	Late Phase = "late"
	// Later: the same after one more kill and start.
	Later Phase = "later"
)

// Invoked is one operation of a history: its invocation, its attempts and, if it
// has one, its response.
type Invoked struct {
	// ID numbers the operations of a run from 1, in the order of their calls.
	ID int
	// Process is the Jepsen process, "2" or, after its first ambiguous outcome,
	// "2.1". A process has one operation open at a time.
	Process string
	// Step is the plan's step, 0 for a read of the harness and for a load.
	Step   int
	Phase  Phase
	Object Object
	Op     Operation
	// Key is the idempotency key of all attempts, "" for none.
	Key string

	Call Instant
	// Return is when the client stopped waiting; [Forever] if it never did.
	Return  Instant
	Outcome Outcome
	Reason  Reason
	// Answer is nil unless the outcome is ok.
	Answer   Answer
	Attempts []Attempt

	// Resolution is how an ambiguous outcome was resolved; nil if it was not.
	Resolution *Resolution
	// Repeats are what later re-sends were answered, in their order: an operation that is
	// answered under a key keeps its answer.
	Repeats []Repeat

	// Deferred is how the effect of an accepted operation comes at a time of its own; the
	// zero value for one that has it between its call and its answer.
	Deferred Deferred
}

// Deferred is what is known of an effect that comes at a time of its own.
type Deferred struct {
	// Invocation is the runtime's id of what was sent, "" if nobody said it.
	Invocation string `json:"invocation,omitempty"`
	// Due is the earliest time of the effect, in nanoseconds since the run began; 0 for any.
	Due int64 `json:"due,omitempty"`
	// Pending is true if the effect may come after the answer.
	Pending bool `json:"pending,omitempty"`
	// Ran is when a pending effect was known to be over, [Forever] if it never was.
	Ran Instant `json:"-"`
}

// Repeat is what a re-send of an operation that had been answered before was answered.
type Repeat struct {
	At Instant
	// N is the number of the attempt.
	N      int
	Answer Answer
}

// Attempt is one try of an operation on the wire.
type Attempt struct {
	// N counts the attempts of the operation from 1, re-sends included.
	N          int
	Start, End Instant
	// Wrote reports whether any byte of the request may have been written.
	Wrote bool
	// Status is the HTTP status, 0 without an answer.
	Status int
	Reason Reason
	// Detail is the error in words, "" for an answer.
	Detail string
}

// Resolution is what became known of an ambiguous operation after healing.
type Resolution struct {
	At Instant
	// By is [Resend] or [LookUp].
	By     string
	Answer Answer
}

// The ways in which an ambiguous operation is resolved.
const (
	Resend = "resend" // the same key again
	LookUp = "lookup" // its output by its key, read-only
)

// Fault is one injected fault, from its beginning to its end.
type Fault struct {
	// Step is the plan's step, 0 for a fault of the harness (taking a server over, closing
	// kill).
	Step int
	Kind FaultKind
	// Target is what it was done to, "" for the server.
	Target Target
	// Start is the configuration of a start, as plans have it; nil for the server's
	// defaults, and in older histories.
	Start json.RawMessage
	// Version is what a start was asked for, by the plan's name for it; "" for the version
	// of the header, and before version 3 of the format. Reported and Build are those of
	// the server that it started, "" if they are not known.
	Version, Reported, Build string
	// Asked is the kind that it began as, if it turned out to be another: a stop that
	// ended in SIGKILL is a kill. "" if not.
	Asked      FaultKind
	Begin, End Instant
	// Detail says how it went: "exit 0 after 251ms".
	Detail string
	// Struck are the attempts that a fault of attempts struck.
	Struck []Struck
	// Excused names the known refusal that a start as an older version ended in, "" for
	// none: the server went forward again.
	Excused string
}

// Struck is an attempt of an invocation that a fault struck.
type Struck struct {
	// ID is the operation's.
	ID int `json:"id"`
	// Entry counts the entries of the invocation into the handler, from 1.
	Entry int `json:"entry"`
	// Reading is how far it was, "" if its handler saw nothing of it.
	Reading string `json:"reading,omitempty"`
}

// StartedVersion is the version and the build that a start started, "1.7.12 (577e032)"; ""
// if they are not known.
func (f Fault) StartedVersion() string {
	if f.Build == "" {
		return f.Reported
	}
	return f.Reported + " (" + f.Build + ")"
}

// Ends reports whether the fault ends the server.
func (f Fault) Ends() bool { return f.Kind.Ends() }

// Recovery is the timeline of one start, in nanoseconds since the run began, 0
// for what never happened.
type Recovery struct {
	Step    int   `json:"step"`
	Down    int64 `json:"down"`    // the server was gone
	Spawned int64 `json:"spawned"` // the server was started again
	Port    int64 `json:"port"`    // the ingress accepted a connection
	Health  int64 `json:"health"`  // the ingress reported that it is healthy
	Probe   int64 `json:"canary"`  // a call went through in every partition in use
}

// Span is a time in which probes were answered, or were not, in nanoseconds
// since the run began.
type Span struct {
	From int64 `json:"from"`
	To   int64 `json:"to"`
	Up   bool  `json:"up"`
}

// Observation is evidence of the endpoint proxy, in a history.
type Observation struct {
	At Instant
	// ID is the operation's.
	ID         int
	Invocation string
	// Entry counts the entries of the invocation into the handler, from 1.
	Entry   int
	Reading string
	Held    bool
}

// Header opens a history.
type Header struct {
	// Version of the format, 1 to [HistoryVersion].
	Version int `json:"version"`
	// Run is unique; the run's object keys and idempotency keys carry it.
	Run string `json:"run"`
	// Runtime describes the server; Settings is its settings' key.
	Runtime  string `json:"runtime"`
	Settings string `json:"settings,omitempty"`
	// Altered is in what the run differs from a plain server; none of a plain one.
	Altered Settings `json:"altered,omitempty"`
	// Shared lists the handlers that the deployment serves as shared ones, as
	// "MapObject/get": they see an exclusive handler's changes one by one.
	Shared []string `json:"shared,omitempty"`
	// Plan is the plan's JSON, so that a history explains itself.
	Plan json.RawMessage `json:"plan,omitempty"`
	// Fragment names the whole of which this is a part, if earlier operations are
	// missing: such a history can't be judged. "" for a whole history.
	Fragment string `json:"fragment,omitempty"`
}

// History is the record of one run.
type History struct {
	Header
	Operations []Invoked // in the order of their calls; ID is the index plus 1
	Faults     []Fault
	Recoveries []Recovery
	Evidence   []Observation
	// Notes are remarks of the harness, in order.
	Notes []string
	// Availability is when probes were answered, in order.
	Availability []Span
	// Ended is false if the run was cut off.
	Ended bool
	// Damage describes why the last line could not be read, "" if it could.
	Damage string
}

// RecoveryAfter is the first start after a stop or kill, false if none is recorded.
func (h *History) RecoveryAfter(f Fault) (Recovery, bool) {
	for _, r := range h.Recoveries {
		if r.Down >= f.Begin.Ns {
			return r, true
		}
	}
	return Recovery{}, false
}

// IsShared reports whether the operation needs no key of its object: the deployment serves it
// as a shared handler, or the runtime answers it and invokes no handler.
func (h *Header) IsShared(op Operation) bool {
	op = Effective(op)
	if handlerOf(op).Name == "" {
		return true
	}
	name := op.Kind().Service() + "/" + op.Handler()
	for _, s := range h.Shared {
		if s == name {
			return true
		}
	}
	return false
}

// View says which account of a history is judged.
type View string

const (
	// Resolved: an ambiguous operation that a re-send or a look-up answered is an
	// ordinary one, from its first call to that answer.
	Resolved View = "resolved"
	// Raw: what a re-send answered does not count: an ambiguous operation that may
	// have been executed twice is open for ever. A look-up executes nothing, and a
	// read has no effect to have twice: their answers count.
	Raw View = "raw"
)

// In is the operation as the view has it. Operations that failed have no place
// in any order; their outcome stays failed.
func (o Invoked) In(v View) Invoked {
	if o.Outcome != Ambiguous {
		return o
	}
	if o.Resolution != nil && (v == Resolved || !o.MayHaveRunTwice()) {
		o.Outcome, o.Answer, o.Return = OK, o.Resolution.Answer, o.Resolution.At
		return o
	}
	o.Return = Forever
	return o
}

// MayHaveRun reports whether any attempt may have reached a handler: it may have
// written a byte of its request, and the ingress did not refuse it.
func (o Invoked) MayHaveRun() bool { return o.sent() > 0 }

// MayHaveRunTwice reports whether the operation may have had its effect twice, were
// it not for its key: it has one, and more than one attempt may have reached a
// handler. A re-send is one of them.
func (o Invoked) MayHaveRunTwice() bool {
	resent := o.Resolution != nil && o.Resolution.By != LookUp
	return !o.Op.ReadOnly() && (resent || o.sent() > 1)
}

// mayHaveRun reports whether the attempt may have reached a handler.
func (a Attempt) mayHaveRun() bool { return a.Wrote && a.Reason != Rejected }

// Reached reports whether an attempt reached the server, even if the server refused it.
func (o Invoked) Reached() bool {
	return slices.ContainsFunc(o.Attempts, func(a Attempt) bool { return a.Wrote })
}

// SentAgain is when the second of the attempts that may have reached a handler began,
// the zero instant if that is not known.
func (o Invoked) SentAgain() Instant {
	n := 0
	for _, a := range o.Attempts {
		if a.mayHaveRun() {
			if n++; n == 2 {
				return a.Start
			}
		}
	}
	return Instant{}
}

// sent counts the attempts that may have reached a handler.
func (o Invoked) sent() int {
	n := 0
	for _, a := range o.Attempts {
		if a.mayHaveRun() {
			n++
		}
	}
	return n
}

// Validate reports a way in which the history is not well-formed: a fault of the
// harness, never of the runtime. Its cost is linear for sequence numbers that are
// dense, as a run's are.
func (h *History) Validate() error {
	type last struct {
		id  int
		ret int64
	}
	processes := map[string]*last{}
	for i := range h.Operations {
		o := &h.Operations[i]
		if o.ID != i+1 {
			return fmt.Errorf("%s stands at place %d", o.name(), i+1)
		}
		if err := o.validate(); err != nil {
			return fmt.Errorf("%s: %w", o.name(), err)
		}
		p := processes[o.Process]
		if p == nil {
			p = &last{ret: math.MinInt64}
			processes[o.Process] = p
		}
		if p.ret > o.Call.Seq {
			return fmt.Errorf("%s: process %s still had operation %d open", o.name(), o.Process, p.id)
		}
		p.id, p.ret = o.ID, o.Return.Seq
		if o.Outcome == Ambiguous {
			p.ret = math.MaxInt64 // its process may not go on
		}
	}
	return h.validateSequence()
}

// name is the operation in messages.
func (o *Invoked) name() string { return fmt.Sprintf("operation %d (%s %s)", o.ID, o.Object, o.Op) }

// validateSequence checks that no two calls, returns or resolutions share a
// sequence number.
func (h *History) validateSequence() error {
	numbers := make([]int64, 0, 2*len(h.Operations)) // calls and returns, mostly
	for i := range h.Operations {
		o := &h.Operations[i]
		numbers = append(numbers, o.Call.Seq)
		if o.Return != Forever {
			numbers = append(numbers, o.Return.Seq)
		}
		if o.Resolution != nil {
			numbers = append(numbers, o.Resolution.At.Seq)
		}
		if o.Deferred.Pending && o.Deferred.Ran != Forever {
			numbers = append(numbers, o.Deferred.Ran.Seq)
		}
	}
	shared, found := repeated(numbers)
	if !found {
		return nil
	}
	var what []string
	for i := range h.Operations {
		o := &h.Operations[i]
		if o.Call.Seq == shared {
			what = append(what, "the call of "+o.name())
		}
		if o.Return.Seq == shared {
			what = append(what, "the return of "+o.name())
		}
		if o.Resolution != nil && o.Resolution.At.Seq == shared {
			what = append(what, "the resolution of "+o.name())
		}
		if o.Deferred.Pending && o.Deferred.Ran.Seq == shared {
			what = append(what, "the end of the effect of "+o.name())
		}
	}
	return fmt.Errorf("%s and %s share the sequence number %d", what[0], what[1], shared)
}

// repeated finds a number that comes twice.
func repeated(numbers []int64) (int64, bool) {
	if len(numbers) == 0 {
		return 0, false
	}
	lowest, highest := slices.Min(numbers), slices.Max(numbers)
	if lowest < 0 || highest/64 > int64(len(numbers)) {
		sorted := slices.Sorted(slices.Values(numbers))
		for i := 1; i < len(sorted); i++ {
			if sorted[i] == sorted[i-1] {
				return sorted[i], true
			}
		}
		return 0, false
	}
	seen := make([]uint64, highest/64+1)
	for _, n := range numbers {
		if seen[n/64]>>(n%64)&1 == 1 {
			return n, true
		}
		seen[n/64] |= 1 << (n % 64)
	}
	return 0, false
}

func (o *Invoked) validate() error {
	if o.Op == nil || o.Op.Kind() != o.Object.Kind {
		return fmt.Errorf("the operation is not one of a %s", o.Object.Kind)
	}
	if err := o.Outcome.validate(); err != nil {
		return err
	}
	if o.Return.Seq <= o.Call.Seq {
		return fmt.Errorf("it returned at %d, before its call at %d", o.Return.Seq, o.Call.Seq)
	}
	if o.Outcome != Ambiguous && o.Return == Forever {
		return fmt.Errorf("outcome %s, but it never returned", o.Outcome)
	}
	if (o.Outcome == OK) != (o.Answer != nil) {
		return fmt.Errorf("outcome %s with answer %v", o.Outcome, o.Answer)
	}
	if o.Outcome == Failed && o.MayHaveRun() {
		return fmt.Errorf("it is called failed although an attempt wrote its request")
	}
	if err := o.validateRepeats(); err != nil {
		return err
	}
	if d := o.Deferred; d.Pending && d.Ran.Seq <= o.In(Resolved).Return.Seq && d.Ran != Forever {
		return fmt.Errorf("its pending effect was over at %d, before its answer at %d", d.Ran.Seq, o.In(Resolved).Return.Seq)
	}
	if r := o.Resolution; r != nil {
		switch {
		case o.Outcome != Ambiguous:
			return fmt.Errorf("it was resolved although its outcome is %s", o.Outcome)
		case r.Answer == nil:
			return fmt.Errorf("it was resolved without an answer")
		case r.At.Seq <= o.Call.Seq:
			return fmt.Errorf("it was resolved at %d, before its call at %d", r.At.Seq, o.Call.Seq)
		}
	}
	return nil
}

func (o *Invoked) validateRepeats() error {
	if len(o.Repeats) == 0 {
		return nil
	}
	answered := o.In(Resolved)
	switch {
	case answered.Answer == nil:
		return fmt.Errorf("it was repeated before it was answered")
	case o.Key == "":
		return fmt.Errorf("it was repeated, and has no idempotency key")
	}
	for _, r := range o.Repeats {
		if r.Answer == nil {
			return fmt.Errorf("it was repeated without an answer")
		}
		if r.At.Seq <= answered.Return.Seq {
			return fmt.Errorf("it was repeated at %d, before its answer at %d", r.At.Seq, answered.Return.Seq)
		}
	}
	return nil
}

// AnsweredOtherwise is the first re-send that was answered otherwise than the operation
// was, nil if none was.
func (o Invoked) AnsweredOtherwise() *Repeat {
	if len(o.Repeats) == 0 {
		return nil
	}
	kept := o.In(Resolved).Answer
	for i := range o.Repeats {
		if kept != nil && !kept.Equal(o.Repeats[i].Answer) {
			return &o.Repeats[i]
		}
	}
	return nil
}
