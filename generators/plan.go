package generators

import (
	"slices"

	"retain/model"
)

// PlanVersion is the newest version of the plan format. [Encode] writes the oldest
// version that has all that a plan says.
const PlanVersion = 4

// Plan is the whole program of a run.
type Plan struct {
	// Seed and Number say where the plan was drawn, for people; what lasts is
	// the plan itself, since any change of a generator changes what a seed means.
	Seed   uint64
	Number int
	// RapidSteps is the mean number of actions, -rapid.steps, that it was drawn
	// with: with another one, the seed gives another plan. 0 for a plan that was
	// not drawn by [Draw].
	RapidSteps int
	Config     Config
	Load       Load
	Steps      []Step
}

// Config is what holds for the whole of a plan.
type Config struct {
	// Server names the whole of the server's configuration, one of [Servers]: what
	// is fixed with its data, and what a start may change. "" is a server with nothing
	// set but Partitions, VQueues and Start.
	Server string `json:"server,omitempty"`
	// Partitions of the server, over those of Server; 0 is Server's number, or
	// the server's own default.
	Partitions int `json:"partitions,omitempty"`
	// VQueues lets the server schedule invocations in virtual queues, from the first
	// start of its data on.
	VQueues bool `json:"vqueues,omitempty"`
	// Start is what the server is started with, over that of Server, until a start
	// step says otherwise.
	Start StartConfig `json:"start,omitzero"`
	// TakeOver is the fault that ends a server that served other plans with another
	// configuration, before this plan begins: "" is a kill. It means nothing on a
	// server that has served no plan.
	TakeOver model.FaultKind `json:"take_over,omitempty"`
	// Unkeyed sends the operations of the program without idempotency keys.
	// They are never re-sent once a byte was written.
	Unkeyed bool `json:"unkeyed,omitempty"`
	// PushOn lets clients call while the runtime comes back; otherwise they
	// wait until it is ready.
	PushOn bool `json:"push_on,omitempty"`
	// Retry lets a client send a keyed operation again, under its key, as soon
	// as an attempt ends ambiguously; otherwise the operation is left ambiguous
	// until after the heal, and its client goes on as a new process.
	Retry bool `json:"retry,omitempty"`
	// Resolve says how ambiguous operations are resolved after the heal.
	Resolve Resolve `json:"resolve,omitempty"`
	// NoClosingKill ends the plan without the kill that tests the writes after the
	// last fault.
	NoClosingKill bool `json:"no_closing_kill,omitempty"`
	// ResendAnswered sends every operation that was answered under an idempotency key
	// again, under its key, as soon as the server runs another version: it must give the
	// same answer. Every object is read whole before and after it. Until that is done no
	// client that waits for readiness goes on.
	ResendAnswered bool `json:"resend_answered,omitempty"`
}

// Resolve is a way to resolve ambiguous operations.
type Resolve string

// Ways to resolve. The zero value re-sends.
const (
	Resend    Resolve = ""       // the same operation under the same key
	LookUp    Resolve = "lookup" // its output by its key, read-only
	LeaveOpen Resolve = "open"   // not at all
)

// Step is one step of a plan: [Operate] or one of the faults.
type Step interface {
	// StepID is stable from drawing to promotion, positive and unique in a plan.
	StepID() int
}

// Operate is an operation of one client on one object.
type Operate struct {
	ID     int
	Client int
	Object model.Object
	Op     model.Operation
}

// Inject is a fault: something done to the runtime.
type Inject struct {
	ID    int
	Fault model.FaultKind
	When  Trigger
	// Target is what it is done to, "" for the server. The format allows nodes and the
	// service; [CheckServer] refuses what the server under test does not have.
	Target model.Target
	// Version is for a start: the server's version from then on, a release or the
	// name of a build; "" for no change.
	Version string
	// Start is for a start: the configuration from then on, the zero value for no
	// change.
	Start StartConfig
	// HoldThroughStop is for a stop while an operation stands at a gate: the
	// gate stays shut while the runtime drains, instead of opening when the stop
	// begins.
	HoldThroughStop bool
}

// StepID is the step's ID.
func (s Operate) StepID() int { return s.ID }

// StepID is the step's ID.
func (s Inject) StepID() int { return s.ID }

// Trigger says when a fault begins. The implementations are [InPlace],
// [WhileOpen], [AtGate], [Starting] and [InFlight].
type Trigger interface {
	trigger()
}

type (
	// InPlace is due when every operation before the fault has returned, or can't
	// until the fault has happened (the runtime is down or paused, or it stands at or
	// behind a gate). The default.
	InPlace struct{}

	// WhileOpen is due as soon as the request of the step has been written, while the
	// operation is open. Nothing else is waited for.
	WhileOpen struct{ Step int }

	// AtGate is due when the step stands at a gate, before or after its effect, and
	// every other operation before the fault has returned or can't. The gate is
	// armed because this trigger names it, and catches the step's first entry.
	AtGate struct {
		Step  int
		After bool
	}

	// Starting is due during the start that is under way, when it reaches the
	// milestone, plus an offset in milliseconds (0 to 1000). It is due at once
	// when no start is under way, or when the start is over.
	Starting struct {
		Milestone Milestone
		OffsetMs  int
	}

	// InFlight is due when so many operations of the load are in flight: their
	// requests were written and not answered. It is due at once in a plan without
	// that many clients of a load, and while the server is down.
	InFlight struct{ Operations int }
)

func (InPlace) trigger()   {}
func (WhileOpen) trigger() {}
func (AtGate) trigger()    {}
func (Starting) trigger()  {}
func (InFlight) trigger()  {}

// Milestone is a point in the start of a runtime.
type Milestone string

// Milestones, in the order in which a start reaches them.
const (
	Spawned    Milestone = "spawned" // the process or container runs
	Port       Milestone = "port"    // the ingress accepts connections
	Health     Milestone = "health"  // the ingress says it is healthy
	FirstProbe Milestone = "canary"  // the first call went through
)

// Clients lists the clients that have steps, ascending.
func (p Plan) Clients() []int {
	return collect(p, func(o Operate) int { return o.Client }, func(a, b int) int { return a - b })
}

// Path lists the versions that starts of the plan name, in their order.
func (p Plan) Path() []string {
	var out []string
	for _, s := range p.Steps {
		if f, is := s.(Inject); is && f.Version != "" {
			out = append(out, f.Version)
		}
	}
	return out
}

// Versions lists the versions of the plan's path, each once.
func (p Plan) Versions() []string {
	var out []string
	for _, version := range p.Path() {
		if !slices.Contains(out, version) {
			out = append(out, version)
		}
	}
	return out
}

// Manages reports whether the plan has operations on invocations.
func (p Plan) Manages() bool {
	return slices.ContainsFunc(p.Steps, func(s Step) bool {
		o, is := s.(Operate)
		_, manages := o.Op.(model.Manage)
		return is && manages
	})
}

// Objects lists the objects that have steps, in the order of their names.
func (p Plan) Objects() []model.Object {
	return collect(p, func(o Operate) model.Object { return o.Object }, compareObjects)
}
