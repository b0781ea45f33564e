package model

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"retain/internal/exactjson"
)

// HistoryVersion is the newest version of the history format that this package reads.
// Version 2 has the phase [Load], version 3 the versions of starts, version 4 re-sends of
// what was answered before, the phase [Switch] and ways back that were excused, version 5
// effects that are deferred and answers that are asked for again; a history without them may
// have version 1.
const HistoryVersion = 5

// Event is one line of a history file. [History.Apply] adds it to a history;
// [EncodeEvent] and [DecodeEvent] give it its line.
type Event interface {
	// name is the event's "e" field.
	name() string
	// valid reports a field with a value that it can't have.
	valid() error
	apply(h *History) error
}

type (
	// Called opens an operation.
	Called struct {
		Instant
		ID      int    `json:"id"`
		Process string `json:"process"`
		Step    int    `json:"step,omitempty"`
		Phase   Phase  `json:"phase"`
		Object  Object `json:"object"`
		Op      string `json:"op"`
		Key     string `json:"key,omitempty"`
	}
	// Attempting opens an attempt: its request may leave from now on.
	Attempting struct {
		Instant
		ID int `json:"id"`
		N  int `json:"n"`
	}
	// Attempted closes an attempt.
	Attempted struct {
		Instant
		ID     int    `json:"id"`
		N      int    `json:"n"`
		Wrote  bool   `json:"wrote"`
		Status int    `json:"status,omitempty"`
		Reason Reason `json:"reason,omitempty"`
		Detail string `json:"detail,omitempty"`
	}
	// Returned closes an operation.
	Returned struct {
		Instant
		ID      int     `json:"id"`
		Outcome Outcome `json:"outcome"`
		Reason  Reason  `json:"reason,omitempty"`
		Answer  string  `json:"answer,omitempty"`
		Deferred
	}
	// ResolvedAs tells what became of an ambiguous operation.
	ResolvedAs struct {
		Instant
		ID     int    `json:"id"`
		By     string `json:"by"`
		Answer string `json:"answer"`
		Deferred
	}
	// Ran tells that the pending effect of an operation is over: its invocation has ended, or
	// the runtime knows it no more.
	Ran struct {
		Instant
		ID int `json:"id"`
	}
	// RepeatedAs tells what a re-send of an operation that was answered before was answered,
	// in its attempt N.
	RepeatedAs struct {
		Instant
		ID     int    `json:"id"`
		N      int    `json:"n"`
		Answer string `json:"answer"`
	}
	// FaultBegan opens a fault. Start is what a start starts the server with: the
	// configuration as plans have it. Version is what a start was asked for, by the name
	// that the plan gives it; "" for the version of the header.
	FaultBegan struct {
		Instant
		Step    int             `json:"step,omitempty"`
		Kind    FaultKind       `json:"kind"`
		Target  Target          `json:"target,omitempty"`
		Start   json.RawMessage `json:"start,omitempty"`
		Version string          `json:"version,omitempty"`
	}
	// FaultEnded closes the last open fault of that step, kind and target. As is what it
	// turned out to be: a stop that ended in SIGKILL is a kill; "" for what it was.
	// Version and Build are those of the server that a start started, as it reports them.
	// Excused names the known refusal that a way back to an older version ended in; "" for
	// none. Struck are the attempts that a fault of attempts struck.
	FaultEnded struct {
		Instant
		Step    int       `json:"step,omitempty"`
		Kind    FaultKind `json:"kind"`
		Target  Target    `json:"target,omitempty"`
		As      FaultKind `json:"as,omitempty"`
		Detail  string    `json:"detail,omitempty"`
		Version string    `json:"version,omitempty"`
		Build   string    `json:"build,omitempty"`
		Excused string    `json:"excused,omitempty"`
		Struck  []Struck  `json:"struck,omitempty"`
	}
	// Seen is evidence of the endpoint proxy.
	Seen struct {
		Instant
		ID         int    `json:"id"`
		Invocation string `json:"invocation,omitempty"`
		Entry      int    `json:"entry"`
		Reading    string `json:"reading"`
		Held       bool   `json:"held,omitempty"`
	}
	// Noted is a remark of the harness.
	Noted struct {
		Instant
		Text string `json:"text"`
	}
	// Ended closes the history, which is complete.
	Ended struct {
		Instant
		Availability []Span `json:"availability,omitempty"`
	}
)

func (Header) name() string     { return "header" }
func (Called) name() string     { return "call" }
func (Attempting) name() string { return "attempt" }
func (Attempted) name() string  { return "attempted" }
func (Returned) name() string   { return "return" }
func (ResolvedAs) name() string { return "resolved" }
func (RepeatedAs) name() string { return "repeated" }
func (Ran) name() string        { return "ran" }
func (FaultBegan) name() string { return "fault" }
func (FaultEnded) name() string { return "fault-end" }
func (Seen) name() string       { return "evidence" }
func (Recovery) name() string   { return "recovery" }
func (Noted) name() string      { return "note" }
func (Ended) name() string      { return "end" }

// decoders read the events of each name.
var decoders = map[string]func([]byte) (Event, error){
	"header":    decodeAs[Header],
	"call":      decodeAs[Called],
	"attempt":   decodeAs[Attempting],
	"attempted": decodeAs[Attempted],
	"return":    decodeAs[Returned],
	"resolved":  decodeAs[ResolvedAs],
	"repeated":  decodeAs[RepeatedAs],
	"ran":       decodeAs[Ran],
	"fault":     decodeAs[FaultBegan],
	"fault-end": decodeAs[FaultEnded],
	"evidence":  decodeAs[Seen],
	"recovery":  decodeAs[Recovery],
	"note":      decodeAs[Noted],
	"end":       decodeAs[Ended],
}

// eventTag is the member of a line that names its event.
const eventTag = "e"

func decodeAs[E Event](line []byte) (Event, error) {
	var e E
	if err := exactjson.Fill(line, &e, eventTag); err != nil {
		return nil, err
	}
	return e, e.valid()
}

// EncodeEvent gives the event's line, with its newline. Bytes that are not UTF-8 are
// written as Go escapes, \xff: only texts for people may have them.
func EncodeEvent(e Event) []byte {
	body := encode(escapeInvalidUTF8(e))
	var b bytes.Buffer
	fmt.Fprintf(&b, `{"e":%q`, e.name())
	if len(body) > 2 {
		b.WriteByte(',')
	}
	b.Write(body[1:])
	b.WriteByte('\n')
	return b.Bytes()
}

// DecodeEvent reads one line of a history file. What it can't hold exactly, a field
// that is unknown, missing or null, and a value that the field can't have is an error.
func DecodeEvent(line []byte) (Event, error) {
	e, err := decodeEvent(line)
	if err != nil {
		return nil, err
	}
	if err := texts(e); err != nil {
		return nil, fmt.Errorf("event %s: %w", e.name(), err)
	}
	return e, nil
}

// decodeEvent is [DecodeEvent] but for operations and answers, which stay text.
func decodeEvent(line []byte) (Event, error) {
	var broken *exactjson.Error
	if err := exactjson.Check(line); errors.As(err, &broken) {
		return nil, err
	} else if err != nil {
		return nil, fmt.Errorf("not a JSON object: %w", err)
	}
	name, version := "", 0
	err := exactjson.Members(line, func(member string, value []byte) error {
		switch member {
		case eventTag:
			return json.Unmarshal(value, &name)
		case "version":
			_ = json.Unmarshal(value, &version) // another form is refused below
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if later := (Header{Version: version}); name == later.name() && version > HistoryVersion {
		return nil, fmt.Errorf("event header: %w", later.readable()) // it may have any fields
	}
	decode, known := decoders[name]
	if !known {
		return nil, fmt.Errorf("no event is called %.80q", name)
	}
	e, err := decode(line)
	if err != nil {
		return nil, fmt.Errorf("event %s: %w", name, err)
	}
	return e, nil
}

// Apply adds an event to the history. Events come in the order in which they
// happened; an event that does not fit what came before is refused.
func (h *History) Apply(e Event) error {
	if err := escapeInvalidUTF8(e).apply(h); err != nil {
		return fmt.Errorf("event %s: %w", e.name(), err)
	}
	return nil
}

// readable reports a version that this package does not read.
func (e Header) readable() error {
	if e.Version < 1 {
		return fmt.Errorf("the history has format version %d: want 1 to %d", e.Version, HistoryVersion)
	}
	if e.Version > HistoryVersion {
		return fmt.Errorf("the history has format version %d; this retain reads up to %d: use a newer one", e.Version, HistoryVersion)
	}
	return nil
}

func (e Header) apply(h *History) error {
	if err := e.readable(); err != nil {
		return err
	}
	if h.Version != 0 {
		return fmt.Errorf("a second header")
	}
	if len(e.Shared) == 0 {
		e.Shared = nil // as a file has it
	}
	if len(e.Altered) == 0 {
		e.Altered = nil
	}
	plan, err := compacted(e.Plan)
	if err != nil {
		return fmt.Errorf("its plan: %w", err)
	}
	e.Plan = plan
	h.Header = e
	return nil
}

// compacted is JSON without white space, nil if there is none.
func compacted(text json.RawMessage) (json.RawMessage, error) {
	if len(text) == 0 {
		return nil, nil
	}
	var out bytes.Buffer
	err := json.Compact(&out, text)
	return out.Bytes(), err
}

func (e Called) apply(h *History) error {
	if e.ID != len(h.Operations)+1 {
		return fmt.Errorf("operation %d follows operation %d", e.ID, len(h.Operations))
	}
	op, err := ParseOperation(e.Object.Kind, e.Op)
	if err != nil {
		return err
	}
	h.Operations = append(h.Operations, Invoked{
		ID: e.ID, Process: e.Process, Step: e.Step, Phase: e.Phase, Object: e.Object, Op: op, Key: e.Key,
		Call: e.Instant, Return: Forever, Outcome: Ambiguous, Reason: LeftOpen,
	})
	return nil
}

func (h *History) operation(id int) (*Invoked, error) {
	if id < 1 || id > len(h.Operations) {
		return nil, fmt.Errorf("operation %d was never called", id)
	}
	return &h.Operations[id-1], nil
}

func (e Attempting) apply(h *History) error {
	o, err := h.operation(e.ID)
	if err != nil {
		return err
	}
	if e.N != len(o.Attempts)+1 {
		return fmt.Errorf("attempt %d of operation %d follows attempt %d", e.N, e.ID, len(o.Attempts))
	}
	o.Attempts = append(o.Attempts, Attempt{N: e.N, Start: e.Instant, End: Forever, Wrote: true, Reason: LeftOpen})
	return nil
}

func (e Attempted) apply(h *History) error {
	o, err := h.operation(e.ID)
	if err != nil {
		return err
	}
	if e.N < 1 || e.N > len(o.Attempts) {
		return fmt.Errorf("attempt %d of operation %d never began", e.N, e.ID)
	}
	a := &o.Attempts[e.N-1]
	if a.End != Forever {
		return fmt.Errorf("attempt %d of operation %d ended twice", e.N, e.ID)
	}
	a.End, a.Wrote, a.Status, a.Reason, a.Detail = e.Instant, e.Wrote, e.Status, e.Reason, e.Detail
	return nil
}

func (e Returned) apply(h *History) error {
	o, err := h.operation(e.ID)
	if err != nil {
		return err
	}
	if o.Return != Forever {
		return fmt.Errorf("operation %d returned twice", e.ID)
	}
	o.Return, o.Outcome, o.Reason, o.Deferred = e.Instant, e.Outcome, e.Reason, e.Deferred.opened()
	if e.Answer != "" {
		o.Answer, err = ParseAnswer(e.Answer)
	}
	return err
}

func (e ResolvedAs) apply(h *History) error {
	o, err := h.operation(e.ID)
	if err != nil {
		return err
	}
	if o.Resolution != nil {
		return fmt.Errorf("operation %d was resolved twice", e.ID)
	}
	a, err := ParseAnswer(e.Answer)
	if err != nil {
		return err
	}
	o.Resolution = &Resolution{At: e.Instant, By: e.By, Answer: a}
	o.Deferred = e.Deferred.opened()
	return nil
}

// opened is the deferral before anything is known of a pending effect.
func (d Deferred) opened() Deferred {
	if d.Pending {
		d.Ran = Forever
	}
	return d
}

func (e Ran) apply(h *History) error {
	o, err := h.operation(e.ID)
	if err != nil {
		return err
	}
	if !o.Deferred.Pending || o.Deferred.Ran != Forever {
		return fmt.Errorf("operation %d has no effect that is pending", e.ID)
	}
	o.Deferred.Ran = e.Instant
	return nil
}

func (e RepeatedAs) apply(h *History) error {
	o, err := h.operation(e.ID)
	if err != nil {
		return err
	}
	if e.N < 1 || e.N > len(o.Attempts) {
		return fmt.Errorf("attempt %d of operation %d never began", e.N, e.ID)
	}
	a, err := ParseAnswer(e.Answer)
	if err != nil {
		return err
	}
	o.Repeats = append(o.Repeats, Repeat{At: e.Instant, N: e.N, Answer: a})
	return nil
}

func (e FaultBegan) apply(h *History) error {
	start, err := compacted(e.Start)
	if err != nil {
		return fmt.Errorf("its start: %w", err)
	}
	h.Faults = append(h.Faults, Fault{Step: e.Step, Kind: e.Kind, Target: e.Target, Start: start, Version: e.Version, Begin: e.Instant, End: Forever})
	return nil
}

func (e FaultEnded) apply(h *History) error {
	for _, s := range e.Struck {
		if _, err := h.operation(s.ID); err != nil {
			return err
		}
	}
	if len(e.Struck) == 0 {
		e.Struck = nil // as a file has it
	}
	for i := len(h.Faults) - 1; i >= 0; i-- {
		f := &h.Faults[i]
		if f.Step == e.Step && f.Kind == e.Kind && f.Target == e.Target && f.End == Forever {
			f.End, f.Detail, f.Reported, f.Build, f.Excused, f.Struck = e.Instant, e.Detail, e.Version, e.Build, e.Excused, e.Struck
			if e.As != "" && e.As != e.Kind {
				f.Kind, f.Asked = e.As, e.Kind
			}
			return nil
		}
	}
	if e.Target != "" {
		return fmt.Errorf("no %s of %s of step %d is open", e.Kind, e.Target, e.Step)
	}
	return fmt.Errorf("no %s of step %d is open", e.Kind, e.Step)
}

func (e Seen) apply(h *History) error {
	if _, err := h.operation(e.ID); err != nil {
		return err
	}
	h.Evidence = append(h.Evidence, Observation{At: e.Instant, ID: e.ID, Invocation: e.Invocation, Entry: e.Entry, Reading: e.Reading, Held: e.Held})
	return nil
}

func (e Recovery) apply(h *History) error {
	h.Recoveries = append(h.Recoveries, e)
	return nil
}

func (e Noted) apply(h *History) error {
	h.Notes = append(h.Notes, e.Text)
	return nil
}

func (e Ended) apply(h *History) error {
	h.Ended, h.Availability = true, nil
	if len(e.Availability) > 0 {
		h.Availability = e.Availability
	}
	return nil
}
