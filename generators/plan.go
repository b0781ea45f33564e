// Package generators draws plans: whole programs of a run, decided before
// anything starts. It is pure.
//
// A [Plan] is one flat list of steps. Every operation step belongs to a client;
// a client runs its steps in the order of the list, one at a time. A fault step
// belongs to nobody: the harness carries the faults out in the order of the
// list. What a plan means, whatever the speed of the machine:
//
//   - A fault is a line across the list: operations that stand after it begin
//     only once it has begun (a plan that waits for readiness: once the runtime
//     is ready again, if the fault starts it). Operations that stand before it
//     may run past it.
//   - An operation that a fault's trigger holds at a gate is a line too:
//     operations after it begin once it stands there, or is over. So a read that
//     stands between it and the fault sees what it left.
//   - When a fault begins is said by its [Trigger].
//   - A step that can't apply (start when up, stop when down, resume when not
//     paused) does nothing. A trigger whose step is gone, over or did nothing is
//     due at once. When no client can go on, the next fault is due.
//   - After the last step the harness heals: it opens every gate, thaws and
//     starts the runtime, and reads everything.
package generators

import (
	"retain/model"
)

// PlanVersion is the version of the plan format that this package writes, and
// the newest that it reads.
const PlanVersion = 1

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
	Steps      []Step
}

// Config is what holds for the whole of a plan.
type Config struct {
	// Server names the server's configuration, one of [Servers]; "" is a server
	// with nothing set but Partitions.
	Server string `json:"server,omitempty"`
	// Partitions of the server, over those of Server; 0 is Server's number, or
	// the server's own default.
	Partitions int `json:"partitions,omitempty"`
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
	// NoClosingKill ends the plan without the kill that puts what was written
	// after the last fault to the test.
	NoClosingKill bool `json:"no_closing_kill,omitempty"`
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
	Fault FaultKind
	When  Trigger
	// Version is for a start: the server's version from then on, "" for no
	// change. The format allows it; no version but the running one is accepted yet.
	Version string
	// HoldThroughStop is for a stop while an operation stands at a gate: the
	// gate stays shut while the runtime drains, instead of opening when the stop
	// begins.
	HoldThroughStop bool
}

// StepID is the step's ID.
func (s Operate) StepID() int { return s.ID }

// StepID is the step's ID.
func (s Inject) StepID() int { return s.ID }

// FaultKind is what a fault does.
type FaultKind string

// Faults, the simplest first. Start starts a runtime that is down. Pause and
// Resume freeze and thaw it, where the runtime can (otherwise they do nothing).
const (
	Stop   FaultKind = "stop"
	Kill   FaultKind = "kill"
	Start  FaultKind = "start"
	Pause  FaultKind = "pause"
	Resume FaultKind = "resume"
)

// Trigger says when a fault begins. The implementations are [InPlace],
// [WhileOpen], [AtGate] and [Starting].
type Trigger interface {
	trigger()
}

type (
	// InPlace: when every operation before the fault has returned, or can't
	// until the fault has happened (the runtime is down or paused, or it stands at or
	// behind a gate). The default.
	InPlace struct{}

	// WhileOpen: as soon as the request of the step has been written, while the
	// operation is open. Nothing else is waited for.
	WhileOpen struct{ Step int }

	// AtGate: when the step stands at a gate, before or after its effect, and
	// every other operation before the fault has returned or can't. The gate is
	// armed because this trigger names it, and catches the step's first entry.
	AtGate struct {
		Step  int
		After bool
	}

	// Starting: during the start that is under way, when it reaches the
	// milestone, plus an offset in milliseconds (0 to 1000). It is due at once
	// when no start is under way, or when the start is over.
	Starting struct {
		Milestone Milestone
		OffsetMs  int
	}
)

func (InPlace) trigger()   {}
func (WhileOpen) trigger() {}
func (AtGate) trigger()    {}
func (Starting) trigger()  {}

// Milestone is a point in the start of a runtime.
type Milestone string

// Milestones, in the order in which a start reaches them.
const (
	Spawned Milestone = "spawned" // the process or container runs
	Port    Milestone = "port"    // the ingress accepts connections
	Health  Milestone = "health"  // the ingress says it is healthy
	Canary  Milestone = "canary"  // the first call went through
)

// Clients lists the clients that have steps, ascending.
func (p Plan) Clients() []int {
	return collect(p, func(o Operate) int { return o.Client }, func(a, b int) int { return a - b })
}

// Objects lists the objects that have steps, in the order of their names.
func (p Plan) Objects() []model.Object {
	return collect(p, func(o Operate) model.Object { return o.Object }, compareObjects)
}
