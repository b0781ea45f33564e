package model

import (
	"cmp"
	"maps"
	"slices"
	"sync"

	"retain/internal/printable"
)

// FaultKind is what a fault does to the runtime, or to the service that it calls.
type FaultKind string

// Condition is what the faults have made of the server.
type Condition string

// Conditions that the harness knows. A fault may leave another one.
const (
	Down     Condition = "down"     // there is no server
	Starting Condition = "starting" // it was started, and calls may not go through yet
	Ready    Condition = "ready"    // calls go through
	Paused   Condition = "paused"   // its processes are frozen
)

// Conditions of the service that the server calls, beside [Ready].
const (
	Refusing Condition = "refusing" // it refuses connections
	Stalling Condition = "stalling" // what was sent does not arrive
	Frozen   Condition = "frozen"   // its process is
)

// FaultSpec is the model's part of a kind of fault. Each kind stands in a file of its
// own, fault_NAME.go, and registers there.
type FaultSpec struct {
	Kind FaultKind
	// Noun is what the fault is in a sentence, such as "crash of the service"; "" for the
	// kind itself.
	Noun string
	// Order is the place in [FaultKinds], the simplest first.
	Order int
	// Service is true if it is done to the service that the server calls: From and To are
	// conditions of the service then. A client sees nothing of it but time. Unless it undoes
	// another one, it applies while the server is ready.
	Service bool
	// Process is true if it is done to the service's process: it needs one that the suite
	// started.
	Process bool
	// From are the conditions of the server in which it applies. In any other it does
	// nothing.
	From []Condition
	// To is the condition that it leaves.
	To Condition
	// Undo is the fault that brings the server or the service back. "" if To is Ready.
	Undo FaultKind
	// Drains is true if the server ends what it is at before the fault is over: gates
	// may stay shut meanwhile.
	Drains bool
	// Stalls is true if calls are not answered in the condition that it leaves, though
	// the server or the service is there.
	Stalls bool
}

var faultSpecs = map[FaultKind]*FaultSpec{}

func registerFault(s FaultSpec) FaultKind {
	if _, twice := faultSpecs[s.Kind]; twice {
		panic("model: the fault " + string(s.Kind) + " is registered twice")
	}
	faultSpecs[s.Kind] = &s
	return s.Kind
}

// FaultKinds lists every kind of fault, the simplest first.
func FaultKinds() []FaultKind { return slices.Clone(faultKinds()) }

// faultKinds sorts them once: each step that is drawn asks for them.
var faultKinds = sync.OnceValue(func() []FaultKind {
	out := slices.Collect(maps.Keys(faultSpecs))
	slices.SortFunc(out, func(a, b FaultKind) int {
		return cmp.Or(cmp.Compare(faultSpecs[a].Order, faultSpecs[b].Order), cmp.Compare(a, b))
	})
	return out
})

// FaultNames lists the kinds of faults in words: "stop, kill, start, pause or resume".
func FaultNames() string { return printable.List(FaultKinds(), "or") }

// Spec is the kind's part of the model; the zero value for a kind that does not exist.
func (k FaultKind) Spec() *FaultSpec {
	if s := faultSpecs[k]; s != nil {
		return s
	}
	return &FaultSpec{}
}

// Noun is what the fault is in a sentence: "kill", "crash of the service".
func (k FaultKind) Noun() string { return cmp.Or(k.Spec().Noun, string(k)) }

// Ends reports whether the fault ends the server.
func (k FaultKind) Ends() bool { return k.Spec().To == Down }

// Starts reports whether the fault starts a server that is down.
func (k FaultKind) Starts() bool { return slices.Contains(k.Spec().From, Down) }

// OfService reports whether the fault is done to the service, not to the server.
func (k FaultKind) OfService() bool { return k.Spec().Service }

// Applies reports whether the fault does anything to a server, or a service, in this
// condition.
func (k FaultKind) Applies(c Condition) bool { return slices.Contains(k.Spec().From, c) }

// Undoes reports whether the fault undoes another one.
func (k FaultKind) Undoes() bool {
	for _, s := range faultSpecs {
		if s.Undo == k {
			return true
		}
	}
	return false
}

// Undo is the fault that brings the server or the service back from a condition, "" if none
// does.
func (c Condition) Undo() FaultKind {
	for _, k := range FaultKinds() {
		if s := faultSpecs[k]; s.To == c && s.Undo != "" {
			return s.Undo
		}
	}
	return ""
}

// Stalled reports whether calls are not answered in this condition, though the server or
// the service is there.
func (c Condition) Stalled() bool {
	for _, s := range faultSpecs {
		if s.To == c && s.Stalls {
			return true
		}
	}
	return false
}
