package model

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Awakeables is an object whose handlers await awakeables, which clients complete by their
// ids. The object counts the awakeables that were published, each under a value that names it.
const Awakeables Kind = "awakeable"

var _ = registerKind(KindSpec{
	Kind:    Awakeables,
	Order:   7,
	Service: "Awakeable",
	Handlers: []Handler{
		{Name: "await", Shared: true, Input: jsonObject, Output: jsonString, Fields: []string{"value", "delayMs"}},
		{Name: "publish", Input: jsonObject, Fields: []string{"value", "id"}},
		{Name: "relay", Input: jsonObject, Output: jsonBoolean, Fields: []string{"value", "with"}},
		{Name: "id", Shared: true, Effect: Reads, Input: jsonString, Output: jsonString},
		{Name: "get", Effect: Reads, Output: jsonInteger},
	},
	Initial:    AwakeablesState{},
	Parse:      parseAwakeable,
	WholeReads: readsOfAwakeables,
	ReadOf:     readOfAwakeable,
	Shows:      awakeableShows,
	Mark:       awakeableMark,
	Marks:      awakeableMarks,
	StateKey:   awakeableStateKey,
	Asking:     askingForAwaited,
	Key:        keyOfAwait,
	Executed:   executedAwait,
	Awaking:    awaking,
	Waiting:    &Waiting{End: endAwaits, Ended: endedAwaits},
})

// AwakeableAwait sends an invocation of a shared handler under the idempotency key Value, which
// is not "". The handler publishes an awakeable under that value, by an exclusive handler of its
// object, sleeps for DelayMs milliseconds, and awaits it. The operation is answered when the
// awakeable is published, with its number on the object.
type AwakeableAwait struct {
	Value   string
	DelayMs int64
	// Anew is true for an invocation that is executed whatever the runtime knows of the key: no
	// client sends one, but a key that was purged is executed so.
	Anew bool
}

// AwakeableResolve completes the awakeable of Value with Result. It is answered as soon as the
// runtime has taken the completion: the first one wins. [Unknown] says that none is published.
type AwakeableResolve struct{ Value, Result string }

// AwakeableReject completes the awakeable of Value with an error.
type AwakeableReject struct{ Value, Reason string }

// AwakeableRelay invokes a handler that completes the awakeable of Value with Result. The runtime
// takes the completion at some time after the handler has asked for it.
type AwakeableRelay struct{ Value, Result string }

// AwakeableID answers the number of the awakeable of Value, [Unknown] before it is published. Its
// handler is shared.
type AwakeableID struct{ Value string }

// AwakeableOutput asks for the answer of the handler that awaits the awakeable of Value, and does
// not wait for it.
type AwakeableOutput struct{ Value string }

// AwakeableAttach waits for the answer of the handler that awaits the awakeable of Value.
type AwakeableAttach struct{ Value string }

// AwakeableGet answers how many awakeables were published. Its handler is exclusive.
type AwakeableGet struct{}

// Completion is what an awakeable is completed with: a value or, if it is Rejected, the reason.
type Completion struct {
	Value    string
	Rejected bool
}

// Answer is what the handler answers that awaited the awakeable.
func (c Completion) Answer() Answer {
	if c.Rejected {
		return Failure{Code: 500, Message: c.Value}
	}
	return Text(c.Value)
}

// Body is the body of the request that completes: a JSON string or, of a rejection, the text.
func (c Completion) Body() []byte {
	if c.Rejected {
		return []byte(c.Value)
	}
	return encode(c.Value)
}

// CompletionIn is the completion that a handler which awaited was answered with; false for another
// answer.
func CompletionIn(a Answer) (Completion, bool) {
	switch a := a.(type) {
	case Text:
		return Completion{Value: string(a)}, true
	case Failure:
		return Completion{Value: a.Message, Rejected: true}, true
	}
	return Completion{}, false
}

// AwakeablesState are the published awakeables of an object, and what completed them first. The
// zero value has none.
type AwakeablesState struct {
	published AnswersState
	won       *won
}

// won is the first completion of an awakeable, and those of others.
type won struct {
	value  string
	with   Completion
	others *won
	count  int    // of this one and the others
	hash   uint64 // of all of them, in whichever order
}

func parseAwakeable(name string, args Arguments) (Operation, error) {
	switch name {
	case "get":
		return AwakeableGet{}, args.none()
	case "await", "execute":
		value, delay, err := args.delayed()
		return AwakeableAwait{Value: value, DelayMs: delay, Anew: name == "execute"}, err
	}
	if of := map[string]func(v, with string) Operation{
		"resolve": func(v, with string) Operation { return AwakeableResolve{v, with} },
		"reject":  func(v, with string) Operation { return AwakeableReject{v, with} },
		"relay":   func(v, with string) Operation { return AwakeableRelay{v, with} },
	}[name]; of != nil {
		s, err := args.text(2, -1)
		if err != nil {
			return nil, err
		}
		return of(s[0], s[1]), nil
	}
	of := map[string]func(string) Operation{
		"id":     func(v string) Operation { return AwakeableID{v} },
		"output": func(v string) Operation { return AwakeableOutput{v} },
		"attach": func(v string) Operation { return AwakeableAttach{v} },
	}[name]
	if of == nil {
		return nil, fmt.Errorf("has await, resolve, reject, relay, id, output, attach and get, not %.40s", name)
	}
	s, err := args.text(1, -1)
	if err != nil {
		return nil, err
	}
	return of(s[0]), nil
}

// AwakeableOf is the value of the awakeable that an operation is about, "" for none.
func AwakeableOf(op Operation) string {
	switch op := op.(type) {
	case AwakeableAwait:
		return op.Value
	case AwakeableResolve:
		return op.Value
	case AwakeableReject:
		return op.Value
	case AwakeableRelay:
		return op.Value
	case AwakeableID:
		return op.Value
	case AwakeableOutput:
		return op.Value
	case AwakeableAttach:
		return op.Value
	}
	return ""
}

// CompletionOf is what an operation completes an awakeable with; false if it completes none.
func CompletionOf(op Operation) (Completion, bool) {
	switch op := op.(type) {
	case AwakeableResolve:
		return Completion{Value: op.Result}, true
	case AwakeableReject:
		return Completion{Value: op.Reason, Rejected: true}, true
	case AwakeableRelay:
		return Completion{Value: op.Result}, true
	}
	return Completion{}, false
}

func keyOfAwait(op Operation) string {
	if await, is := op.(AwakeableAwait); is && !await.Anew {
		return await.Value
	}
	return ""
}

func executedAwait(op Operation) Operation {
	await, is := op.(AwakeableAwait)
	if !is {
		return op
	}
	await.Anew = true
	return await
}

func askingForAwaited(op Operation) Asking {
	of := AwakeableAwait{Value: AwakeableOf(op)}
	switch op.(type) {
	case AwakeableOutput:
		return Asking{For: of}
	case AwakeableAttach:
		return Asking{For: of, Waits: true}
	}
	return Asking{}
}

func awaking(op Operation) Awaking {
	published := AwakeableID{AwakeableOf(op)}
	switch op.(type) {
	case AwakeableAwait:
		return Awaking{Published: published}
	case AwakeableResolve, AwakeableReject:
		with, _ := CompletionOf(op)
		return Awaking{Published: published, Completion: &with}
	}
	return Awaking{}
}

// readsOfAwakeables are the number of awakeables, and the answer of each handler that awaits one
// of the program's.
func readsOfAwakeables(program []Operation) []Operation {
	out := []Operation{AwakeableGet{}}
	for _, op := range program {
		if key := keyOfAwait(op); key != "" && !slices.Contains(out, Operation(AwakeableOutput{key})) {
			out = append(out, AwakeableOutput{key})
		}
	}
	return out
}

func readOfAwakeable(op Operation) Operation {
	switch value := AwakeableOf(op); {
	case value == "":
		return AwakeableGet{}
	case keyOfAwait(op) != "":
		return AwakeableID{value}
	default:
		return AwakeableOutput{value}
	}
}

func awakeableStateKey(read Operation) string {
	if id, is := read.(AwakeableID); is {
		return "id " + id.Value
	}
	return "published"
}

// awakeableShows reports whether a count or an id shows an awakeable, or an answer a completion.
func awakeableShows(read Operation, seen Answer, write Operation, answer Answer) bool {
	about := AwakeableOf(read) == AwakeableOf(write)
	if with, completes := CompletionOf(write); completes {
		got, is := CompletionIn(seen)
		return is && about && got == with
	}
	if _, is := seen.(Receipt); is {
		return about && keyOfAwait(write) != "" && seen.Equal(answer)
	}
	n, counts := seen.(Integer)
	return counts && NumberOf(answer) > 0 && int64(n) >= NumberOf(answer)
}

// awakeableMark is one mark for all that is published, and the value of a completion.
func awakeableMark(write Operation, answer Answer) string {
	if with, completes := CompletionOf(write); completes && answer.Equal(Done{}) {
		return with.Answer().String()
	}
	if keyOfAwait(write) != "" && NumberOf(answer) > 0 {
		return addition
	}
	return ""
}

func awakeableMarks(seen Answer) []string {
	if with, is := CompletionIn(seen); is {
		return []string{with.Answer().String()}
	}
	if n, counts := seen.(Integer); counts && n > 0 || NumberOf(seen) > 0 {
		return []string{addition}
	}
	return nil
}

// awaited is what a history says of an awakeable.
type awaited struct {
	value     string
	program   bool // an operation of the program awaits it
	completed bool // a client's completion was acknowledged
	relayed   bool // a handler's was
	shown     bool // its handler was seen to have ended
}

// awaitedIn are the awakeables that operations await, in the order of their calls.
func awaitedIn(on []Invoked) []*awaited {
	of := map[string]*awaited{}
	var out []*awaited
	for i := range on {
		o, a := &on[i], of[AwakeableOf(on[i].Op)]
		answer := o.In(Resolved).Answer
		_, completes := CompletionOf(o.Op)
		_, relays := o.Op.(AwakeableRelay)
		switch done := answer != nil && answer.Equal(Done{}); {
		case keyOfAwait(o.Op) != "" && o.Outcome != Failed && a == nil:
			a = &awaited{value: AwakeableOf(o.Op), program: o.Phase == Program}
			of[a.value], out = a, append(out, a)
		case keyOfAwait(o.Op) != "" && o.Outcome != Failed: // its key may have been purged, and be executed again
			a.completed, a.relayed, a.shown = false, false, false
		case a == nil:
		case completes && done && relays:
			a.relayed = true
		case completes && done:
			a.completed = true
		case AskingOf(o.Op).For != nil:
			_, is := CompletionIn(answer)
			a.shown = a.shown || is
		}
	}
	return out
}

// endAwaits are completions of the awakeables that may be awaited still, with a value that no other
// operation writes. What a handler was asked to complete is left to it.
func endAwaits(on []Invoked) (out []Operation) {
	for _, a := range awaitedIn(on) {
		if !a.shown && (a.completed || !a.relayed) {
			out = append(out, AwakeableResolve{a.value, a.value + " ends"})
		}
	}
	return out
}

// mostAttached bounds the handlers of a load on one object that are waited for.
const mostAttached = 100

// endedAwaits wait for the handlers whose awakeables were completed: those of the program, and
// the last ones of a load that were not seen to end.
func endedAwaits(on []Invoked) (out []Operation) {
	left := mostAttached
	for _, a := range slices.Backward(awaitedIn(on)) {
		switch {
		case !a.completed && !a.relayed:
		case a.program:
			out = append(out, AwakeableAttach{a.value})
		case !a.shown && left > 0:
			left--
			out = append(out, AwakeableAttach{a.value})
		}
	}
	slices.Reverse(out)
	return out
}

// Kind is [Awakeables].
func (AwakeableAwait) Kind() Kind { return Awakeables }

// Handler is "await".
func (AwakeableAwait) Handler() string { return "await" }

// ReadOnly is false.
func (AwakeableAwait) ReadOnly() bool { return false }

// String prints await("v",200), await("v") without a delay, and execute of one that is executed
// anew.
func (o AwakeableAwait) String() string {
	if o.Anew {
		return delayedText("execute", o.Value, o.DelayMs)
	}
	return delayedText("await", o.Value, o.DelayMs)
}

// Apply publishes an awakeable, unless the key was sent before: its answer is that of then.
func (o AwakeableAwait) Apply(s State) (State, Answer) {
	state := s.(AwakeablesState)
	call := state.published.submit
	if o.Anew {
		call = func(v string, _ bool) (State, Answer) { return state.published.execute(answered{value: v, anew: true}) }
	}
	next, answer := call(o.Value, false)
	state.published = next.(AnswersState)
	return state, answer
}

// Request is an object of the value and the delay.
func (o AwakeableAwait) Request() []byte { return delayedRequest(o.Value, o.DelayMs) }

// Decode reads what the handler "id" answers.
func (o AwakeableAwait) Decode(body []byte) (Answer, error) { return AwakeableID{o.Value}.Decode(body) }

// Kind is [Awakeables].
func (AwakeableResolve) Kind() Kind { return Awakeables }

// Handler is "resolve": no handler is called.
func (AwakeableResolve) Handler() string { return "resolve" }

// ReadOnly is false.
func (AwakeableResolve) ReadOnly() bool { return false }

// String prints resolve("v","r").
func (o AwakeableResolve) String() string { return completionText("resolve", o.Value, o.Result) }

// Apply completes the awakeable, unless another one did before.
func (o AwakeableResolve) Apply(s State) (State, Answer) {
	return s.(AwakeablesState).complete(o)
}

// Request is nil.
func (AwakeableResolve) Request() []byte { return nil }

// Decode accepts an empty body.
func (AwakeableResolve) Decode(body []byte) (Answer, error) { return decodeNone(body) }

// Kind is [Awakeables].
func (AwakeableReject) Kind() Kind { return Awakeables }

// Handler is "reject": no handler is called.
func (AwakeableReject) Handler() string { return "reject" }

// ReadOnly is false.
func (AwakeableReject) ReadOnly() bool { return false }

// String prints reject("v","r").
func (o AwakeableReject) String() string { return completionText("reject", o.Value, o.Reason) }

// Apply completes the awakeable, unless another one did before.
func (o AwakeableReject) Apply(s State) (State, Answer) {
	return s.(AwakeablesState).complete(o)
}

// Request is nil.
func (AwakeableReject) Request() []byte { return nil }

// Decode accepts an empty body.
func (AwakeableReject) Decode(body []byte) (Answer, error) { return decodeNone(body) }

// Kind is [Awakeables].
func (AwakeableRelay) Kind() Kind { return Awakeables }

// Handler is "relay".
func (AwakeableRelay) Handler() string { return "relay" }

// ReadOnly is false.
func (AwakeableRelay) ReadOnly() bool { return false }

// String prints relay("v","r").
func (o AwakeableRelay) String() string { return completionText("relay", o.Value, o.Result) }

// Apply completes the awakeable, unless another one did before.
func (o AwakeableRelay) Apply(s State) (State, Answer) {
	return s.(AwakeablesState).complete(o)
}

// Request is an object of the value and the completion.
func (o AwakeableRelay) Request() []byte {
	return encode(struct {
		Value string `json:"value"`
		With  string `json:"with"`
	}{o.Value, o.Result})
}

// Decode reads whether the awakeable is published.
func (AwakeableRelay) Decode(body []byte) (Answer, error) {
	switch strings.TrimSpace(string(body)) {
	case "true":
		return Done{}, nil
	case "false":
		return Unknown{}, nil
	}
	return nil, fmt.Errorf("answer %.80q: want true or false", body)
}

// Kind is [Awakeables].
func (AwakeableID) Kind() Kind { return Awakeables }

// Handler is "id".
func (AwakeableID) Handler() string { return "id" }

// ReadOnly is true.
func (AwakeableID) ReadOnly() bool { return true }

// String prints id("v").
func (o AwakeableID) String() string { return delayedText("id", o.Value, 0) }

// Apply answers the number of the awakeable, [Unknown] before it is published.
func (o AwakeableID) Apply(s State) (State, Answer) {
	return s, s.(AwakeablesState).published.output(o.Value)
}

// Request is the string.
func (o AwakeableID) Request() []byte { return encode(o.Value) }

// Decode reads a number and the id, "#3 prom_1abc", or "" for none.
func (o AwakeableID) Decode(body []byte) (Answer, error) {
	number, id, err := DecodePublished(body)
	switch {
	case err != nil:
		return nil, err
	case id == "":
		return Unknown{}, nil
	}
	return Receipt{Number: number, Value: o.Value}, nil
}

// DecodePublished reads what the handler "id" answers: the number of an awakeable and its id, which
// is "" if none is published.
func DecodePublished(body []byte) (number int64, id string, err error) {
	text, err := decodeText(body)
	if err != nil || text.(Text) == "" {
		return 0, "", err
	}
	r, err := parseReceipt(string(text.(Text)))
	return r.Number, r.Value, err
}

// Kind is [Awakeables].
func (AwakeableOutput) Kind() Kind { return Awakeables }

// Handler is "output": no handler is called.
func (AwakeableOutput) Handler() string { return "output" }

// ReadOnly is true.
func (AwakeableOutput) ReadOnly() bool { return true }

// String prints output("v").
func (o AwakeableOutput) String() string { return delayedText("output", o.Value, 0) }

// Apply answers what the awakeable was completed with first, [Unfinished] before that.
func (o AwakeableOutput) Apply(s State) (State, Answer) {
	return s, s.(AwakeablesState).output(o.Value)
}

// Request is nil.
func (AwakeableOutput) Request() []byte { return nil }

// Decode reads a string.
func (AwakeableOutput) Decode(body []byte) (Answer, error) { return decodeText(body) }

// Kind is [Awakeables].
func (AwakeableAttach) Kind() Kind { return Awakeables }

// Handler is "attach": no handler is called.
func (AwakeableAttach) Handler() string { return "attach" }

// ReadOnly is true.
func (AwakeableAttach) ReadOnly() bool { return true }

// String prints attach("v").
func (o AwakeableAttach) String() string { return delayedText("attach", o.Value, 0) }

// Apply answers what the awakeable was completed with first, [Unfinished] before that.
func (o AwakeableAttach) Apply(s State) (State, Answer) {
	return s, s.(AwakeablesState).output(o.Value)
}

// Request is nil.
func (AwakeableAttach) Request() []byte { return nil }

// Decode reads a string.
func (AwakeableAttach) Decode(body []byte) (Answer, error) { return decodeText(body) }

// Kind is [Awakeables].
func (AwakeableGet) Kind() Kind { return Awakeables }

// Handler is "get".
func (AwakeableGet) Handler() string { return "get" }

// ReadOnly is true.
func (AwakeableGet) ReadOnly() bool { return true }

// String prints "get()".
func (AwakeableGet) String() string { return "get()" }

// Apply answers the number of awakeables.
func (AwakeableGet) Apply(s State) (State, Answer) {
	return s, Integer(s.(AwakeablesState).published.Calls())
}

// Request is nil.
func (AwakeableGet) Request() []byte { return nil }

// Decode reads an integer.
func (AwakeableGet) Decode(body []byte) (Answer, error) { return CounterGet{}.Decode(body) }

// completionText prints resolve("v","r").
func completionText(name, value, with string) string {
	return fmt.Sprintf("%s(%s,%s)", name, quote(value), quote(with))
}

// Values are those of the published awakeables, the newest first.
func (s AwakeablesState) Values() []string { return s.published.Values() }

// Publish is what the handler "publish" does, each time that it is called.
func (s AwakeablesState) Publish(value string) (State, Receipt) {
	next, answer := s.published.execute(answered{value: value})
	s.published = next.(AnswersState)
	return s, answer.(Receipt)
}

// Completed is what completed an awakeable first; false for nothing.
func (s AwakeablesState) Completed(value string) (Completion, bool) {
	for w := s.won; w != nil; w = w.others {
		if w.value == value {
			return w.with, true
		}
	}
	return Completion{}, false
}

// complete takes a completion.
func (s AwakeablesState) complete(op Operation) (State, Answer) {
	value := AwakeableOf(op)
	if s.published.find(value) == nil {
		return s, Unknown{}
	}
	if _, before := s.Completed(value); !before {
		with, _ := CompletionOf(op)
		first := won{value: value, with: with, others: s.won, count: 1, hash: with.hash(value)}
		if s.won != nil {
			first.count, first.hash = first.count+s.won.count, first.hash+s.won.hash
		}
		s.won = &first
	}
	return s, Done{}
}

// output is what is known of the handler that awaits.
func (s AwakeablesState) output(value string) Answer {
	if with, is := s.Completed(value); is {
		return with.Answer()
	}
	if s.published.find(value) != nil {
		return Unfinished{}
	}
	return Unknown{}
}

// Equal compares the awakeables and their completions, whatever the order of these.
func (s AwakeablesState) Equal(t State) bool {
	other := t.(AwakeablesState)
	a, b := s.won, other.won
	switch {
	case !s.published.Equal(other.published):
		return false
	case a == nil || b == nil || a == b:
		return a == b
	case a.count != b.count || a.hash != b.hash:
		return false
	}
	for ; a != nil; a = a.others {
		if with, is := other.Completed(a.value); !is || with != a.with {
			return false
		}
	}
	return true
}

// hash is that of the completion of an awakeable.
func (c Completion) hash(of string) uint64 {
	return hashAdd(hashAdd(hashString(strconv.FormatBool(c.Rejected)), of), "\x00"+c.Value)
}

// completions are those of all awakeables, sorted, in text.
func (s AwakeablesState) completions() (out []string) {
	for w := s.won; w != nil; w = w.others {
		out = append(out, quote(w.value)+":"+w.with.Answer().String())
	}
	slices.SortFunc(out, cmp.Compare[string])
	return out
}

// Hash is that of the awakeables and their completions.
func (s AwakeablesState) Hash() uint64 {
	if s.won == nil {
		return s.published.Hash()
	}
	return s.published.Hash() + s.won.hash
}

// String prints the awakeables, the newest first, and their completions.
func (s AwakeablesState) String() string {
	return s.published.String() + " {" + strings.Join(s.completions(), " ") + "}"
}
