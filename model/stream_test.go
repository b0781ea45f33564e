package model_test

import (
	"encoding/json"
	"fmt"

	"pgregory.net/rapid"

	"retain/model"
)

// stream draws the events of a run in an order in which they can happen, the
// header first. What the fields say need not make sense together.
var stream = rapid.Custom(func(t *rapid.T) []model.Event {
	s := &streaming{t: t}
	s.add(header.Draw(t, "header"))
	t.Repeat(map[string]func(*rapid.T){
		"call":    func(t *rapid.T) { s.t = t; s.call() },
		"attempt": func(t *rapid.T) { s.t = t; s.attempt() },
		"close":   func(t *rapid.T) { s.t = t; s.end() },
		"fault":   func(t *rapid.T) { s.t = t; s.fault() },
		"remark":  func(t *rapid.T) { s.t = t; s.remark() },
	})
	s.t = t
	if rapid.Bool().Draw(t, "ended") {
		s.add(model.Ended{Instant: s.now()})
	}
	return s.events
})

var words = rapid.StringN(0, 10, -1)

var header = rapid.Custom(func(t *rapid.T) model.Header {
	h := model.Header{Version: 1, Run: words.Draw(t, "run"), Runtime: words.Draw(t, "runtime"), Settings: words.Draw(t, "settings")}
	if rapid.Bool().Draw(t, "shared") {
		h.Shared = []string{"Counter/get", words.Draw(t, "shared")}
	}
	if rapid.Bool().Draw(t, "altered") {
		h.Altered = model.Settings{{Kind: model.FileSetting, Name: words.Draw(t, "name"), Value: words.Draw(t, "value"), Secret: rapid.Bool().Draw(t, "secret")}}
	}
	if rapid.Bool().Draw(t, "plan") {
		h.Plan = json.RawMessage(`{"version":1,"steps":[{"id":1,"do":"list-0 append(\"<v>\")"}]}`)
	}
	return h
})

type streaming struct {
	t       *rapid.T
	events  []model.Event
	seq, ns int64
	ops     []*streamed
	faults  []model.FaultBegan // open ones
}

type streamed struct {
	attempts, ended int
	returned        bool
	resolved        bool
	pending         bool
}

func (s *streaming) add(e model.Event) { s.events = append(s.events, e) }

func (s *streaming) now() model.Instant {
	s.seq += rapid.Int64Range(1, 5).Draw(s.t, "seq")
	s.ns += rapid.Int64Range(0, 1<<40).Draw(s.t, "ns")
	return model.Instant{Seq: s.seq, Ns: s.ns}
}

// pick draws an operation that was called; false if there is none.
func (s *streaming) pick() (id int, o *streamed, found bool) {
	if len(s.ops) == 0 {
		s.remark()
		return 0, nil, false
	}
	id = rapid.IntRange(1, len(s.ops)).Draw(s.t, "id")
	return id, s.ops[id-1], true
}

func (s *streaming) call() {
	k := kind.Draw(s.t, "kind")
	s.ops = append(s.ops, &streamed{})
	s.add(model.Called{
		Instant: s.now(), ID: len(s.ops), Process: "p" + words.Draw(s.t, "process"), Step: rapid.IntRange(0, 9).Draw(s.t, "step"),
		Phase:  rapid.SampledFrom([]model.Phase{model.Program, model.Load, model.Look, model.Closing, model.Ledger}).Draw(s.t, "phase"),
		Object: model.Object{Kind: k, N: rapid.IntRange(0, 3).Draw(s.t, "n")},
		Op:     operations(k).Draw(s.t, "op").String(), Key: words.Draw(s.t, "key"),
	})
}

func (s *streaming) attempt() {
	if id, o, found := s.pick(); found {
		o.attempts++
		s.add(model.Attempting{Instant: s.now(), ID: id, N: o.attempts})
	}
}

// end closes what is open of an operation: an attempt, itself, its ambiguity.
func (s *streaming) end() {
	id, o, found := s.pick()
	if !found {
		return
	}
	reason := rapid.SampledFrom([]model.Reason{"", model.NotSent, model.TimedOut, model.Unavailable}).Draw(s.t, "reason")
	switch {
	case o.ended < o.attempts:
		o.ended++
		s.add(model.Attempted{
			Instant: s.now(), ID: id, N: o.ended, Wrote: rapid.Bool().Draw(s.t, "wrote"), Status: rapid.IntRange(0, 599).Draw(s.t, "status"),
			Reason: reason, Detail: words.Draw(s.t, "detail"),
		})
	case !o.returned:
		o.returned = true
		e := model.Returned{Instant: s.now(), ID: id, Outcome: model.Ambiguous, Reason: reason}
		if rapid.Bool().Draw(s.t, "ok") {
			e.Outcome, e.Reason, e.Answer, e.Deferred = model.OK, "", answers.Draw(s.t, "answer").String(), s.deferred(o)
		}
		s.add(e)
	case !o.resolved:
		o.resolved = true
		s.add(model.ResolvedAs{Instant: s.now(), ID: id, By: "resend", Answer: answers.Draw(s.t, "answer").String(), Deferred: s.deferred(o)})
	case o.pending:
		o.pending = false
		s.add(model.Ran{Instant: s.now(), ID: id})
	case o.ended > 0 && rapid.Bool().Draw(s.t, "repeated"):
		s.add(model.RepeatedAs{Instant: s.now(), ID: id, N: o.ended, Answer: answers.Draw(s.t, "answer").String()})
	default:
		s.remark()
	}
}

func (s *streaming) deferred(o *streamed) model.Deferred {
	d := model.Deferred{
		Invocation: words.Draw(s.t, "invocation"), Due: rapid.Int64Range(0, 9).Draw(s.t, "due"), Pending: rapid.Bool().Draw(s.t, "pending"),
	}
	o.pending = d.Pending
	return d
}

func (s *streaming) fault() {
	if n := len(s.faults); n > 0 && rapid.Bool().Draw(s.t, "over") {
		f := s.faults[n-1]
		s.faults = s.faults[:n-1]
		s.add(model.FaultEnded{
			Instant: s.now(), Step: f.Step, Kind: f.Kind, Target: f.Target,
			As: rapid.SampledFrom([]model.FaultKind{"", "kill"}).Draw(s.t, "as"), Detail: words.Draw(s.t, "detail"),
			Version: rapid.SampledFrom([]string{"", "1.6.2"}).Draw(s.t, "reported"), Build: rapid.SampledFrom([]string{"", "577e032"}).Draw(s.t, "build"),
			Struck: s.struck(),
		})
		return
	}
	f := model.FaultBegan{
		Instant: s.now(), Step: rapid.IntRange(0, 3).Draw(s.t, "step"), Kind: rapid.SampledFrom([]model.FaultKind{"kill", "stop", "start"}).Draw(s.t, "kind"),
		Target: rapid.SampledFrom([]model.Target{"", "node-0", "node-12", model.ServiceTarget}).Draw(s.t, "target"),
	}
	if f.Kind == model.Start && rapid.Bool().Draw(s.t, "configured") {
		f.Start, f.Version = json.RawMessage(`{"state":"lazy","suspension":"at once"}`), "1.6.2"
	}
	s.faults = append(s.faults, f)
	s.add(f)
}

// remark adds an event that depends on no other.
func (s *streaming) remark() {
	switch n := rapid.IntRange(0, 2).Draw(s.t, "remark"); {
	case n == 0:
		s.add(model.Noted{Instant: s.now(), Text: words.Draw(s.t, "text")})
	case n == 1 || len(s.ops) == 0:
		s.add(model.Recovery{Step: n, Down: s.seq, Spawned: s.seq + 1, Health: s.seq + 2, Probe: s.seq + 3})
	default:
		s.add(model.Seen{
			Instant: s.now(), ID: rapid.IntRange(1, len(s.ops)).Draw(s.t, "id"), Invocation: words.Draw(s.t, "invocation"),
			Entry: rapid.IntRange(0, 3).Draw(s.t, "entry"), Reading: rapid.SampledFrom([]string{"entered", "effect", "finished", "broken"}).Draw(s.t, "reading"), Held: rapid.Bool().Draw(s.t, "held"),
		})
	}
}

// struck are attempts that a fault struck.
func (s *streaming) struck() (out []model.Struck) {
	for range rapid.IntRange(0, min(2, len(s.ops))).Draw(s.t, "struck") {
		out = append(out, model.Struck{
			ID: rapid.IntRange(1, len(s.ops)).Draw(s.t, "id"), Entry: rapid.IntRange(1, 3).Draw(s.t, "entry"),
			Reading: rapid.SampledFrom([]string{"", "entered", "effect"}).Draw(s.t, "reading"),
		})
	}
	return out
}

// collect is the history that the events make up in memory.
func collect(events []model.Event) (*model.History, error) {
	h := &model.History{}
	for i, e := range events {
		if err := h.Apply(e); err != nil {
			return nil, fmt.Errorf("event %d: %w", i, err)
		}
	}
	return h, nil
}

// file is the history file of the events.
func file(events []model.Event) []byte {
	var out []byte
	for _, e := range events {
		out = append(out, model.EncodeEvent(e)...)
	}
	return out
}
