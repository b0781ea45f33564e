package checker

import (
	"fmt"
	"math/rand/v2"

	"retain/model"
)

// simulation draws histories of one object that behaves: every operation has its
// effect at one instant between its call and its return, and ambiguous ones at
// any time after their calls, or never.
type simulation struct {
	rng  *rand.Rand
	kind model.Kind
	// operations and clients are how many; ambiguous, failed, resolved and
	// faulty are shares.
	operations, clients int
	ambiguous, failed   float64
	resolved, faulty    float64
	// repeats lets values be written more than once, from a pool of this many;
	// 0 writes each value once.
	repeats int
	// entries is the number of a map's entries; additions the largest addition.
	entries, additions int
	// clears is the share of operations that clear.
	clears float64
	// shared serves a map's get as a shared handler: clearAll clears one entry
	// after the other, gets see that, everything else waits.
	shared bool
	// swaps is the share of compare-and-sets that expect what is there.
	swaps float64

	h       *model.History
	seq     int64
	state   model.State
	process []int // by client: how often it went on after an ambiguous outcome
	open    []*running
	late    []*running // ambiguous, their effects may come
	values  int
	recent  []string
	busy    *running // a clearAll of a shared map
}

type running struct {
	id, client int
	happened   bool
	answer     model.Answer
	fate       model.Outcome
}

func (s *simulation) instant() model.Instant {
	s.seq++
	return model.Instant{Seq: s.seq, Ns: s.seq * 1000}
}

// run draws a history.
func (s *simulation) run() *model.History {
	s.h = &model.History{Header: model.Header{Version: 1, Run: "simulated"}, Ended: true}
	s.state = s.kind.Initial()
	s.process = make([]int, s.clients)
	for len(s.h.Operations) < s.operations || len(s.open) > 0 {
		s.step()
	}
	s.resolve()
	return s.h
}

func (s *simulation) step() {
	idle := s.idle()
	switch n := s.rng.IntN(10); {
	case n < 4 && len(idle) > 0 && len(s.h.Operations) < s.operations:
		s.call(idle[s.rng.IntN(len(idle))])
	case n < 6 && len(s.open) > 0:
		s.effect(s.open[s.rng.IntN(len(s.open))])
	case n < 7 && len(s.late) > 0 && s.rng.IntN(2) == 0:
		s.effect(s.late[s.rng.IntN(len(s.late))])
	case n < 9 && len(s.open) > 0:
		s.end(s.rng.IntN(len(s.open)))
	case n == 9 && s.rng.Float64() < s.faulty:
		kind := []model.FaultKind{"kill", "stop"}[s.rng.IntN(2)]
		s.h.Faults = append(s.h.Faults, model.Fault{Kind: kind, Begin: s.instant(), End: s.instant()})
	}
}

func (s *simulation) idle() []int {
	var out []int
	for c := range s.clients {
		busy := false
		for _, r := range s.open {
			busy = busy || r.client == c
		}
		if !busy {
			out = append(out, c)
		}
	}
	return out
}

func (s *simulation) call(client int) {
	r := &running{id: len(s.h.Operations) + 1, client: client, fate: model.OK}
	process := fmt.Sprint(client)
	if n := s.process[client]; n > 0 {
		process = fmt.Sprintf("%d.%d", client, n)
	}
	switch n := s.rng.Float64(); {
	case n < s.ambiguous:
		r.fate = model.Ambiguous
	case n < s.ambiguous+s.failed:
		r.fate = model.Failed
	}
	call := s.instant()
	s.h.Operations = append(s.h.Operations, model.Invoked{
		ID: r.id, Process: process, Phase: model.Program, Object: model.Object{Kind: s.kind}, Op: s.draw(),
		Call: call, Return: model.Forever, Outcome: model.Ambiguous, Reason: model.LeftOpen,
		Attempts: []model.Attempt{{N: 1, Start: call, End: model.Forever, Wrote: r.fate != model.Failed, Reason: model.LeftOpen}},
	})
	s.open = append(s.open, r)
}

func (s *simulation) effect(r *running) {
	if r.happened || r.fate == model.Failed {
		return
	}
	op := s.h.Operations[r.id-1].Op
	if s.shared && s.clearing(r, op) {
		return
	}
	r.happened = true
	s.state, r.answer = op.Apply(s.state)
}

// clearing takes a step of a clearAll that is not atomic to gets, or makes an
// operation wait for one. It reports whether the operation's time has not come.
func (s *simulation) clearing(r *running, op model.Operation) bool {
	if op.ReadOnly() {
		return false
	}
	if s.busy != nil && s.busy != r {
		return true
	}
	if op != model.Operation(model.MapClearAll{}) {
		return false
	}
	_, left := op.Apply(s.state)
	if s.busy == nil {
		r.answer, s.busy = left, r
	}
	entries := left.(model.Entries)
	if len(entries) == 0 {
		r.happened, s.busy = true, nil
		return true
	}
	if len(entries) == 1 && s.rng.IntN(8) > 0 {
		return true // time for gets
	}
	gone := s.rng.IntN(len(entries))
	s.state = s.kind.Initial()
	for i, e := range entries {
		if i != gone {
			s.state, _ = model.MapSet(e).Apply(s.state)
		}
	}
	return true
}

func (s *simulation) end(i int) {
	r := s.open[i]
	o := &s.h.Operations[r.id-1]
	if r.fate == model.OK && !r.happened {
		return
	}
	s.open = append(s.open[:i], s.open[i+1:]...)
	o.Outcome, o.Reason = r.fate, ""
	if r.fate != model.Ambiguous || s.rng.IntN(2) == 0 {
		o.Return = s.instant()
	}
	switch r.fate {
	case model.OK:
		o.Answer = r.answer
	case model.Failed:
		o.Reason = model.NotSent
	case model.Ambiguous:
		o.Reason = model.TimedOut
		s.process[r.client]++
		s.late = append(s.late, r)
	}
}

// resolve re-sends some of what is ambiguous, and looks some of the rest up.
func (s *simulation) resolve() {
	for _, r := range s.late {
		o := &s.h.Operations[r.id-1]
		if s.rng.Float64() >= s.resolved {
			if r.happened && s.rng.IntN(4) == 0 {
				o.Resolution = &model.Resolution{At: s.instant(), By: model.LookUp, Answer: r.answer}
			}
			continue
		}
		s.instant()
		for !r.happened {
			if s.busy != nil {
				s.effect(s.busy)
			}
			s.effect(r)
		}
		o.Attempts = append(o.Attempts, model.Attempt{N: 2, Start: s.instant(), End: model.Forever, Wrote: true})
		o.Resolution = &model.Resolution{At: s.instant(), By: model.Resend, Answer: r.answer}
	}
}

// draw draws an operation.
func (s *simulation) draw() model.Operation {
	clear := s.rng.Float64() < s.clears
	switch s.kind {
	case model.Counter:
		return s.drawCounter(clear)
	case model.Map:
		return s.drawMap(clear)
	case model.List:
		switch {
		case clear:
			return model.ListClear{}
		case s.rng.IntN(2) == 0:
			return model.ListGet{}
		}
		return model.ListAppend{Value: s.value()}
	}
	return s.drawRegister(clear)
}

func (s *simulation) drawCounter(clear bool) model.Operation {
	delta := int64(1)
	if s.additions > 1 {
		delta = 1 + s.rng.Int64N(int64(s.additions))
	}
	switch n := s.rng.IntN(10); {
	case clear:
		return model.CounterReset{}
	case n < 4:
		return model.CounterGet{}
	case n < 5:
		return model.CounterAdd{}
	case n < 7:
		return model.CounterAddThenFail{Delta: delta}
	}
	return model.CounterAdd{Delta: delta}
}

func (s *simulation) drawMap(clear bool) model.Operation {
	key := fmt.Sprintf("k%d", s.rng.IntN(max(1, s.entries)))
	switch {
	case clear:
		return model.MapClearAll{}
	case s.rng.IntN(2) == 0:
		return model.MapGet{Key: key}
	}
	return model.MapSet{Key: key, Value: s.value()}
}

func (s *simulation) drawRegister(clear bool) model.Operation {
	switch n := s.rng.IntN(10); {
	case clear:
		return model.RegisterClear{}
	case n < 4:
		return model.RegisterRead{Exclusive: s.rng.IntN(2) == 0}
	case n < 7:
		expect := ""
		if s.rng.Float64() < s.swaps {
			expect = string(s.state.(model.RegisterState))
		} else if len(s.recent) > 0 && s.rng.IntN(4) > 0 {
			expect = s.recent[s.rng.IntN(len(s.recent))]
		}
		return model.RegisterCompareAndSet{Expect: expect, Value: s.value()}
	}
	return model.RegisterWrite{Value: s.value()}
}

// value draws a value to write.
func (s *simulation) value() string {
	s.values++
	v := fmt.Sprintf("v%d", s.values)
	if s.repeats > 0 {
		v = fmt.Sprintf("v%d", 1+s.rng.IntN(s.repeats))
	}
	if s.recent = append(s.recent, v); len(s.recent) > 4 {
		s.recent = s.recent[1:]
	}
	return v
}

// draws are simulations of all kinds, to be varied.
func drawSimulation(rng *rand.Rand, kind model.Kind, operations int) *simulation {
	s := &simulation{
		rng: rng, kind: kind, operations: operations, clients: 1 + rng.IntN(4),
		ambiguous: []float64{0, 0.1, 0.3, 0.5}[rng.IntN(4)], failed: []float64{0, 0.1}[rng.IntN(2)],
		resolved: []float64{0, 0.5, 1}[rng.IntN(3)], faulty: 0.3,
		entries: 1 + rng.IntN(2), additions: []int{1, 1, 3}[rng.IntN(3)],
		clears: []float64{0, 0.1, 0.3}[rng.IntN(3)], swaps: []float64{0.3, 0.7}[rng.IntN(2)],
	}
	if rng.IntN(4) == 0 {
		s.repeats = 2
	}
	return s
}
