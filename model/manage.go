package model

import (
	"fmt"
	"slices"
	"strings"
)

// Verb is what the admin API does to an invocation.
type Verb string

// The verbs. What is ended or purged need not have had its effect, and its idempotency key
// may be executed again.
const (
	CancelInvocation  Verb = "cancel"  // its handler fails at the next point at which it waits
	KillInvocation    Verb = "kill"    // it ends at once, and what it did stays
	PurgeInvocation   Verb = "purge"   // an ended one is forgotten, with its key
	PauseInvocation   Verb = "pause"   // it has no attempts until it is resumed
	ResumeInvocation  Verb = "resume"  // a paused one goes on
	RestartInvocation Verb = "restart" // an ended one is executed again, as a new one
)

// Verbs lists them.
func Verbs() []Verb {
	return []Verb{CancelInvocation, KillInvocation, PurgeInvocation, PauseInvocation, ResumeInvocation, RestartInvocation}
}

// Ends reports whether the verb ends an invocation that is not over.
func (v Verb) Ends() bool { return v == CancelInvocation || v == KillInvocation }

// Forgets reports whether an idempotency key may be executed again after the verb.
func (v Verb) Forgets() bool { return v.Ends() || v == PurgeInvocation }

// NeedsEnd reports whether the verb is for an invocation that is over.
func (v Verb) NeedsEnd() bool { return v == PurgeInvocation || v == RestartInvocation }

// Manage is an operation on the invocation of an earlier operation of the same object. It
// changes nothing by itself, but for a restart, which executes that operation once more.
type Manage struct {
	Verb Verb
	// Step is that of the earlier operation in the plan.
	Step int
	// On is the kind of its object, Of the operation itself for a restart, nil for other verbs.
	On Kind
	Of Operation
}

// parseManage reads a verb and its arguments: kill(7), restart(7,"add(1)").
func parseManage(kind Kind, verb Verb, args Arguments) (Operation, error) {
	want := 1
	if verb == RestartInvocation {
		want = 2
	}
	if len(args) != want {
		return nil, fmt.Errorf("has %d arguments: want the id of a step, and for a restart its operation", len(args))
	}
	step, err := args[:1].integer()
	if err != nil {
		return nil, err
	}
	m := Manage{Verb: verb, Step: int(step), On: kind}
	if verb != RestartInvocation {
		return m, nil
	}
	text, err := args[1:].text(1, -1)
	if err != nil {
		return nil, err
	}
	if m.Of, err = ParseOperation(kind, text[0]); err != nil {
		return nil, err
	}
	if _, twice := m.Of.(Manage); twice {
		return nil, fmt.Errorf("%.80s calls no handler, so nothing of it can be executed again", text[0])
	}
	return m, nil
}

// isVerb reports whether an operation's name is that of a verb.
func isVerb(name string) bool { return slices.Contains(Verbs(), Verb(name)) }

// Kind is that of the object.
func (o Manage) Kind() Kind { return o.On }

// Handler is the verb: no handler is called.
func (o Manage) Handler() string { return string(o.Verb) }

// ReadOnly is false for a restart.
func (o Manage) ReadOnly() bool { return o.Of == nil }

// String prints kill(7), or restart(7,"add(1)").
func (o Manage) String() string {
	if o.Of == nil {
		return fmt.Sprintf("%s(%d)", o.Verb, o.Step)
	}
	return fmt.Sprintf("%s(%d,%s)", o.Verb, o.Step, quote(o.Of.String()))
}

// Apply is that of the operation which is executed again; other verbs are done.
func (o Manage) Apply(s State) (State, Answer) {
	if o.Of == nil {
		return s, Done{}
	}
	return Executed(o.Of).Apply(s)
}

// Request is nil.
func (Manage) Request() []byte { return nil }

// Decode reads what the operation was answered that is executed again; the body of other verbs
// says nothing.
func (o Manage) Decode(body []byte) (Answer, error) {
	if o.Of == nil {
		return Done{}, nil
	}
	return o.Of.Decode(body)
}

// EachManaged calls do for each operation on an invocation that may have reached the server,
// with the operation whose invocation it is.
func (h *History) EachManaged(do func(m Manage, by, of *Invoked)) {
	for i := range h.Operations {
		by := &h.Operations[i]
		m, manages := by.Op.(Manage)
		if !manages || by.Outcome == Failed {
			continue
		}
		if at := slices.IndexFunc(h.Operations, func(o Invoked) bool {
			return o.Phase == Program && o.Step == m.Step && o.Object == by.Object
		}); at >= 0 {
			do(m, by, &h.Operations[at])
		}
	}
}

// ManageNames are the names of operations on invocations: "invocation kill".
func ManageNames() []string {
	var out []string
	for _, v := range Verbs() {
		out = append(out, v.Name())
	}
	return out
}

// managed stands before the verb in a name.
const managed = "invocation "

// Name is "invocation kill".
func (v Verb) Name() string { return managed + string(v) }

// VerbNamed is the verb with a name; false if there is none.
func VerbNamed(name string) (Verb, bool) {
	verb, is := strings.CutPrefix(name, managed)
	return Verb(verb), is && isVerb(verb)
}

// Executed is what the handler of an operation does, whatever the runtime knows of its
// idempotency key.
func Executed(op Operation) Operation {
	if of := op.Kind().Spec().Executed; of != nil {
		return of(op)
	}
	return op
}

// ExecutesAnew reports whether an operation is one that [Executed] makes of another.
func ExecutesAnew(op Operation) bool {
	switch op := op.(type) {
	case AnswerSubmit:
		return op.Anew
	case AwakeableAwait:
		return op.Anew
	}
	return false
}

// Effective is the operation whose effect an operation has: that which a restart executes
// again.
func Effective(op Operation) Operation {
	if m, is := op.(Manage); is && m.Of != nil {
		return m.Of
	}
	return op
}

// EndedBy reports whether an answer is that of an invocation which was cancelled or killed.
func EndedBy(a Answer) bool {
	f, fails := a.(Failure)
	return fails && f.Code == ended
}

// ended is the code of the error of an invocation that was cancelled or killed. No handler of
// the contract has it.
const ended = 409
