package generators

import (
	"math/rand/v2"

	"retain/model"
)

// The delays of what is sent, in milliseconds: around the time that a fault takes, and now
// and then three years, which no run waits for: timers that far ahead broke 1.7.2
// (restatedev/restate#5011).
var (
	sendDelays  = append(times[int64](10, 0), 50, 50, 200, 500, 99_999_999_000)
	relayDelays = append(times[int64](6, 0), 50, 200)
	napDelays   = []int64{0, 0, 20, 100}
	loadDelays  = append(times[int64](7, 0), 300)
)

var _ = registerKind(model.Mailbox, kindPart{
	weight: 2,
	operations: []operation{
		{name: "send", handlers: []string{"append"}, grows: true, bursts: (*drawing).sendOn, weight: 6, draw: func(d *drawing, _ int, _ model.Object) model.Operation {
			return d.send()
		}, load: func(c *LoadClient, r *rand.Rand) model.Operation {
			return model.MailboxSend{Value: c.value(), DelayMs: loadDelays[r.IntN(len(loadDelays))]}
		}, effective: func(d *drawing, _ int, _ model.Object) model.Operation {
			return model.MailboxSend{Value: d.value()}
		}},
		{name: "relay", handlers: []string{"relay", "append"}, grows: true, weight: 2, draw: func(d *drawing, _ int, _ model.Object) model.Operation {
			return model.MailboxRelay{Value: d.value(), DelayMs: pick(d.t, "delay", relayDelays...)}
		}, load: func(c *LoadClient, _ *rand.Rand) model.Operation {
			return model.MailboxRelay{Value: c.value()}
		}},
		{name: "nap", grows: true, weight: 2, draw: func(d *drawing, _ int, _ model.Object) model.Operation {
			return model.MailboxNap{Value: d.value(), DelayMs: pick(d.t, "delay", napDelays...)}
		}, load: func(c *LoadClient, r *rand.Rand) model.Operation {
			return model.MailboxNap{Value: c.value(), DelayMs: r.Int64N(3)}
		}},
		{name: "drain", clears: true, weight: 1, always: model.MailboxDrain{}},
		{name: "get", reads: true, weight: 2, always: model.MailboxGet{}},
	},
	name: mailboxName,
	lasting: func(d *drawing, o model.Object) model.Operation {
		if rare(d.t, "nap", 1) && d.use.exclude.Draws("mailbox nap") {
			return model.MailboxNap{Value: d.value(), DelayMs: 200}
		}
		return model.MailboxSend{Value: d.value(), DelayMs: 500}
	},
})

// mailboxName is what a client does: a send and a call of append have one handler.
func mailboxName(op model.Operation) string {
	if _, sent := op.(model.MailboxSend); sent {
		return "send"
	}
	return op.Handler()
}

func (d *drawing) send() model.Operation {
	return model.MailboxSend{Value: d.value(), DelayMs: pick(d.t, "delay", sendDelays...)}
}

// sendOn appends more sends: enough that some of them wait behind others, or behind a handler that
// another client lets sleep. Now and then a fault meets them.
func (d *drawing) sendOn(client int, o model.Object, _ model.Operation) {
	if other := pick(d.t, "sleeper", d.use.clients...); other != client && d.use.exclude.Draws("mailbox nap") {
		d.operate(other, o, model.MailboxNap{Value: d.value(), DelayMs: 100})
	}
	for range 5 {
		if len(d.steps) < d.use.maxSteps {
			d.operate(client, o, d.send())
		}
	}
	d.strikeNow(2)
}
