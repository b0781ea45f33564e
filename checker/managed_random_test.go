package checker

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/model"
)

// invocation is one of a runtime that is played: at most one for each idempotency key that it
// knows.
type invocation struct {
	key     string
	op      model.Operation
	applied model.Answer // what its handler answered, nil before that
	answer  model.Answer // what its clients are answered, nil while it runs
}

// playing is a runtime that keeps its promises, one object of it, and what was called on it.
type playing struct {
	rng   *rand.Rand
	state model.State
	keys  map[string]*invocation
	of    map[int]*invocation // by step
	// holder has done what it does and is not over: it has the key of the object.
	holder *invocation
	h      *model.History
}

// happening is a moment in the life of an operation: it arrives, or its invocation ends.
type happening struct {
	at      int
	of      int // the index of the operation
	arrives bool
}

// execute has the handler of an invocation do what it does, once and in its turn.
func (p *playing) execute(i *invocation) {
	if i.applied != nil {
		return
	}
	p.release()
	p.state, i.applied = model.Executed(i.op).Apply(p.state)
	p.holder = i
}

// release ends the invocation that has the key of the object.
func (p *playing) release() {
	if p.holder != nil && p.holder.answer == nil {
		p.holder.answer = p.holder.applied
	}
	p.holder = nil
}

// happens is what the runtime does at a moment.
func (p *playing) happens(e happening) {
	o := &p.h.Operations[e.of]
	m, manages := o.Op.(model.Manage)
	asks := model.AskingOf(o.Op)
	switch {
	case manages && e.arrives:
		p.manage(o, m)
	case manages:
	case asks.For != nil:
		known := p.keys[model.KeyOf(asks.For)]
		switch {
		case known != nil && known.answer != nil:
			o.Answer = known.answer
		case !asks.Waits && known != nil:
			o.Answer = model.Unfinished{}
		case !asks.Waits || known == nil:
			o.Answer = model.Unknown{}
		}
	case o.Op.ReadOnly():
		p.release()
		_, o.Answer = o.Op.Apply(p.state)
	case e.arrives:
		own := p.keys[o.Key]
		if own == nil {
			own = &invocation{key: o.Key, op: o.Op}
			p.keys[o.Key] = own
			if p.rng.IntN(2) == 0 {
				p.execute(own)
			}
		}
		p.of[o.Step] = own
	default:
		if own := p.of[o.Step]; own.answer == nil {
			p.execute(own)
			own.answer = own.applied
		}
		o.Answer = p.of[o.Step].answer
	}
}

// manage does something to the invocation of an operation. The verb fails where the runtime
// refuses it.
func (p *playing) manage(o *model.Invoked, m model.Manage) {
	of := p.of[m.Step]
	if of == nil {
		return
	}
	switch {
	case m.Verb.Ends() && of.answer == nil:
		of.answer = model.Failure{Code: 409, Message: "killed"}
		o.Answer = model.Done{}
	case m.Verb == model.PurgeInvocation && of.answer != nil:
		if p.keys[of.key] == of {
			delete(p.keys, of.key)
		}
		o.Answer = model.Done{}
	case m.Verb == model.RestartInvocation && of.answer != nil:
		p.release()
		p.state, o.Answer = m.Apply(p.state)
	}
}

// playManaged draws a history of 4 to 9 operations on one object, a third of them on the
// invocations of others, as a runtime may answer that keeps its promises. A fifth of them is
// ambiguous.
func playManaged(rng *rand.Rand, object model.Object, change func(step int) (model.Operation, string), read model.Operation) *model.History {
	p := &playing{rng: rng, state: object.Kind.Initial(), keys: map[string]*invocation{}, of: map[int]*invocation{}}
	p.h = &model.History{Header: model.Header{Version: model.HistoryVersion, Run: "test"}, Ended: true}
	n := 4 + rng.IntN(6)
	moments := rng.Perm(4 * n)
	var all []happening
	changes := []model.Operation{}
	for i := range n {
		own := slices.Sorted(slices.Values(moments[4*i : 4*i+4]))
		at := func(k int) model.Instant { return model.Instant{Seq: int64(own[k]) + 1, Ns: int64(own[k]) + 1} }
		o := model.Invoked{Process: fmt.Sprint(i), Step: i + 1, Phase: model.Program, Object: object, Call: at(0), Return: at(3), Outcome: model.OK}
		switch {
		case len(changes) > 0 && rng.IntN(3) == 0:
			m := model.Manage{Verb: []model.Verb{model.KillInvocation, model.KillInvocation, model.PurgeInvocation, model.RestartInvocation}[rng.IntN(4)], Step: 1 + rng.IntN(i), On: object.Kind}
			if m.Verb == model.RestartInvocation {
				m.Of = changes[m.Step-1]
			}
			if changes[m.Step-1] == nil {
				m.Verb, m.Of = model.KillInvocation, nil
			}
			o.Op = m
			changes = append(changes, nil)
		case rng.IntN(3) == 0:
			o.Op = read
			changes = append(changes, nil)
		default:
			o.Op, o.Key = change(i + 1)
			changed := o.Op
			if o.Op.ReadOnly() {
				changed = nil
			}
			changes = append(changes, changed)
		}
		o.Attempts = []model.Attempt{{N: 1, Start: o.Call, End: o.Return, Wrote: true}}
		p.h.Operations = append(p.h.Operations, o)
		all = append(all, happening{own[1], i, true}, happening{own[2], i, false})
	}
	slices.SortFunc(all, func(a, b happening) int { return cmp.Compare(a.at, b.at) })
	for _, e := range all {
		p.happens(e)
	}
	for i := range p.h.Operations {
		o := &p.h.Operations[i]
		_, manages := o.Op.(model.Manage)
		switch {
		case manages && o.Answer == nil:
			o.Outcome, o.Reason = model.Failed, model.Rejected
		case o.Answer == nil || rng.IntN(5) == 0:
			o.Outcome, o.Reason, o.Answer = model.Ambiguous, model.Disconnected, nil
		}
		o.Attempts[0].Reason = o.Reason
	}
	slices.SortFunc(p.h.Operations, func(a, b model.Invoked) int { return cmp.Compare(a.Call.Seq, b.Call.Seq) })
	for i := range p.h.Operations {
		p.h.Operations[i].ID = i + 1
	}
	return p.h
}

// A runtime that keeps its promises is never blamed, whatever is done to its invocations: no
// answer of it that it may give is a violation.
func TestWhatAPlayedRuntimeAnswersAboutInvocationsIsLegal(t *testing.T) {
	for _, c := range []struct {
		object model.Object
		change func(rng *rand.Rand, step int) (model.Operation, string)
		read   model.Operation
	}{
		{model.Object{Kind: model.Answers}, func(rng *rand.Rand, _ int) (model.Operation, string) {
			key := rng.IntN(2)
			value := fmt.Sprintf("v%d", key)
			switch rng.IntN(5) {
			case 0:
				return model.AnswerOutput{Value: value}, value
			case 1:
				return model.AnswerAttach{Value: value}, value
			}
			return model.AnswerSubmit{Value: value, Fails: key > 0}, value
		}, model.AnswerGet{}},
		{model.Object{Kind: model.Counter}, func(_ *rand.Rand, step int) (model.Operation, string) {
			return model.CounterAdd{Delta: 1}, fmt.Sprintf("k%d", step)
		}, model.CounterGet{}},
		{model.Object{Kind: model.List}, func(_ *rand.Rand, step int) (model.Operation, string) {
			return model.ListAppend{Value: fmt.Sprintf("v%d", step)}, fmt.Sprintf("k%d", step)
		}, model.ListGet{}},
	} {
		t.Run(string(c.object.Kind), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(17, 4))
			verbs := map[model.Verb]int{}
			for range times(10_000) {
				h := playManaged(rng, c.object, func(step int) (model.Operation, string) { return c.change(rng, step) }, c.read)
				require.NoError(t, h.Validate(), "%s", dump(h))
				h.EachManaged(func(m model.Manage, _, of *model.Invoked) { verbs[m.Verb]++ })
				if r := Check(h, Options{}); r.Verdict != Pass {
					t.Fatalf("%s %s\n%s", r.Verdict, r.Reason, dump(h))
				}
			}
			for _, v := range []model.Verb{model.KillInvocation, model.PurgeInvocation, model.RestartInvocation} {
				assert.Greater(t, verbs[v], times(10_000)/40, v)
			}
		})
	}
}
