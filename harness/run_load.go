package harness

import (
	"context"
	"fmt"
	"sync"
	"time"

	"retain/generators"
	"retain/model"
)

// load is what the clients of a plan's load share with its faults. The run's lock guards
// it. An operation of the load wakes nobody but the fault or the step that it was the
// last one for: many clients that woke each other would do little else.
type load struct {
	// over is set when the last fault has healed: the clients end after the operation
	// that each has open.
	over bool
	// inFlight counts the operations whose requests were written and not answered;
	// answered counts the answers, before those when the server was last ready.
	inFlight, answered, before int
	// open counts the operations that were called and have no outcome yet.
	open int
	// turns is when an operation that needs its object's key was last answered.
	turns map[model.Object]time.Time
	// ignored is set while nobody waits for the load: it gets no answers. late is set when
	// the fault has waited for it for too long although it gets some.
	ignored, late bool
	// silent are the objects of which an operation had no answer within its bound.
	silent map[model.Object]bool
	// waiting is the index of the fault that waits to be due, -1 for none; due is set when
	// an event of the load made it so, be the load elsewhere by the time it is looked at.
	waiting int
	due     bool
}

// flight is one attempt of an operation of the load.
type flight struct{ written, over bool }

// loadPrefix begins the names of the load's operations.
const loadPrefix = "load-"

// startLoad starts the clients of the plan's load. The returned function waits until they
// have ended.
func (r *run) startLoad(ctx context.Context) (wait func()) {
	var clients sync.WaitGroup
	for c := range r.plan.Load.Clients {
		clients.Go(func() {
			if err := r.loadClient(ctx, c); err != nil {
				r.fail(fmt.Errorf("client %d of the load: %w", c, err))
			}
		})
	}
	return clients.Wait
}

// loadClient runs the operations of one client of the load, one at a time, until the load
// is over or cut short.
func (r *run) loadClient(ctx context.Context, number int) error {
	client := r.plan.Load.Client(number)
	base := fmt.Sprintf("%s%d", loadPrefix, number)
	process := newProcess(base)
	unanswered := 0
	for k := 1; ; k++ {
		more, err := r.loadMayGoOn(ctx, unanswered)
		if !more {
			return err
		}
		o, op := client.Next()
		outcome, answer, err := r.operateLoad(ctx, process.name(), fmt.Sprintf("%s-%d", base, k), o, op)
		if err != nil {
			return err
		}
		client.Saw(op, answer)
		if outcome == model.Ambiguous {
			process.next()
		}
		if unanswered++; answer != nil {
			unanswered = 0
		}
	}
}

// longestRest bounds the time for which a client of the load whose operations get no
// answers rests before the next one, shortestRest is the first.
const (
	shortestRest = 10 * time.Millisecond
	longestRest  = time.Second
)

// loadMayGoOn waits until a client of the load may begin an operation: until the server is
// ready, so that the clients are no storm that delays it. While the server stops, a client
// that was answered goes on. One whose last operations were not answered rests: a server
// that refuses all of them would be asked nothing else. more is false when there is no
// more to do.
func (r *run) loadMayGoOn(ctx context.Context, unanswered int) (more bool, err error) {
	ends := func() bool {
		more = !r.load.over && !r.cut
		return !more
	}
	if unanswered > 1 {
		rest, cancel := context.WithTimeout(ctx, min(longestRest, shortestRest<<min(unanswered, 10)))
		_ = r.await(rest, ends) // the time-out is the rest
		cancel()
	}
	err = r.await(ctx, func() bool { return ends() || r.state == ready || unanswered == 0 && r.state == stopping })
	return more && err == nil, err
}

// operateLoad runs one operation of the load to its outcome. The answer is nil without
// one.
func (r *run) operateLoad(ctx context.Context, process, name string, o model.Object, op model.Operation) (model.Outcome, model.Answer, error) {
	key, _ := r.keyOf(op, name)
	called := model.Called{Process: process, Phase: model.Load, Object: o, Op: op.String(), Key: key}
	t, err := r.open(called, op, r.named(name))
	if err != nil {
		return "", nil, err
	}
	t.load, t.object = true, o
	r.loadEvent(func() { r.load.open++ })
	defer r.loadEvent(func() {
		if r.load.open--; r.switching {
			r.broadcast()
		}
	})
	return r.attempts(ctx, t)
}

// flightOf counts an attempt of an operation of the load as in flight, from the call of
// written, for when its request has left, to that of ended.
func (r *run) flightOf(t *pending) (written func(), ended func(answered bool)) {
	f := &flight{}
	written = func() {
		r.loadEvent(func() {
			if !f.written && !f.over {
				f.written = true
				r.load.inFlight++
			}
		})
	}
	return written, func(answered bool) {
		r.loadEvent(func() {
			f.over = true
			if f.written {
				r.load.inFlight--
			}
			if !answered {
				return
			}
			r.load.answered++
			r.load.ignored = false
			if !r.rec.isShared(t.call.Op) {
				r.load.turns[t.object] = time.Now()
			}
		})
	}
}

// loadEvent changes the counters of the load, and wakes those who wait for what they have
// become.
func (r *run) loadEvent(change func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	paced := r.paced()
	change()
	if w := r.load.waiting; w >= 0 && !r.load.due {
		if f := r.faultAt(w); r.loaded(f) && r.due(w, f) {
			r.load.due = true
			r.broadcast()
			return
		}
	}
	if paced != r.paced() {
		r.broadcast()
	}
}

// sinceReady counts the operations of the load that were answered since the server was
// last ready. The caller holds the lock.
func (r *run) sinceReady() int { return r.load.answered - r.load.before }

// paced reports whether the load has had the operations that it has between two faults.
// The caller holds the lock.
func (r *run) paced() bool { return r.sinceReady() >= r.plan.Load.Between }

// becomesReady makes the server ready, and begins to count what the load is answered since.
// The caller holds the lock.
func (r *run) becomesReady() {
	r.state = ready
	r.load.before, r.load.ignored = r.load.answered, false
}

// flightPatience is how many operations of each client, in the mean, a fault waits for so
// many in flight.
const flightPatience = 20

// loaded reports whether the load has come as far as a fault waits for. Nobody waits for
// it while the server is not ready, or the service answers nothing. The caller holds the lock.
func (r *run) loaded(f generators.Inject) bool {
	if r.plan.Load.Clients == 0 || r.state != ready || r.service.Stalled() || r.load.ignored || r.load.late {
		return true
	}
	switch t := f.When.(type) {
	case generators.Starting: // the start that it is about is over
		return true
	case generators.InFlight:
		if t.Operations <= r.plan.Load.Clients && r.load.inFlight < t.Operations &&
			r.sinceReady() < r.plan.Load.Between+flightPatience*r.plan.Load.Clients {
			return false
		}
	}
	return !f.Fault.Ends() || r.paced()
}

// holdsStep reports whether the step waits for the load: the fault that strikes it while
// it is open waits too, and would come too late. The caller holds the lock.
func (r *run) holdsStep(id int) bool {
	i, named := r.faultOf[id]
	return named && i == r.barrier && !r.loaded(r.faultAt(i))
}

// faultsOfSteps are the steps that triggers name, each with the index of its fault.
func faultsOfSteps(p generators.Plan) map[int]int {
	out := map[int]int{}
	for i, s := range p.Steps {
		f, _ := s.(generators.Inject)
		switch t := f.When.(type) {
		case generators.WhileOpen:
			out[t.Step] = i
		case generators.AtGate:
			out[t.Step] = i
		}
	}
	return out
}

// closingFault stands for the end of a plan: it waits for the load where no fault did.
var closingFault = generators.Inject{Fault: model.Kill, When: generators.InPlace{}}

// faultAt is the fault at an index; behind the last step, the end of the plan. What is no
// fault waits for nothing.
func (r *run) faultAt(i int) generators.Inject {
	if i >= len(r.plan.Steps) {
		return closingFault
	}
	f, _ := r.plan.Steps[i].(generators.Inject)
	return f
}

// faultPatience is for how many bounds of an operation a fault waits for a load that gets
// answers.
const faultPatience = 10

// awaitFault waits until the fault at an index is due. A load that gets no answers for the
// bound of an operation is waited for no longer, nor one that is far too slow.
func (r *run) awaitFault(ctx context.Context, i int) error {
	f := r.faultAt(i)
	r.mu.Lock()
	r.load.waiting, r.load.due, r.load.late = i, false, false
	r.stopwatch.Enter(r.part())
	r.mu.Unlock()
	defer func() {
		r.mu.Lock()
		r.load.waiting = -1
		r.mu.Unlock()
	}()
	due := func() bool { return r.cut || r.load.due || r.loaded(f) && r.due(i, f) }
	if r.plan.Load.Clients == 0 {
		return r.await(ctx, due)
	}
	for n := 1; ; n++ {
		r.mu.Lock()
		answered := r.load.answered
		r.mu.Unlock()
		bounded, cancel := context.WithTimeout(ctx, r.bounds.Completion)
		err := r.await(bounded, due)
		cancel()
		if err == nil || ctx.Err() != nil {
			return err
		}
		r.update(func() {
			r.load.ignored = r.load.answered == answered
			r.load.late = n >= faultPatience
		})
	}
}

// awaitLoad lets the load have its operations in a plan without a fault that ends the
// server.
func (r *run) awaitLoad(ctx context.Context) error {
	for _, s := range r.plan.Steps {
		if f, is := s.(generators.Inject); is && f.Fault.Ends() {
			return nil
		}
	}
	return r.awaitFault(ctx, len(r.plan.Steps))
}

// firstWithout reports whether an operation on the object is the first one of the load
// that had no answer within its bound: what the tables tell of the key is the same for all
// that wait for it.
func (r *run) firstWithout(o model.Object) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	first := !r.load.silent[o]
	r.load.silent[o] = true
	return first
}

// hadTurn reports whether the key of an operation's object moved on since a time: the
// operation of the load waits its turn, and is not stuck.
func (r *run) hadTurn(t *pending, since time.Time) bool {
	if !t.load || r.rec.isShared(model.WaitedFor(t.call.Op)) {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.load.turns[t.object].After(since)
}
