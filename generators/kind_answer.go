package generators

import (
	"math/rand/v2"

	"retain/model"
)

var _ = registerKind(model.Answers, kindPart{
	weight: 2,
	operations: []operation{
		{name: "submit", weight: 4, draw: func(d *drawing, _ int, o model.Object) model.Operation {
			return d.submit(o, rare(d.t, "again", 2))
		}, load: func(c *LoadClient, _ *rand.Rand) model.Operation {
			return model.AnswerSubmit{Value: c.value()}
		}, effective: func(d *drawing, _ int, _ model.Object) model.Operation {
			return model.AnswerSubmit{Value: d.value()}
		}},
		{name: "fail", handlers: []string{"submit"}, bursts: (*drawing).askAgain, weight: 2, draw: func(d *drawing, _ int, _ model.Object) model.Operation {
			return model.AnswerSubmit{Value: d.value(), Fails: true}
		}, load: func(c *LoadClient, _ *rand.Rand) model.Operation {
			return model.AnswerSubmit{Value: c.value(), Fails: true}
		}},
		{name: "output", handlers: []string{"submit"}, reads: true, weight: 3, draw: func(d *drawing, _ int, o model.Object) model.Operation {
			return model.AnswerOutput{Value: d.submitted(o, true)}
		}, load: func(c *LoadClient, r *rand.Rand) model.Operation {
			return model.AnswerOutput{Value: c.earlier(r)}
		}},
		{name: "attach", handlers: []string{"submit"}, reads: true, weight: 2, draw: func(d *drawing, _ int, o model.Object) model.Operation {
			return model.AnswerAttach{Value: d.submitted(o, true)}
		}, load: func(c *LoadClient, r *rand.Rand) model.Operation {
			return model.AnswerAttach{Value: c.earlier(r)}
		}},
		{name: "peek", handlers: []string{"submit"}, reads: true, weight: 1, draw: func(d *drawing, _ int, o model.Object) model.Operation {
			return model.AnswerPeek{Value: d.submitted(o, true)}
		}, load: func(c *LoadClient, r *rand.Rand) model.Operation {
			return model.AnswerPeek{Value: c.earlier(r)}
		}},
		{name: "get", reads: true, weight: 1, always: model.AnswerGet{}},
	},
	name: answersName,
	// A server that starts is asked for an answer that it gave before.
	recovering: func(d *drawing, o model.Object) model.Operation {
		values := d.states[o].(model.AnswersState).Values()
		if len(values) == 0 || !d.use.exclude.Draws("answer peek") {
			return nil
		}
		return model.AnswerPeek{Value: pick(d.t, "key", values...)}
	},
})

// answersName is what a client does: a call that fails has the handler of one that does not.
func answersName(op model.Operation) string {
	if submit, is := op.(model.AnswerSubmit); is && submit.Fails {
		return "fail"
	}
	return op.Handler()
}

// askAgain asks for the answer of a call once more, or sends its key again.
func (d *drawing) askAgain(_ int, o model.Object, call model.Operation) {
	ways := []model.Operation{call}
	for _, ask := range []model.Operation{model.AnswerOutput{Value: model.KeyOf(call)}, model.AnswerAttach{Value: model.KeyOf(call)}} {
		if d.use.exclude.Draws(NameOf(ask)) {
			ways = append(ways, ask)
		}
	}
	if len(d.steps) < d.use.maxSteps {
		d.operate(pick(d.t, "client", d.use.clients...), o, pick(d.t, "way", ways...))
	}
}

// submit is a call with a new key, or with that of an earlier one, as that was: it has one
// execution.
func (d *drawing) submit(o model.Object, again bool) model.Operation {
	value := d.submitted(o, again)
	return model.AnswerSubmit{Value: value, Fails: d.states[o].(model.AnswersState).Fails(value)}
}

// submitted is the key of an earlier call on the object, or a new one: if there is none, or
// none is asked for.
func (d *drawing) submitted(o model.Object, earlier bool) string {
	values := d.states[o].(model.AnswersState).Values()
	if !earlier || len(values) == 0 {
		return d.value()
	}
	return pick(d.t, "key", values...)
}

// earlierAtMost is how many operations back a client of a load asks for an answer.
const earlierAtMost = 8

// earlier is the value of an earlier operation of the client. It may have been no call: then
// no answer has this key.
func (c *LoadClient) earlier(r *rand.Rand) string {
	back := 1 + r.IntN(earlierAtMost)
	return c.valueOf(max(0, c.next-back))
}
