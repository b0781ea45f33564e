package model

import (
	"fmt"
	"strconv"
	"strings"
)

// Answers is an object whose calls have idempotency keys of their own, under which clients
// ask for their answers again. It counts its calls: an answer is the number of its call, so
// that each execution has another one.
const Answers Kind = "answer"

var _ = registerKind(KindSpec{
	Kind:    Answers,
	Order:   6,
	Service: "Answer",
	Handlers: []Handler{
		{Name: "submit", Input: jsonObject, Output: jsonString, Fields: []string{"value", "fails"}},
		{Name: "get", Effect: Reads, Output: jsonInteger},
	},
	Initial:    AnswersState{},
	Parse:      parseAnswers,
	WholeReads: readsOfAnswers,
	ReadOf:     readOfAnswer,
	Shows:      answerShows,
	Mark:       answerMark,
	Marks:      answerMarks,
	StateKey:   func(Operation) string { return "calls" },
	Asking:     askingForAnswer,
	Key:        keyOfAnswer,
	Executed:   executedAnswer,
})

// AnswerSubmit calls the handler under the idempotency key Value, which is not "". It is
// answered with the number of its call on the object, from 1 on: with the same one each time
// that it is sent. One that Fails counts and then fails for good: the error has the number in
// its text and in its metadata.
type AnswerSubmit struct {
	Value string
	Fails bool
	// Anew is true for a call that is executed whatever the runtime knows of the key: no
	// client sends one, but an invocation is restarted so.
	Anew bool
}

// AnswerOutput asks for the answer of the call with the key Value, and does not wait for it.
type AnswerOutput struct{ Value string }

// AnswerAttach waits for the answer of the call with the key Value.
type AnswerAttach struct{ Value string }

// AnswerPeek is [AnswerOutput] as soon as a server that starts accepts connections.
type AnswerPeek struct{ Value string }

// AnswerGet answers how many calls there were. Its handler is exclusive.
type AnswerGet struct{}

// AnswersState are the calls of an object so far. The zero value has none.
type AnswersState struct{ last *answered }

// answered is a call and those before it.
type answered struct {
	value  string
	fails  bool
	anew   bool // its key does not find it
	number int64
	before *answered
	hash   uint64
}

func parseAnswers(name string, args Arguments) (Operation, error) {
	if name == "get" {
		return AnswerGet{}, args.none()
	}
	of := map[string]func(string) Operation{
		"submit":       func(v string) Operation { return AnswerSubmit{Value: v} },
		"fail":         func(v string) Operation { return AnswerSubmit{Value: v, Fails: true} },
		"execute":      func(v string) Operation { return AnswerSubmit{Value: v, Anew: true} },
		"execute-fail": func(v string) Operation { return AnswerSubmit{Value: v, Fails: true, Anew: true} },
		"output":       func(v string) Operation { return AnswerOutput{v} },
		"attach":       func(v string) Operation { return AnswerAttach{v} },
		"peek":         func(v string) Operation { return AnswerPeek{v} },
	}[name]
	if of == nil {
		return nil, fmt.Errorf("has submit, fail, output, attach, peek and get, not %.40s", name)
	}
	if name == "submit" && len(args) == 2 { // as a request has it
		switch string(args[1]) {
		case "true":
			of = func(v string) Operation { return AnswerSubmit{Value: v, Fails: true} }
		case "false":
		default:
			return nil, fmt.Errorf("%.80s is not true or false", args[1])
		}
		args = args[:1]
	}
	s, err := args.text(1, -1)
	if err != nil {
		return nil, err
	}
	return of(s[0]), nil
}

// ValueAsked is the key that an operation on [Answers] sends or asks for, "" for none.
func ValueAsked(op Operation) string {
	switch op := op.(type) {
	case AnswerSubmit:
		return op.Value
	case AnswerOutput:
		return op.Value
	case AnswerAttach:
		return op.Value
	case AnswerPeek:
		return op.Value
	}
	return ""
}

func keyOfAnswer(op Operation) string {
	if submit, is := op.(AnswerSubmit); is && !submit.Anew {
		return submit.Value
	}
	return ""
}

func executedAnswer(op Operation) Operation {
	submit, is := op.(AnswerSubmit)
	if !is {
		return op
	}
	submit.Anew = true
	return submit
}

func askingForAnswer(op Operation) Asking {
	of := AnswerSubmit{Value: ValueAsked(op)} // a call that fails is asked for in the same way
	switch op.(type) {
	case AnswerOutput:
		return Asking{For: of}
	case AnswerAttach:
		return Asking{For: of, Waits: true}
	case AnswerPeek:
		return Asking{For: of, Early: true}
	}
	return Asking{}
}

// readsOfAnswers are the number of calls, and the answer of each call of the program.
func readsOfAnswers(program []Operation) []Operation {
	out := []Operation{AnswerGet{}}
	seen := map[string]bool{}
	for _, op := range program {
		if key := keyOfAnswer(op); key != "" && !seen[key] {
			seen[key] = true
			out = append(out, AnswerOutput{key})
		}
	}
	return out
}

func readOfAnswer(op Operation) Operation {
	if value := ValueAsked(op); value != "" {
		return AnswerOutput{value}
	}
	return AnswerGet{}
}

// NumberOf is the number of a call by its answer, 0 for another answer.
func NumberOf(a Answer) int64 {
	switch a := a.(type) {
	case Receipt:
		return a.Number
	case Failure:
		r, _ := a.Receipt()
		return r.Number
	}
	return 0
}

// answerShows reports whether a count has a call. What a key was answered is kept apart from
// the state, and says nothing of it.
func answerShows(_ Operation, seen Answer, write Operation, answer Answer) bool {
	n, counts := seen.(Integer)
	return counts && keyOfAnswer(write) != "" && NumberOf(answer) > 0 && int64(n) >= NumberOf(answer)
}

// answerMark is the mark of all calls: a count shows those before it.
func answerMark(write Operation, answer Answer) string {
	if keyOfAnswer(write) == "" || NumberOf(answer) == 0 {
		return ""
	}
	return addition
}

func answerMarks(seen Answer) []string {
	if n, counts := seen.(Integer); counts && n > 0 {
		return []string{addition}
	}
	return nil
}

// Kind is [Answers].
func (AnswerSubmit) Kind() Kind { return Answers }

// Handler is "submit".
func (AnswerSubmit) Handler() string { return "submit" }

// ReadOnly is false.
func (AnswerSubmit) ReadOnly() bool { return false }

// String prints submit("v"), or fail("v") of a call that fails; execute("v") or
// execute-fail("v") of one that is executed anew.
func (o AnswerSubmit) String() string {
	name := "submit"
	switch {
	case o.Anew && o.Fails:
		name = "execute-fail"
	case o.Anew:
		name = "execute"
	case o.Fails:
		name = "fail"
	}
	return delayedText(name, o.Value, 0)
}

// Apply counts a call, unless the key was sent before: its answer is that of then.
func (o AnswerSubmit) Apply(s State) (State, Answer) {
	if o.Anew {
		return s.(AnswersState).execute(answered{value: o.Value, fails: o.Fails, anew: true})
	}
	return s.(AnswersState).submit(o.Value, o.Fails)
}

// Request is an object of the value, and whether the call fails.
func (o AnswerSubmit) Request() []byte {
	return encode(struct {
		Value string `json:"value"`
		Fails bool   `json:"fails"`
	}{o.Value, o.Fails})
}

// Decode reads a string: "#3 v" is the third call.
func (AnswerSubmit) Decode(body []byte) (Answer, error) { return decodeReceipt(body) }

// Kind is [Answers].
func (AnswerOutput) Kind() Kind { return Answers }

// Handler is "output": no handler is called.
func (AnswerOutput) Handler() string { return "output" }

// ReadOnly is true.
func (AnswerOutput) ReadOnly() bool { return true }

// String prints output("v").
func (o AnswerOutput) String() string { return delayedText("output", o.Value, 0) }

// Apply answers what the call was answered, [Unknown] before that.
func (o AnswerOutput) Apply(s State) (State, Answer) { return s, s.(AnswersState).output(o.Value) }

// Request is nil.
func (AnswerOutput) Request() []byte { return nil }

// Decode reads what the call was answered.
func (AnswerOutput) Decode(body []byte) (Answer, error) { return decodeReceipt(body) }

// Kind is [Answers].
func (AnswerAttach) Kind() Kind { return Answers }

// Handler is "attach": no handler is called.
func (AnswerAttach) Handler() string { return "attach" }

// ReadOnly is true.
func (AnswerAttach) ReadOnly() bool { return true }

// String prints attach("v").
func (o AnswerAttach) String() string { return delayedText("attach", o.Value, 0) }

// Apply answers what the call was answered, [Unknown] before that.
func (o AnswerAttach) Apply(s State) (State, Answer) { return s, s.(AnswersState).output(o.Value) }

// Request is nil.
func (AnswerAttach) Request() []byte { return nil }

// Decode reads what the call was answered.
func (AnswerAttach) Decode(body []byte) (Answer, error) { return decodeReceipt(body) }

// Kind is [Answers].
func (AnswerPeek) Kind() Kind { return Answers }

// Handler is "peek": no handler is called.
func (AnswerPeek) Handler() string { return "peek" }

// ReadOnly is true.
func (AnswerPeek) ReadOnly() bool { return true }

// String prints peek("v").
func (o AnswerPeek) String() string { return delayedText("peek", o.Value, 0) }

// Apply answers what the call was answered, [Unknown] before that.
func (o AnswerPeek) Apply(s State) (State, Answer) { return s, s.(AnswersState).output(o.Value) }

// Request is nil.
func (AnswerPeek) Request() []byte { return nil }

// Decode reads what the call was answered.
func (AnswerPeek) Decode(body []byte) (Answer, error) { return decodeReceipt(body) }

// Kind is [Answers].
func (AnswerGet) Kind() Kind { return Answers }

// Handler is "get".
func (AnswerGet) Handler() string { return "get" }

// ReadOnly is true.
func (AnswerGet) ReadOnly() bool { return true }

// String prints "get()".
func (AnswerGet) String() string { return "get()" }

// Apply answers the number of calls.
func (AnswerGet) Apply(s State) (State, Answer) { return s, Integer(s.(AnswersState).Calls()) }

// Request is nil.
func (AnswerGet) Request() []byte { return nil }

// Decode reads an integer.
func (AnswerGet) Decode(body []byte) (Answer, error) { return CounterGet{}.Decode(body) }

// Calls is how many calls there were.
func (s AnswersState) Calls() int64 {
	if s.last == nil {
		return 0
	}
	return s.last.number
}

// Values are the keys of the calls, the newest first.
func (s AnswersState) Values() (out []string) {
	for c := s.last; c != nil; c = c.before {
		out = append(out, c.value)
	}
	return out
}

// Fails reports whether there was a call with the key, and it failed.
func (s AnswersState) Fails(value string) bool {
	c := s.find(value)
	return c != nil && c.fails
}

func (s AnswersState) find(value string) *answered {
	for c := s.last; c != nil; c = c.before {
		if c.value == value && !c.anew {
			return c
		}
	}
	return nil
}

// submit is what the runtime does: a key that it knows is not executed again.
func (s AnswersState) submit(value string, fails bool) (State, Answer) {
	if c := s.find(value); c != nil {
		return s, c.answer()
	}
	return s.execute(answered{value: value, fails: fails})
}

// execute is what the handler does, whatever the runtime knows of the key.
func (s AnswersState) execute(c answered) (State, Answer) {
	c.hash = hashAdd(hashString(strconv.FormatBool(c.fails)+strconv.FormatBool(c.anew)), c.value)
	if s.last != nil {
		c.hash = hashAdd(s.last.hash, strconv.FormatUint(c.hash, 36))
	}
	c.number, c.before = s.Calls()+1, s.last
	return AnswersState{last: &c}, c.answer()
}

func (c *answered) answer() Answer {
	r := Receipt{Number: c.number, Value: c.value}
	if c.fails {
		return r.Failure()
	}
	return r
}

// Failure is the error of a call that fails, with its metadata.
func (r Receipt) Failure() Failure {
	return Failure{Code: 500, Message: r.Body(), Metadata: fmt.Sprintf(`{"call":"%d"}`, r.Number)}
}

// output is what the runtime knows of a key.
func (s AnswersState) output(value string) Answer {
	if c := s.find(value); c != nil {
		return c.answer()
	}
	return Unknown{}
}

// Equal compares the calls.
func (s AnswersState) Equal(t State) bool {
	other := t.(AnswersState)
	if s.Calls() != other.Calls() {
		return false
	}
	for a, b := s.last, other.last; a != b; a, b = a.before, b.before {
		if a.value != b.value || a.fails != b.fails || a.anew != b.anew || a.hash != b.hash {
			return false
		}
	}
	return true
}

// Hash is that of the calls.
func (s AnswersState) Hash() uint64 {
	if s.last == nil {
		return 0
	}
	return s.last.hash
}

// String prints the answers of the calls, the newest first.
func (s AnswersState) String() string {
	var answers []string
	for c := s.last; c != nil; c = c.before {
		answers = append(answers, c.answer().String())
	}
	return "[" + strings.Join(answers, " ") + "]"
}
