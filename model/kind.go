package model

import (
	"cmp"
	"slices"
)

// Kind names a kind of object.
type Kind string

// KindSpec is the model's part of a kind of object. Each kind stands in a file of its
// own, kind_NAME.go, and registers there.
type KindSpec struct {
	Kind Kind
	// Order is the place among [Kinds], the simplest first.
	Order int
	// Service is the name of the virtual object that serves the kind.
	Service string
	// Handlers are those of the service.
	Handlers []Handler
	// Initial is the state of an object that nobody has written.
	Initial State
	// Parse reads an operation from its name and arguments.
	Parse func(name string, args Arguments) (Operation, error)
	// WholeReads are the operations that together read an object whole, at least one.
	// The operations of the program on it are known: they name the entries of a map.
	WholeReads func(program []Operation) []Operation
	// ReadOf is the read that shows what an operation changed, through a shared handler
	// where there is one.
	ReadOf func(Operation) Operation
	// Exclusive is the same read through an exclusive handler; nil if no read has one
	// of another name.
	Exclusive func(Operation) Operation
	// Shows reports whether the answer of an operation shows what an answered one before
	// it wrote.
	Shows func(read Operation, seen Answer, write Operation, answer Answer) bool
	// Mark is what an answered operation leaves for reads to show, "" for nothing, and
	// Marks are what an answer shows: an answer can show an operation only if it has the
	// operation's mark.
	Mark  func(write Operation, answer Answer) string
	Marks func(seen Answer) []string
	// StateKey is the key under which the reference handlers keep what the read answers.
	StateKey func(read Operation) string
	// Commands reports whether the handler sends the runtime state commands, even
	// without effect; nil if every operation that is not read-only does.
	Commands func(Operation, State) bool
	// Deferral is how the effect of an operation is deferred; nil if none is.
	Deferral func(Operation) Deferral
	// Asking is how an operation asks for the answer of another one; nil if none does.
	Asking func(Operation) Asking
	// Key is the idempotency key that an operation has by itself, "" for none; nil if none
	// has one.
	Key func(Operation) string
	// Executed is [Executed]; nil if no handler's effect depends on its idempotency key.
	Executed func(Operation) Operation
	// Awaking is how an operation has to do with an awakeable; nil if none does.
	Awaking func(Operation) Awaking
	// Waiting is about what stays open until other operations end it; nil if nothing does.
	Waiting *Waiting
}

// Handler is one handler of a kind's service, as the contract has it.
type Handler struct {
	Name string
	// Shared is true if the reference service serves it as a shared handler.
	Shared bool
	// Effect is what it does to the object.
	Effect Effect
	// Input and Output describe the bodies as the admin API does; "" for none.
	Input, Output string
	// Fields are the members of an input that is an object, in the order of the
	// operation's arguments; nil for any other input.
	Fields []string
}

// Effect is what a handler does to its object.
type Effect int

// Effects.
const (
	Changes Effect = iota // it writes
	Reads                 // it does nothing but answer
	Clears                // it empties the object
)

// The bodies of requests and responses, in the words of the admin API.
const (
	jsonInteger = "JSON integer"
	jsonObject  = "JSON object"
	jsonString  = "JSON string"
	jsonArray   = "JSON array"
	jsonBoolean = "JSON boolean"
)

var kindSpecs = map[Kind]*KindSpec{}

func registerKind(s KindSpec) Kind {
	if _, twice := kindSpecs[s.Kind]; twice {
		panic("model: the kind " + string(s.Kind) + " is registered twice")
	}
	kindSpecs[s.Kind] = &s
	return s.Kind
}

// Kinds lists every kind, the simplest first.
func Kinds() []Kind {
	var out []Kind
	for k := range kindSpecs {
		out = append(out, k)
	}
	slices.SortFunc(out, func(a, b Kind) int {
		return cmp.Or(cmp.Compare(kindSpecs[a].Order, kindSpecs[b].Order), cmp.Compare(a, b))
	})
	return out
}

// Spec is the kind's part of the model; the zero value for a kind that does not exist.
func (k Kind) Spec() *KindSpec {
	if s := kindSpecs[k]; s != nil {
		return s
	}
	return &KindSpec{}
}

// Service is the name of the virtual object that serves this kind.
func (k Kind) Service() string { return k.Spec().Service }

// Initial is the state of an object of this kind that nobody has written.
func (k Kind) Initial() State { return k.Spec().Initial }

func (k Kind) valid() bool {
	_, known := kindSpecs[k]
	return known
}

// Missing lists the fields that a kind needs and lacks.
func (s *KindSpec) Missing() []string {
	var out []string
	for field, lacks := range map[string]bool{
		"Service": s.Service == "", "Handlers": len(s.Handlers) == 0, "Initial": s.Initial == nil, "Parse": s.Parse == nil,
		"WholeReads": s.WholeReads == nil, "ReadOf": s.ReadOf == nil, "Shows": s.Shows == nil, "StateKey": s.StateKey == nil,
	} {
		if lacks {
			out = append(out, field)
		}
	}
	slices.Sort(out)
	return out
}

// KindOf is the kind of object that a service serves; false if it serves none.
func KindOf(service string) (Kind, bool) {
	for _, s := range kindSpecs {
		if s.Service == service {
			return s.Kind, true
		}
	}
	return "", false
}

// handlerOf is the contract's handler of an operation; the zero value if it has none.
func handlerOf(op Operation) Handler {
	op = Effective(op)
	if _, manages := op.(Manage); manages {
		return Handler{Shared: true, Effect: Reads}
	}
	for _, h := range op.Kind().Spec().Handlers {
		if h.Name == op.Handler() {
			return h
		}
	}
	return Handler{}
}

// EffectOf is what the handler of an operation does to its object.
func EffectOf(op Operation) Effect { return handlerOf(op).Effect }

// ServedShared reports whether the reference service serves the operation by a shared
// handler.
func ServedShared(op Operation) bool { return handlerOf(op).Shared }

// Commands reports whether the operation's handler sends the runtime state commands on
// this state, even without effect.
func Commands(op Operation, s State) bool {
	if commands := op.Kind().Spec().Commands; commands != nil {
		return commands(Effective(op), s)
	}
	return !op.ReadOnly()
}

// ReadOf is the read that shows what an operation changed, through a shared handler
// where there is one.
func ReadOf(op Operation) Operation { return op.Kind().Spec().ReadOf(Effective(op)) }

// Exclusive is the same operation through an exclusive handler, where it is a read that
// has one; otherwise it is the operation.
func Exclusive(op Operation) Operation {
	if _, manages := op.(Manage); manages {
		return op
	}
	if exclusive := op.Kind().Spec().Exclusive; exclusive != nil {
		return exclusive(op)
	}
	return op
}

// Mark is what an answered operation leaves for reads to show, "" for nothing.
func Mark(o Invoked) string {
	if o.Outcome != OK {
		return ""
	}
	return o.Op.Kind().Spec().Mark(Effective(o.Op), o.Answer)
}

// Marks are what the answer of an operation shows: it [Shows] no operation with another
// [Mark].
func Marks(o Invoked) []string {
	if o.Outcome != OK {
		return nil
	}
	return o.Op.Kind().Spec().Marks(o.Answer)
}

// textMarks are the mark of an answer that is a value, none for an unset one.
func textMarks(seen Answer) []string {
	if text, is := seen.(Text); is && text != "" {
		return []string{string(text)}
	}
	return nil
}

// Shows reports whether an answered read shows what an acknowledged operation wrote.
func Shows(read, write Invoked) bool {
	if write.Outcome != OK || read.Outcome != OK || read.Op.Kind() != write.Op.Kind() {
		return false
	}
	return write.Op.Kind().Spec().Shows(Effective(read.Op), read.Answer, Effective(write.Op), write.Answer)
}
