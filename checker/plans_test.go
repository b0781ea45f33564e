package checker

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"retain/generators"
	"retain/model"
)

// acting runs plans on correct objects, without a runtime: clients are concurrent, and
// operations that are open at a fault are ambiguous.
type acting struct {
	rng    *rand.Rand
	h      *model.History
	seq    int64
	states map[model.Object]model.State
	names  map[int]int // by client: how often it went on
	open   []*running
	late   []*running
	lossy  float64 // the share of answers that are lost beside those that faults take
}

func (a *acting) tick() model.Instant {
	a.seq++
	return model.Instant{Seq: a.seq, Ns: a.seq}
}

// act is the history of a plan.
func act(p generators.Plan, rng *rand.Rand, lossy float64) *model.History {
	a := &acting{rng: rng, lossy: lossy, states: map[model.Object]model.State{}, names: map[int]int{}}
	a.h = &model.History{Header: model.Header{Version: 1, Run: "acting"}, Ended: true}
	for _, o := range p.Objects() {
		a.states[o] = o.Kind.Initial()
	}
	var due []generators.Operate
	for _, s := range p.Steps {
		switch s := s.(type) {
		case generators.Operate:
			due = append(due, s)
		case generators.Inject:
			a.run(due, s.Fault == model.Kill || s.Fault == model.Stop)
			due = nil
			a.h.Faults = append(a.h.Faults, model.Fault{Kind: s.Fault, Begin: a.tick(), End: a.tick()})
		}
	}
	a.run(due, false)
	a.look(p)
	if p.Config.Resolve != generators.LeaveOpen && !p.Config.Unkeyed {
		for _, r := range a.late {
			o := &a.h.Operations[r.id-1]
			a.effect(r)
			o.Resolution = &model.Resolution{At: a.tick(), By: "resend", Answer: r.answer}
		}
	}
	a.look(p)
	return a.h
}

// run carries out the operations; before a fault, those that are open when the last is
// called stay open.
func (a *acting) run(due []generators.Operate, fault bool) {
	for len(due) > 0 || !fault && len(a.open) > 0 {
		free := slices.IndexFunc(due, func(o generators.Operate) bool {
			return !slices.ContainsFunc(a.open, func(r *running) bool { return r.client == o.Client })
		})
		switch n := a.rng.IntN(4); {
		case n < 2 && free >= 0:
			a.call(due[free].Client, due[free].Object, due[free].Op)
			due = slices.Delete(due, free, free+1)
		case n == 2 && len(a.open) > 0:
			a.effect(a.open[a.rng.IntN(len(a.open))])
		case n == 3 && len(a.open) > 0:
			i := a.rng.IntN(len(a.open))
			r := a.open[i]
			a.open = slices.Delete(a.open, i, i+1)
			if r.client >= 0 && a.rng.Float64() < a.lossy {
				a.giveUp(r)
				continue
			}
			a.effect(r)
			o := &a.h.Operations[r.id-1]
			o.Outcome, o.Reason, o.Answer, o.Return = model.OK, "", r.answer, a.tick()
		}
	}
	for _, r := range a.open {
		a.giveUp(r)
	}
	a.open = nil
}

// giveUp leaves an operation ambiguous.
func (a *acting) giveUp(r *running) {
	a.names[r.client]++
	a.h.Operations[r.id-1].Reason = model.TimedOut
	if a.rng.IntN(2) == 0 {
		a.effect(r)
	}
	a.late = append(a.late, r)
}

func (a *acting) call(client int, object model.Object, op model.Operation) *running {
	r := &running{id: len(a.h.Operations) + 1, client: client}
	a.h.Operations = append(a.h.Operations, model.Invoked{
		ID: r.id, Process: fmt.Sprintf("%d.%d", client, a.names[client]), Phase: model.Program, Object: object, Op: op,
		Call: a.tick(), Return: model.Forever, Outcome: model.Ambiguous, Reason: model.LeftOpen,
	})
	a.open = append(a.open, r)
	return r
}

func (a *acting) effect(r *running) {
	if !r.happened {
		o := &a.h.Operations[r.id-1]
		r.happened = true
		a.states[o.Object], r.answer = o.Op.Apply(a.states[o.Object])
	}
}

// look reads every object, one after the other.
func (a *acting) look(p generators.Plan) {
	var reads []generators.Operate
	for _, o := range p.Objects() {
		switch o.Kind {
		case model.Counter:
			reads = append(reads, generators.Operate{Client: -1, Object: o, Op: model.CounterGet{}})
		case model.List:
			reads = append(reads, generators.Operate{Client: -1, Object: o, Op: model.ListGet{}})
		case model.Mailbox:
			reads = append(reads, generators.Operate{Client: -1, Object: o, Op: model.MailboxGet{}})
		case model.Answers:
			reads = append(reads, generators.Operate{Client: -1, Object: o, Op: model.AnswerGet{}})
		case model.Awakeables:
			reads = append(reads, generators.Operate{Client: -1, Object: o, Op: model.AwakeableGet{}})
		case model.Register:
			reads = append(reads, generators.Operate{Client: -1, Object: o, Op: model.RegisterRead{}})
		case model.Map:
			seen := map[string]bool{}
			for _, s := range p.Steps {
				if s, ok := s.(generators.Operate); ok && s.Object == o {
					if set, ok := s.Op.(model.MapSet); ok && !seen[set.Key] {
						seen[set.Key] = true
						reads = append(reads, generators.Operate{Client: -1, Object: o, Op: model.MapGet{Key: set.Key}})
					}
				}
			}
		}
	}
	a.run(reads, false)
}

// What the generators draw is decided, and not by porcupine alone: with everything
// ambiguous resolved as the plan says, with all of it left open, and with a third
// and more than half of all answers lost. Mailboxes have plans of their own, in which the
// effect of what was sent comes before its answer, and so have answers and awakeables.
func TestGeneratedPlansAreDecided(t *testing.T) {
	for _, mode := range []struct {
		unresolved bool
		lossy      float64
		kinds      []model.Kind
	}{
		{false, 0, decidedKinds}, {true, 0, decidedKinds}, {false, 0.3, decidedKinds}, {true, 0.3, decidedKinds}, {false, 0.6, decidedKinds}, {true, 0.6, decidedKinds},
		{false, 0.3, []model.Kind{model.Mailbox}}, {true, 0.6, []model.Kind{model.Mailbox}},
		{false, 0.3, []model.Kind{model.Answers}}, {true, 0.6, []model.Kind{model.Answers}},
		{false, 0.3, []model.Kind{model.Awakeables}}, {true, 0.6, []model.Kind{model.Awakeables}},
	} {
		var others generators.Exclusions
		for _, k := range model.Kinds() {
			if !slices.Contains(mode.kinds, k) {
				others = append(others, generators.Exclusion{What: generators.ExcludedObject, Name: string(k), Reason: "this test draws others"})
			}
		}
		t.Run(fmt.Sprintf("unresolved=%t,lossy=%g,%d kinds", mode.unresolved, mode.lossy, len(mode.kinds)), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(3, 4))
			c := newCounts()
			open, slowest := 0, time.Duration(0)
			plans := times(1000)
			for n := range plans {
				h := act(generators.Draw(7, n, generators.Options{Unresolved: mode.unresolved, Exclude: others}), rng, mode.lossy)
				r := Check(h, unhurried)
				if r.Verdict != Pass {
					t.Fatalf("plan %d: %s %s\n%s", n, r.Verdict, r.Reason, dump(h))
				}
				slowest = max(slowest, r.Cost)
				for _, o := range r.Objects {
					c.add(finding{Judgement: o.Resolved}, "", true)
					open += o.Open
				}
			}
			c.log(t, "objects of generated plans")
			t.Logf("%.1f operations open per plan, slowest check %s", float64(open)/float64(plans), slowest)
			if share := 1 - float64(c.by[ByPorcupine])/float64(c.histories); share < 0.95 {
				t.Errorf("only %.1f %% were decided without porcupine", 100*share)
			}
		})
	}
}
