package harness

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"retain/generators"
	"retain/model"
	"retain/runtime"
	"retain/runtime/ingress"
	"retain/service"
)

// What the harness has made of the runtime.
const (
	down     = model.Down
	starting = model.Starting
	ready    = model.Ready
	stopping = model.Condition("stopping") // told to end, and not gone yet
)

// run is the state of one run. Everything below mu is guarded by it; changed is
// closed and replaced whenever any of it changes.
type run struct {
	sys       *System
	plan      generators.Plan
	rec       *recorder
	id        string
	bounds    Bounds
	heartbeat *heartbeat
	prober    prober
	// fail ends the run with a violation or an error of the harness.
	fail context.CancelCauseFunc

	mu      sync.Mutex
	changed chan struct{}
	state   model.Condition
	// service is what the faults have made of the service, endService ends that, nil while it
	// is ready. strikes are those that have not struck all of their attempts.
	service    model.Condition
	endService func() error
	// undone are the faults that can't be done here.
	undone  []model.FaultKind
	strikes []*attemptStrike
	// disturbed is when the service was last kept from its work, and disturbing is true while a
	// fault of it begins. finished is when a handler last finished.
	disturbed  time.Time
	disturbing bool
	finished   time.Time
	// identity is that of the server that was started last, own that of the first.
	identity, own runtime.Identity
	// looked is the server that every object was last read of after a switch, or the first;
	// switches counts the looks that began, and switching is set during one.
	looked    served
	switches  int
	switching bool
	// wrote are the versions that were started on the data, as they report themselves, and
	// mayRefuse is set while a start may be refused in a known way.
	wrote     []string
	mayRefuse bool
	// unkept is set once a version was started that need not keep what was answered.
	unkept bool
	// stage is what the run does while the server neither ends nor starts; spawning is true
	// while the runtime starts the server's process.
	stage    Part
	spawning bool
	// stopwatch measures the parts of the run, nil for nobody.
	stopwatch *Stopwatch
	ingress   *ingress.Client
	// barrier is the index of the next fault that has not begun; operations after
	// it may not begin.
	barrier int
	clients map[int]*clientState
	ops     map[int]*opState // by step id
	gates   map[int]service.Gate
	start   *starter // the start that is under way, or the last one
	load    load
	faultOf map[int]int // the steps that triggers name, each with the index of its fault
	ids     map[string]int
	downAt  int64
	// cut is set when an operation was not answered within its bound although
	// the runtime was up: the rest of the program is left out, and the reads
	// after the heal tell stuck from slow.
	cut bool
	// paused are the invocations that may be paused, by id. healed is set once nothing of the
	// program is to meet them so any more.
	paused map[string]*pausedInvocation
	healed bool
	// pauses is true if the plan pauses invocations.
	pauses bool
	// failures are why invocations failed last, by id, as far as it was asked for: the
	// server forgets it in a restart.
	failures map[string]Caller
	// signs counts the looks that told a stuck operation before its whole bound, where
	// the bound counts all the same.
	signs atomic.Int64
}

// clientState is where a client stands.
type clientState struct {
	at      int // the index of the step it is at; len(steps) when it is through
	waiting bool
	// refused is true if its operation was refused a connection while the
	// runtime is down or stalled.
	refused bool
}

// opState is what is known of an operation step.
type opState struct {
	index, client int
	wrote, done   bool
	held          bool // stands at a gate
	gated         bool // a gate is armed for it and has not caught it yet
	paused        bool // its invocation may be, until it is resumed
	ended         bool // its invocation may have been, by the plan
	exclusive     bool
	publishes     bool // its client waits until its handler has published an awakeable, by an exclusive one
	attaches      bool // its client waits for the answer of another call
	sent          bool // its client does not wait for its handler
	object        string
	key           string // the idempotency key of its own that it sends or waits for, "" for none
}

func newRun(sys *System, plan generators.Plan, rec *recorder, id string, bounds Bounds) *run {
	r := &run{
		sys: sys, plan: plan, rec: rec, id: id, bounds: bounds, state: down, service: ready, stage: PartReady,
		changed: make(chan struct{}), clients: map[int]*clientState{}, ops: map[int]*opState{},
		gates: map[int]service.Gate{}, ids: map[string]int{}, failures: map[string]Caller{}, paused: map[string]*pausedInvocation{},
		load: load{turns: map[model.Object]time.Time{}, silent: map[model.Object]bool{}, waiting: -1}, faultOf: faultsOfSteps(plan),
	}
	for i, s := range plan.Steps {
		if o, ok := s.(generators.Operate); ok {
			r.ops[o.ID] = &opState{index: i, client: o.Client, object: o.Object.String(), exclusive: !rec.history.IsShared(o.Op), sent: model.DeferralOf(o.Op).Sent,
				publishes: model.AwakingOf(o.Op).Published != nil, attaches: model.AskingOf(o.Op).Waits, key: model.KeyOf(model.WaitedFor(o.Op))}
			m, _ := o.Op.(model.Manage)
			r.pauses = r.pauses || m.Verb == model.PauseInvocation
			if r.clients[o.Client] == nil {
				r.clients[o.Client] = &clientState{at: i}
			}
		}
	}
	r.barrier = r.nextFault(0)
	return r
}

// nextFault is the index of the first fault from index i on.
func (r *run) nextFault(i int) int {
	for ; i < len(r.plan.Steps); i++ {
		if _, fault := r.plan.Steps[i].(generators.Inject); fault {
			break
		}
	}
	return i
}

// update changes the state and wakes everybody who waits for it.
func (r *run) update(change func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change()
	r.broadcast()
}

// broadcast wakes everybody who waits. The caller holds the lock.
func (r *run) broadcast() {
	r.stopwatch.Enter(r.part())
	close(r.changed)
	r.changed = make(chan struct{})
}

// await waits until the condition, which is evaluated under the lock, holds.
func (r *run) await(ctx context.Context, condition func() bool) error {
	for {
		r.mu.Lock()
		ok, changed := condition(), r.changed
		r.mu.Unlock()
		if ok {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// serving reports whether the runtime is up as far as we know.
func (r *run) serving() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.state == ready
}

// settled reports whether no client can go on before index i: each has finished
// its operations there, or can't until the next fault. The caller holds the lock.
func (r *run) settled(i int) bool {
	for _, c := range r.clients {
		if c.at < i && !r.stuck(c) {
			return false
		}
	}
	return true
}

// stuck reports whether a client can't go on before the next fault.
func (r *run) stuck(c *clientState) bool {
	if c.at == len(r.plan.Steps) {
		return true // through, or cut short
	}
	op := r.ops[r.plan.Steps[c.at].StepID()]
	if gate := r.gateBefore(c.at); c.waiting && gate != nil {
		return r.stuck(r.clients[gate.client])
	}
	waits := c.waiting && !r.mayBegin(c.at)
	switch {
	case r.state == down:
		return waits || c.refused
	case r.state.Stalled(), r.service.Stalled():
		return waits || c.refused || op.wrote
	}
	return op.held || op.paused || op.wrote && r.behindGate(op)
}

// gateBefore is the first operation before index i whose gate has yet to catch
// it, nil if there is none: operations after it wait.
func (r *run) gateBefore(i int) *opState {
	var first *opState
	for _, op := range r.ops {
		if op.gated && !op.done && op.index < i && (first == nil || op.index < first.index) {
			first = op
		}
	}
	return first
}

// behindGate reports whether an open operation waits for one that stands at a gate, or is paused:
// for its turn, or for the call that has its idempotency key.
func (r *run) behindGate(op *opState) bool {
	inTurn := op.exclusive || op.publishes || op.attaches
	for _, other := range r.ops {
		if other == op || other.object != op.object || !other.held && !other.paused {
			continue
		}
		if inTurn && other.exclusive || op.key != "" && op.key == other.key {
			return true
		}
	}
	return false
}

// due reports whether the fault at index i may begin. The caller holds the lock.
// A start that is under way ends first, unless the trigger is about the start or
// an operation that is open during it.
func (r *run) due(i int, f generators.Inject) bool {
	over := r.state != starting
	switch t := f.When.(type) {
	case generators.Starting:
		return over || r.start.reached(t.Milestone)
	case generators.WhileOpen:
		op := r.before(t.Step, i)
		return op != nil && op.wrote && !op.done || over && (op == nil || op.done || r.settled(i))
	case generators.AtGate:
		op := r.before(t.Step, i)
		return over && (op == nil || op.done && !op.ended || r.settled(i))
	}
	return over && r.settled(i)
}

// before is the operation step with this id, nil unless it stands before index i.
func (r *run) before(id, i int) *opState {
	if op := r.ops[id]; op != nil && op.index < i {
		return op
	}
	return nil
}
