package model

import "fmt"

// Mailbox is a list whose elements are sent to it: by one-way and delayed invocations of
// clients, by a handler, and by one that sleeps before it appends.
const Mailbox Kind = "mailbox"

var _ = registerKind(KindSpec{
	Kind:    Mailbox,
	Order:   5,
	Service: "Mailbox",
	Handlers: []Handler{
		{Name: "append", Input: jsonString},
		{Name: "relay", Input: jsonObject, Fields: mailboxFields},
		{Name: "nap", Input: jsonObject, Fields: mailboxFields},
		{Name: "get", Effect: Reads, Output: jsonArray},
		{Name: "drain", Effect: Clears, Output: jsonArray},
	},
	Initial:    ListState{},
	Parse:      parseMailbox,
	WholeReads: func([]Operation) []Operation { return []Operation{MailboxGet{}} },
	ReadOf:     func(Operation) Operation { return MailboxGet{} },
	Shows:      listShows,
	Mark:       listMark,
	Marks:      listMarks,
	StateKey:   func(Operation) string { return "mailbox" },
	Deferral:   mailboxDeferral,
})

// mailboxFields are the input of the handlers that wait: a value, and how long they wait
// for, in milliseconds.
var mailboxFields = []string{"value", "delayMs"}

// maxDelay bounds a delay: a hundred years, in milliseconds.
const maxDelay = 100 * 365 * 24 * 60 * 60 * 1000

// MailboxAppend appends Value, which is not "". Clients call it, and what they send
// invokes it.
type MailboxAppend struct{ Value string }

// MailboxSend sends an append, which is to be executed DelayMs milliseconds later at the
// earliest. It is answered as soon as the runtime has accepted it.
type MailboxSend struct {
	Value   string
	DelayMs int64
}

// MailboxRelay invokes a handler that sends an append to its own object, with a delay of
// DelayMs milliseconds, under the idempotency key Value. It is answered when that handler
// has ended.
type MailboxRelay struct {
	Value   string
	DelayMs int64
}

// MailboxNap invokes a handler that sleeps for DelayMs milliseconds and then appends.
type MailboxNap struct {
	Value   string
	DelayMs int64
}

// MailboxGet answers all elements.
type MailboxGet struct{}

// MailboxDrain empties the mailbox and answers what it held.
type MailboxDrain struct{}

func parseMailbox(name string, args Arguments) (Operation, error) {
	switch name {
	case "get":
		return MailboxGet{}, args.none()
	case "drain":
		return MailboxDrain{}, args.none()
	case "append":
		s, err := args.text(1, -1)
		if err != nil {
			return nil, err
		}
		return MailboxAppend{Value: s[0]}, nil
	}
	of := map[string]func(string, int64) Operation{
		"send":  func(v string, ms int64) Operation { return MailboxSend{v, ms} },
		"relay": func(v string, ms int64) Operation { return MailboxRelay{v, ms} },
		"nap":   func(v string, ms int64) Operation { return MailboxNap{v, ms} },
	}[name]
	if of == nil {
		return nil, fmt.Errorf("has append, send, relay, nap, get and drain, not %.40s", name)
	}
	value, delay, err := args.delayed()
	if err != nil {
		return nil, err
	}
	return of(value, delay), nil
}

// delayed reads a value and a delay in milliseconds, 0 if it is left out.
func (a Arguments) delayed() (string, int64, error) {
	if len(a) != 1 && len(a) != 2 {
		return "", 0, fmt.Errorf("takes a string and a number of milliseconds, has %d arguments", len(a))
	}
	s, err := a[:1].text(1, -1)
	switch {
	case err != nil:
		return "", 0, err
	case len(a) == 1:
		return s[0], 0, nil
	}
	delay, err := a[1:].integer()
	if err == nil && delay > maxDelay {
		err = fmt.Errorf("%d ms is a delay of more than a hundred years", delay)
	}
	return s[0], delay, err
}

// delayedText prints send("v",250), or send("v") without a delay.
func delayedText(name, value string, delay int64) string {
	if delay == 0 {
		return fmt.Sprintf("%s(%s)", name, quote(value))
	}
	return fmt.Sprintf("%s(%s,%d)", name, quote(value), delay)
}

// delayedRequest is the input of a handler that waits.
func delayedRequest(value string, delay int64) []byte {
	return encode(struct {
		Value   string `json:"value"`
		DelayMs int64  `json:"delayMs"`
	}{value, delay})
}

// mailboxDeferral is what an operation leaves to happen later.
func mailboxDeferral(op Operation) Deferral {
	switch op := op.(type) {
	case MailboxSend:
		return Deferral{Sent: true, Invokes: MailboxAppend{op.Value}, Pending: op.DelayMs > 0, DelayMs: op.DelayMs}
	case MailboxRelay:
		return Deferral{Invokes: MailboxAppend{op.Value}, Pending: true, DelayMs: op.DelayMs, Key: op.Value}
	case MailboxNap:
		return Deferral{DelayMs: op.DelayMs}
	}
	return Deferral{}
}

// Kind is [Mailbox].
func (MailboxAppend) Kind() Kind { return Mailbox }

// Handler is "append".
func (MailboxAppend) Handler() string { return "append" }

// ReadOnly is false.
func (MailboxAppend) ReadOnly() bool { return false }

// String prints append("v").
func (o MailboxAppend) String() string { return delayedText("append", o.Value, 0) }

// Apply appends the value.
func (o MailboxAppend) Apply(s State) (State, Answer) { return s.(ListState).append(o.Value), Done{} }

// Request is the string.
func (o MailboxAppend) Request() []byte { return encode(o.Value) }

// Decode accepts an empty body.
func (MailboxAppend) Decode(body []byte) (Answer, error) { return decodeNone(body) }

// Kind is [Mailbox].
func (MailboxSend) Kind() Kind { return Mailbox }

// Handler is "append".
func (MailboxSend) Handler() string { return "append" }

// ReadOnly is false.
func (MailboxSend) ReadOnly() bool { return false }

// String prints send("v",250), send("v") without a delay.
func (o MailboxSend) String() string { return delayedText("send", o.Value, o.DelayMs) }

// Apply appends the value.
func (o MailboxSend) Apply(s State) (State, Answer) { return s.(ListState).append(o.Value), Done{} }

// Request is the string.
func (o MailboxSend) Request() []byte { return encode(o.Value) }

// Decode reads what the runtime says of an invocation that it has accepted.
func (MailboxSend) Decode(body []byte) (Answer, error) {
	if _, err := DecodeAcceptance(body); err != nil {
		return nil, err
	}
	return Done{}, nil
}

// Kind is [Mailbox].
func (MailboxRelay) Kind() Kind { return Mailbox }

// Handler is "relay".
func (MailboxRelay) Handler() string { return "relay" }

// ReadOnly is false.
func (MailboxRelay) ReadOnly() bool { return false }

// String prints relay("v",250), relay("v") without a delay.
func (o MailboxRelay) String() string { return delayedText("relay", o.Value, o.DelayMs) }

// Apply appends the value.
func (o MailboxRelay) Apply(s State) (State, Answer) { return s.(ListState).append(o.Value), Done{} }

// Request is an object of the value and the delay.
func (o MailboxRelay) Request() []byte { return delayedRequest(o.Value, o.DelayMs) }

// Decode accepts an empty body.
func (MailboxRelay) Decode(body []byte) (Answer, error) { return decodeNone(body) }

// Kind is [Mailbox].
func (MailboxNap) Kind() Kind { return Mailbox }

// Handler is "nap".
func (MailboxNap) Handler() string { return "nap" }

// ReadOnly is false.
func (MailboxNap) ReadOnly() bool { return false }

// String prints nap("v",250), nap("v") without a delay.
func (o MailboxNap) String() string { return delayedText("nap", o.Value, o.DelayMs) }

// Apply appends the value.
func (o MailboxNap) Apply(s State) (State, Answer) { return s.(ListState).append(o.Value), Done{} }

// Request is an object of the value and the delay.
func (o MailboxNap) Request() []byte { return delayedRequest(o.Value, o.DelayMs) }

// Decode accepts an empty body.
func (MailboxNap) Decode(body []byte) (Answer, error) { return decodeNone(body) }

// Kind is [Mailbox].
func (MailboxGet) Kind() Kind { return Mailbox }

// Handler is "get".
func (MailboxGet) Handler() string { return "get" }

// ReadOnly is true.
func (MailboxGet) ReadOnly() bool { return true }

// String prints "get()".
func (MailboxGet) String() string { return "get()" }

// Apply answers the elements.
func (MailboxGet) Apply(s State) (State, Answer) { return s, Texts(s.(ListState).Elements()) }

// Request is nil.
func (MailboxGet) Request() []byte { return nil }

// Decode reads an array of strings.
func (MailboxGet) Decode(body []byte) (Answer, error) { return decodeTexts(body) }

// Kind is [Mailbox].
func (MailboxDrain) Kind() Kind { return Mailbox }

// Handler is "drain".
func (MailboxDrain) Handler() string { return "drain" }

// ReadOnly is false.
func (MailboxDrain) ReadOnly() bool { return false }

// String prints "drain()".
func (MailboxDrain) String() string { return "drain()" }

// Apply empties the mailbox and answers its elements.
func (MailboxDrain) Apply(s State) (State, Answer) {
	return ListState{}, Texts(s.(ListState).Elements())
}

// Request is nil.
func (MailboxDrain) Request() []byte { return nil }

// Decode reads an array of strings.
func (MailboxDrain) Decode(body []byte) (Answer, error) { return decodeTexts(body) }
