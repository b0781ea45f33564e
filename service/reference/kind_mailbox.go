package reference

import (
	"time"

	restate "github.com/restatedev/sdk-go"

	"retain/model"
)

const mailboxKey = "mailbox"

var _ = registerKind(model.Mailbox, mailbox)

func mailbox() restate.ServiceDefinition {
	return restate.NewObject("Mailbox").
		Handler("append", restate.NewObjectHandler(deliver)).
		Handler("relay", restate.NewObjectHandler(relay)).
		Handler("nap", restate.NewObjectHandler(nap)).
		Handler("get", restate.NewObjectHandler(getMailbox)).
		Handler("drain", restate.NewObjectHandler(drainMailbox))
}

// delayed is a value, and how long a handler waits.
type delayed struct {
	Value   string `json:"value"`
	DelayMs int64  `json:"delayMs"`
}

func (d delayed) delay() time.Duration { return time.Duration(d.DelayMs) * time.Millisecond }

func deliver(ctx restate.ObjectContext, value string) (restate.Void, error) {
	values, err := getMailbox(ctx, restate.Void{})
	if err != nil {
		return restate.Void{}, err
	}
	restate.Set(ctx, mailboxKey, append(values, value))
	return restate.Void{}, nil
}

// relay sends the value to its own object. The value is the idempotency key of that, so that
// a client can wait for it.
func relay(ctx restate.ObjectContext, d delayed) (restate.Void, error) {
	restate.ObjectSend(ctx, "Mailbox", restate.Key(ctx), "append").
		Send(d.Value, restate.WithDelay(d.delay()), restate.WithIdempotencyKey(d.Value))
	return restate.Void{}, nil
}

func nap(ctx restate.ObjectContext, d delayed) (restate.Void, error) {
	if err := restate.Sleep(ctx, d.delay()); err != nil {
		return restate.Void{}, err
	}
	return deliver(ctx, d.Value)
}

func getMailbox(ctx restate.ObjectContext, _ restate.Void) ([]string, error) {
	values, err := restate.Get[[]string](ctx, mailboxKey)
	if err != nil {
		return nil, err
	}
	if values == nil {
		return []string{}, nil
	}
	return values, nil
}

func drainMailbox(ctx restate.ObjectContext, _ restate.Void) ([]string, error) {
	values, err := getMailbox(ctx, restate.Void{})
	if err != nil {
		return nil, err
	}
	restate.Clear(ctx, mailboxKey)
	return values, nil
}
