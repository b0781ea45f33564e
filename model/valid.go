package model

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// maxSeq bounds sequence numbers: every JSON library holds numbers up to here exactly.
const maxSeq = 1 << 53

// The values that fields can have, besides "" where a field may be missing. The
// JSON Schema beside docs/history.md lists them too.
var (
	phases       = []Phase{Program, Load, Look, Switch, Closing, Ledger, Late, Later}
	outcomes     = []Outcome{OK, Failed, Ambiguous}
	reasons      = []Reason{NotSent, Rejected, TimedOut, Disconnected, Unavailable, LeftOpen, Unexpected}
	means        = []string{Resend, LookUp}
	settingKinds = []SettingKind{VariableSetting, FileSetting, ServerSetting, ServiceSetting, BugSetting, PlanSetting, BoundSetting}
	readings     = []string{"entered", "effect", "finished", "broken"}
)

func oneOf[S ~string](field string, value S, values []S) error {
	if slices.Contains(values, value) {
		return nil
	}
	var names []string
	for _, v := range values {
		names = append(names, string(v))
	}
	return fmt.Errorf("%s %.40q: want one of %s", field, value, strings.Join(names, ", "))
}

// optional is [oneOf] for a field that may be missing.
func optional[S ~string](field string, value S, values []S) error {
	if value == "" {
		return nil
	}
	return oneOf(field, value, values)
}

// atLeast reports a number below its least value.
func atLeast[N int | int64](field string, value, least N) error {
	if value < least {
		return fmt.Errorf("%s %d: want %d or more", field, value, least)
	}
	return nil
}

// first is the first of the errors, nil for none.
func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// within reports an instant that no event has; least is its least sequence number.
func (i Instant) within(least int64) error {
	switch {
	case i.Seq > maxSeq:
		return fmt.Errorf("seq %d: want at most 2^53", i.Seq)
	case i.Ns == math.MaxInt64:
		return fmt.Errorf("ns %d: want less", i.Ns)
	}
	return first(atLeast("seq", i.Seq, least), atLeast("ns", i.Ns, 0))
}

// instant is the event's, for the order of a file.
func (i Instant) instant() Instant { return i }

func (e Header) valid() error {
	for _, s := range e.Altered {
		if err := oneOf("altered: kind", s.Kind, settingKinds); err != nil {
			return err
		}
	}
	return e.readable()
}

func (e Called) valid() error {
	if e.Process == "" {
		return fmt.Errorf("process is empty: want the name of a client that has one operation open at a time")
	}
	return first(e.within(1), atLeast("id", e.ID, 1), atLeast("step", e.Step, 0), oneOf("phase", e.Phase, phases))
}

func (e Attempting) valid() error {
	return first(e.within(1), atLeast("id", e.ID, 1), atLeast("n", e.N, 1))
}

func (e Attempted) valid() error {
	return first(e.within(1), atLeast("id", e.ID, 1), atLeast("n", e.N, 1), atLeast("status", e.Status, 0), optional("reason", e.Reason, reasons))
}

func (e Returned) valid() error {
	if err := first(e.within(1), atLeast("id", e.ID, 1), oneOf("outcome", e.Outcome, outcomes), optional("reason", e.Reason, reasons)); err != nil {
		return err
	}
	if err := e.Deferred.valid(); err != nil {
		return err
	}
	if e.Outcome != OK {
		if e.Deferred != (Deferred{}) {
			return fmt.Errorf("the outcome is %s, and an effect is deferred: only an accepted operation has one", e.Outcome)
		}
		if e.Answer != "" {
			return fmt.Errorf("the outcome is %s, and there is an answer: only ok has one", e.Outcome)
		}
		return nil
	}
	if e.Answer == "" {
		return fmt.Errorf(`the field "answer" is missing: the outcome ok has one ("ok" for a handler without output)`)
	}
	return nil
}

func (e ResolvedAs) valid() error {
	return first(e.within(1), atLeast("id", e.ID, 1), oneOf("by", e.By, means), e.Deferred.valid())
}

func (e Ran) valid() error { return first(e.within(1), atLeast("id", e.ID, 1)) }

func (d Deferred) valid() error { return atLeast("due", d.Due, 0) }

func (e RepeatedAs) valid() error {
	return first(e.within(1), atLeast("id", e.ID, 1), atLeast("n", e.N, 1))
}

func (e FaultBegan) valid() error {
	return first(e.within(1), atLeast("step", e.Step, 0), oneOf("kind", e.Kind, FaultKinds()), e.Target.Validate())
}

func (e FaultEnded) valid() error {
	for _, s := range e.Struck {
		if err := first(atLeast("struck: id", s.ID, 1), atLeast("struck: entry", s.Entry, 1), optional("struck: reading", s.Reading, readings)); err != nil {
			return err
		}
	}
	return first(e.within(1), atLeast("step", e.Step, 0), oneOf("kind", e.Kind, FaultKinds()), e.Target.Validate(), optional("as", e.As, FaultKinds()))
}

func (e Seen) valid() error {
	return first(e.within(1), atLeast("id", e.ID, 1), atLeast("entry", e.Entry, 0), oneOf("reading", e.Reading, readings))
}

func (e Recovery) valid() error {
	return first(atLeast("step", e.Step, 0), atLeast("down", e.Down, 0), atLeast("spawned", e.Spawned, 0),
		atLeast("port", e.Port, 0), atLeast("health", e.Health, 0), atLeast("canary", e.Probe, 0))
}

// A note and an end may have the sequence number 0: their place is where they stand.
func (e Noted) valid() error { return e.within(0) }

func (e Ended) valid() error {
	for _, s := range e.Availability {
		if s.From < 0 || s.To < s.From {
			return fmt.Errorf("availability from %d to %d: want an end that is not before its beginning", s.From, s.To)
		}
	}
	return e.within(0)
}

// texts reports an operation or an answer that can't be read. [History.Apply], which
// reads them, does so too.
func texts(e Event) (err error) {
	switch e := e.(type) {
	case Called:
		_, err = ParseOperation(e.Object.Kind, e.Op)
	case Returned:
		if e.Answer != "" {
			_, err = ParseAnswer(e.Answer)
		}
	case ResolvedAs:
		_, err = ParseAnswer(e.Answer)
	case RepeatedAs:
		_, err = ParseAnswer(e.Answer)
	}
	return err
}
