package generators

import (
	"cmp"
	"math/rand/v2"
	"slices"

	"retain/model"
)

// awaitDelays are how long a handler sleeps before it awaits, in milliseconds: completions come
// first then.
var awaitDelays = []int64{0, 0, 0, 100, 100, 200}

var _ = registerKind(model.Awakeables, kindPart{
	weight: 3,
	operations: []operation{
		{name: "await", handlers: []string{"await", "publish", "id"}, lasting: true, opens: true, bursts: (*drawing).compete, weight: 6, draw: func(d *drawing, _ int, o model.Object) model.Operation {
			return d.await(o)
		}, load: func(c *LoadClient, r *rand.Rand) model.Operation {
			return c.await(r)
		}, effective: func(d *drawing, _ int, _ model.Object) model.Operation {
			return model.AwakeableAwait{Value: d.value()}
		}},
		completing("resolve", 4, func(value, result string) model.Operation {
			return model.AwakeableResolve{Value: value, Result: result}
		}),
		completing("reject", 2, func(value, reason string) model.Operation { return model.AwakeableReject{Value: value, Reason: reason} }),
		completing("relay", 3, func(value, result string) model.Operation { return model.AwakeableRelay{Value: value, Result: result} }, "relay"),
		{name: "id", reads: true, weight: 1, draw: func(d *drawing, client int, o model.Object) model.Operation {
			return model.AwakeableID{Value: d.awaited(client, o)}
		}, load: func(c *LoadClient, _ *rand.Rand) model.Operation {
			return model.AwakeableID{Value: c.lastAwait()}
		}},
		{name: "output", handlers: []string{"await", "publish"}, reads: true, weight: 3, draw: func(d *drawing, client int, o model.Object) model.Operation {
			return model.AwakeableOutput{Value: d.awaited(client, o)}
		}, load: func(c *LoadClient, _ *rand.Rand) model.Operation {
			return model.AwakeableOutput{Value: c.lastAwait()}
		}},
		{name: "attach", handlers: []string{"await", "publish"}, reads: true, weight: 3, draw: func(d *drawing, client int, o model.Object) model.Operation {
			return d.attach(client, o)
		}, load: func(c *LoadClient, _ *rand.Rand) model.Operation {
			return c.attach()
		}, needs: func(d *drawing, client int, o model.Object) {
			if d.completedBy(client, o) == "" {
				d.completeOne(client, o)
			}
		}},
		{name: "get", reads: true, weight: 1, always: model.AwakeableGet{}},
	},
	saw:     sawAwakeable,
	lasting: func(d *drawing, o model.Object) model.Operation { return d.await(o) },
})

// completing is an operation that completes an awakeable, by the ingress or by a handler.
func completing(name string, weight int, of func(value, result string) model.Operation, by ...string) operation {
	return operation{name: name, handlers: append([]string{"await", "publish", "id"}, by...), gateless: len(by) == 0, completes: of, weight: weight, draw: func(d *drawing, client int, o model.Object) model.Operation {
		if len(d.states[o].(model.AwakeablesState).Values()) == 0 && d.use.exclude.Draws("awakeable await") {
			return d.await(o)
		}
		return of(d.awaited(client, o), d.value())
	}, load: func(c *LoadClient, r *rand.Rand) model.Operation {
		return c.complete(r)
	}, effective: func(d *drawing, client int, o model.Object) model.Operation {
		return of(d.openAwait(client, o), d.value())
	}}
}

// compete completes an awakeable, several times if its handler sleeps before it awaits: the first
// completion wins. Every other time a fault meets that.
func (d *drawing) compete(client int, o model.Object, await model.Operation) {
	ways := slices.DeleteFunc(slices.Clone(d.use.writes[o.Kind]), func(w operation) bool { return !w.ends() })
	n := 1
	if await.(model.AwakeableAwait).DelayMs > 0 {
		n = 3
	}
	for range n {
		if len(ways) > 0 && len(d.steps) < d.use.maxSteps {
			d.operate(client, o, pick(d.t, "completion", ways...).completes(model.AwakeableOf(await), d.value()))
		}
	}
	d.strikeNow(1)
}

// await awaits a new awakeable, or now and then sends an earlier key again, as it was.
func (d *drawing) await(o model.Object) model.Operation {
	value, delay := d.value(), pick(d.t, "delay", awaitDelays...)
	if rare(d.t, "again", 3) {
		for _, s := range d.drawn {
			if await, is := s.Op.(model.AwakeableAwait); is && s.Object == o {
				return await
			}
		}
	}
	return model.AwakeableAwait{Value: value, DelayMs: delay}
}

// awaited is the value of an awakeable of the object, mostly the last one that the client awaits: of
// another client's it need not be published yet. A new one if there is none.
func (d *drawing) awaited(client int, o model.Object) string {
	own := common(d.t, "own", 1)
	var last string
	for _, s := range d.drawn {
		if await, is := s.Op.(model.AwakeableAwait); is && s.Object == o && s.Client == client {
			last = await.Value
		}
	}
	values := d.states[o].(model.AwakeablesState).Values()
	switch {
	case own && last != "":
		return last
	case len(values) > 0:
		return pick(d.t, "value", values...)
	}
	return d.value()
}

// openAwait is the value of an awakeable of the object that nothing has completed. If there is none
// the client awaits one before, unless that is excluded.
func (d *drawing) openAwait(client int, o model.Object) string {
	state := d.states[o].(model.AwakeablesState)
	for _, value := range state.Values() {
		if _, completed := state.Completed(value); !completed {
			return value
		}
	}
	value := d.value()
	if d.use.exclude.Draws("awakeable await") {
		d.operate(client, o, model.AwakeableAwait{Value: value})
	}
	return value
}

// completeOne lets the client complete an awakeable of the object, if that is drawn.
func (d *drawing) completeOne(client int, o model.Object) {
	for _, w := range d.use.exclude.writing(o.Kind) {
		if w.ends() {
			d.operate(client, o, w.effective(d, client, o))
			return
		}
	}
}

// completedBy is the value of the awakeable of the object that the client completed last, "" for
// none.
func (d *drawing) completedBy(client int, o model.Object) string {
	for _, s := range slices.Backward(d.drawn) {
		_, completes := model.CompletionOf(s.Op)
		if value := model.AwakeableOf(s.Op); completes && s.Client == client && s.Object == o && slices.Contains(d.states[o].(model.AwakeablesState).Values(), value) {
			return value
		}
	}
	return ""
}

// attach waits for a handler whose awakeable the client has completed. Without one it asks for the
// answer of one that nobody may ever complete, or waits for what nobody sent.
func (d *drawing) attach(client int, o model.Object) model.Operation {
	switch completed := d.completedBy(client, o); {
	case completed != "":
		return model.AwakeableAttach{Value: completed}
	case d.use.exclude.Draws("awakeable output"):
		return model.AwakeableOutput{Value: d.awaited(client, o)}
	}
	return model.AwakeableAttach{Value: d.value()}
}

// await awaits an awakeable. The client completes the one that it has left open first, so
// that few are open.
func (c *LoadClient) await(r *rand.Rand) model.Operation {
	if ways := c.waysToComplete(c.open); c.open != "" && len(ways) > 0 {
		return ways[r.IntN(len(ways))]
	}
	await := model.AwakeableAwait{Value: c.value(), DelayMs: loadAwaitDelays[r.IntN(len(loadAwaitDelays))]}
	c.open = await.Value
	return await
}

// loadAwaitDelays are [awaitDelays] of a load.
var loadAwaitDelays = []int64{0, 0, 0, 20}

// complete completes the awakeable that the client has left open, or now and then the last one once
// more. It awaits one if there is none.
func (c *LoadClient) complete(r *rand.Rand) model.Operation {
	if c.ended != "" && r.IntN(4) == 0 {
		ways := c.waysToComplete(c.ended)
		return ways[r.IntN(len(ways))]
	}
	if c.open == "" && c.load.draws(model.AwakeableAwait{}) {
		return c.await(r)
	}
	ways := c.waysToComplete(cmp.Or(c.open, c.value()))
	return ways[r.IntN(len(ways))]
}

// waysToComplete are completions of an awakeable, each in a way that the load has.
func (c *LoadClient) waysToComplete(value string) []model.Operation {
	ways := []model.Operation{
		model.AwakeableResolve{Value: value, Result: c.value()},
		model.AwakeableReject{Value: value, Reason: c.value()},
		model.AwakeableRelay{Value: value, Result: c.value()},
	}
	return slices.DeleteFunc(ways, func(op model.Operation) bool { return !c.load.draws(op) })
}

// draws reports whether the load draws an operation, by its name.
func (l Load) draws(op model.Operation) bool {
	return slices.ContainsFunc(l.drawn(op.Kind()), func(o operation) bool { return o.nameOf(op.Kind()) == NameOf(op) })
}

// lastAwait is the value of the awakeable that the client completed last or has left open.
func (c *LoadClient) lastAwait() string {
	switch {
	case c.ended != "":
		return c.ended
	case c.open != "":
		return c.open
	}
	return c.value()
}

// attach waits for the handler whose awakeable the client completed last. Without one it waits for
// what nobody sent.
func (c *LoadClient) attach() model.Operation {
	return model.AwakeableAttach{Value: cmp.Or(c.ended, c.value())}
}

// sawAwakeable notes which awakeable is completed, or was not there to be.
func sawAwakeable(c *LoadClient, op model.Operation, answer model.Answer) {
	if _, completes := model.CompletionOf(op); !completes || model.AwakeableOf(op) != c.open {
		return
	}
	if _, done := answer.(model.Done); done {
		c.ended = c.open
	}
	c.open = ""
}
