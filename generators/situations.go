package generators

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"retain/model"
)

// Situation is an operation, a fault, where the operation stood when the fault came, and
// the class of the server's configuration. Situations are coverage goals: sessions and
// campaigns count the plans that tested each, and lean plans towards them.
type Situation struct {
	// Operation is the operation's name, see [NameOf].
	Operation string
	// Fault is one of [Faults].
	Fault model.FaultKind
	// Moment is where the operation stood.
	Moment Moment
	// Class is that of the server which the operation met: the one that the fault struck,
	// or, for an operation during the recovery or after it, the one that came back.
	Class Class
}

// Moment is where an operation stands when a fault comes, or the other way round.
type Moment string

// Moments.
const (
	// Acknowledged: it was answered, and nothing was done to the server in between.
	Acknowledged Moment = "acknowledged before"
	// BeforeEffect and AfterEffect: it was in flight, and had had its effect or not,
	// as far as the deployment saw.
	BeforeEffect Moment = "in flight before its effect"
	AfterEffect  Moment = "in flight after its effect"
	// Recovering: it was called while the server came back, before calls went
	// through.
	Recovering Moment = "called during recovery"
	// FirstAfter: it was the first to be called when calls went through again.
	FirstAfter Moment = "first after"
	// Spanning: it was open from before the fault until after the next one's
	// beginning.
	Spanning Moment = "spanning this and the next"
)

// Moments lists them, in the order of time.
func Moments() []Moment {
	return []Moment{Acknowledged, BeforeEffect, AfterEffect, Recovering, FirstAfter, Spanning}
}

// Names lists the operations that plans draw, kind by kind, those with an effect
// first.
func Names() []string {
	var out []string
	for _, k := range model.Kinds() {
		for _, o := range kindParts[k].operations {
			out = append(out, o.nameOf(k))
		}
	}
	return out
}

// NameOf is an operation's name without its arguments: "map set". The addition of
// nothing, which is a read, is "counter add(0)"; what is done to an invocation is
// "invocation kill".
func NameOf(op model.Operation) string {
	if m, manages := op.(model.Manage); manages {
		return m.Verb.Name()
	}
	name := op.Handler()
	if special := kindParts[op.Kind()].name; special != nil {
		name = special(op)
	}
	return string(op.Kind()) + " " + name
}

// Situations lists every situation: each operation with each fault at each of the
// fault's moments that it can stand at, in each class.
func Situations() []Situation { return slices.Clone(situations()) }

var situations = sync.OnceValue(func() (out []Situation) {
	for _, k := range model.Kinds() {
		for _, o := range kindParts[k].operations {
			for _, f := range Faults() {
				for _, m := range faultParts[f].moments {
					if !o.reaches(m) {
						continue
					}
					for _, c := range Classes() {
						out = append(out, Situation{o.nameOf(k), f, m, c})
					}
				}
			}
		}
	}
	return out
})

// Changes lists the changes at faults, the situations that a loss of state needs: an
// operation that changes state, acknowledged before a fault that ends the server or in
// flight at it, in each class.
func Changes() []Situation { return slices.Clone(changes()) }

var changes = sync.OnceValue(func() []Situation {
	return slices.DeleteFunc(Situations(), func(s Situation) bool { return !s.IsChange() })
})

// IsChange reports whether the situation is one of [Changes].
func (s Situation) IsChange() bool {
	o, known := operationNamed(s.Operation)
	return known && !o.reads && s.Fault.Ends() && slices.Contains([]Moment{Acknowledged, BeforeEffect, AfterEffect}, s.Moment)
}

const separator = " · "

// String prints "map set · kill · first after · lazy, suspending".
func (s Situation) String() string {
	return strings.Join([]string{s.Operation, string(s.Fault), string(s.Moment), s.Class.String()}, separator)
}

// MarshalText is [Situation.String].
func (s Situation) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads what [Situation.String] prints. Older texts name no class: they
// read as the plainest one.
func (s *Situation) UnmarshalText(text []byte) error {
	parts := strings.Split(string(text), separator)
	if len(parts) == 3 {
		parts = append(parts, Class{}.String())
	}
	if len(parts) != 4 {
		return fmt.Errorf("%.80q is no situation: want OPERATION · FAULT · MOMENT · CLASS", text)
	}
	read, known := situationsByText()[strings.Join(parts, separator)]
	if !known {
		return fmt.Errorf("%.80q is no situation that there is", text)
	}
	*s = read
	return nil
}

var situationsByText = sync.OnceValue(func() map[string]Situation {
	out := map[string]Situation{}
	for _, s := range Situations() {
		out[s.String()] = s
	}
	return out
})

// Reads reports whether the situation's operation only reads.
func (s Situation) Reads() bool {
	o, _ := operationNamed(s.Operation)
	return o.reads
}

// Kind is the kind of object that the situation's operation belongs to.
func (s Situation) Kind() model.Kind { return kindOf(s.Operation) }
