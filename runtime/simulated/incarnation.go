package simulated

import (
	"context"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"retain/model"
	"retain/runtime"
	"retain/runtime/lifecycle"
	"retain/runtime/versions"
	"retain/service"
)

// incarnation is the server from its spawn to its end.
type incarnation struct {
	*lifecycle.Incarnation
	number  uint64
	store   *store
	control *control
	random  random
	timings Timings
	nonce   string
	version string
	cluster string

	began   time.Time
	ctx     context.Context // ends with the incarnation
	cancel  context.CancelFunc
	work    sync.WaitGroup // every goroutine of the incarnation
	ending  sync.Once
	note    func(format string, args ...any)
	pause   *pause
	ready   []chan struct{} // closed when the partition is, guarded by the store's lock
	early   atomic.Uint64   // calls that came before their partition was ready
	ingress *network
	admin   *network
}

// isReady and setReady are called with the store's lock held.
func (i *incarnation) isReady(partition int) bool {
	select {
	case <-i.ready[partition]:
		return true
	default:
		return false
	}
}

func (i *incarnation) setReady(partition int) { close(i.ready[partition]) }

// readyAfter is the time from the spawn to a partition's readiness.
func (i *incarnation) readyAfter(partition int) time.Duration {
	return i.timings.Ready + i.random.time(i.timings.Ready, "ready", i.number, uint64(partition))
}

// serve starts everything that an incarnation consists of. Without calls, no partition of it
// gets ready.
func (i *incarnation) serve(calls bool) {
	i.work.Go(func() { i.ingress.serve(i, http.HandlerFunc(i.serveIngress)) })
	i.work.Go(func() { i.admin.serve(i, http.HandlerFunc(i.serveAdmin)) })
	for p := range i.ready {
		if !calls {
			break
		}
		i.work.Go(func() {
			if i.wait(i.readyAfter(p) - time.Since(i.began)) {
				i.store.resume(i, p)
			}
		})
	}
}

// wait lets time pass; false if the incarnation ends first.
func (i *incarnation) wait(d time.Duration) bool {
	if d <= 0 {
		return i.ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-i.ctx.Done():
		return false
	}
}

// healthy reports the health that the server answers.
func (i *incarnation) healthy() bool { return time.Since(i.began) >= i.timings.Health }

// end ends the incarnation at once and waits until nothing of it is left.
func (i *incarnation) end(exit runtime.Exit) {
	i.ending.Do(func() {
		i.store.end(i, exit.Killed)
		i.cancel()
		i.ingress.close()
		i.admin.close()
		i.work.Wait()
		i.store.ended(exit.Killed)
		how := exit.String()
		if exit.Killed {
			how = "killed"
		}
		i.note("incarnation %d ends: %s", i.number, how)
		i.End(exit)
	})
	<-i.Done()
}

// Kill implements [lifecycle.Server].
func (i *incarnation) Kill(context.Context) error {
	i.end(runtime.Exit{Code: -1, Killed: true})
	return nil
}

// Terminate implements [lifecycle.Server]: open calls have until the drain's end,
// then they are cut.
func (i *incarnation) Terminate(context.Context) error {
	i.pause.thaw()
	go i.drain()
	return nil
}

// Pause implements [lifecycle.Server]: nothing passes through connections, and no
// handler goes on.
func (i *incarnation) Pause(context.Context) error {
	i.pause.freeze()
	return nil
}

// Resume implements [lifecycle.Server].
func (i *incarnation) Resume(context.Context) error {
	i.pause.thaw()
	return nil
}

// drain ends the incarnation gracefully: no new calls, and open ones have until the
// drain's end. A version without [versions.GracefulDrain] cuts them at once.
func (i *incarnation) drain() {
	began := time.Now()
	drained := i.ingress.refuse()
	bound := i.timings.Drain
	if !versions.Has(i.version, versions.GracefulDrain) {
		bound = 0
	}
	timer := time.NewTimer(bound)
	defer timer.Stop()
	select {
	case <-drained:
	case <-timer.C:
	case <-i.ctx.Done():
	}
	i.end(runtime.Exit{Took: time.Since(began)})
}

// drive runs the exclusive invocations of an object, one at a time.
func (i *incarnation) drive(o *object) {
	for {
		inv := i.store.next(i, o)
		if inv == nil || !i.execute(inv) {
			return
		}
	}
}

// execute is an invocation's attempts in this incarnation; false if that ended first.
func (i *incarnation) execute(inv *invocation) bool {
	if !i.pause.wait(i.ctx) {
		return false
	}
	for {
		over, ok := i.store.goesOn(i, inv)
		switch {
		case !ok:
			return false
		case over:
			return true
		case i.store.fails(i, inv):
			if !i.fail(inv) {
				return false
			}
		case i.control.refused.Load():
			if !i.backOff(inv, refusedFailure) {
				return false
			}
		default:
			e := i.control.enter(i.ctx, inv.tag, inv.id)
			i.store.enters(inv, e)
			ok := i.attempt(inv, e)
			if !ok {
				e.report(service.Broken)
			}
			e.leave()
			switch {
			case ok:
				return true
			case e.isEnded.Load():
				continue
			case !e.isCut.Load() || i.ctx.Err() != nil:
				return false
			}
			i.store.cut(i, inv)
			if !i.backOff(inv, cutFailure) {
				return false
			}
		}
	}
}

// longestRetry bounds the pause between two attempts: the first one, doubled so often.
const longestRetry = 3

// fail is an attempt that fails and the pause behind it; false if the incarnation ended first.
func (i *incarnation) fail(inv *invocation) bool {
	e := i.control.enter(i.ctx, inv.tag, inv.id)
	defer e.leave()
	e.report(service.Entered)
	e.report(service.Broken)
	return i.backOff(inv, alwaysFailure)
}

// backOff is the pause behind an attempt that failed; false if the incarnation ended first.
func (i *incarnation) backOff(inv *invocation, why breakage) bool {
	failures := i.store.failed(i, inv, why)
	again := i.wait(i.timings.Retry<<min(failures-1, longestRetry)) && i.pause.wait(i.ctx)
	return i.store.retries(i, inv) && again
}

func (i *incarnation) attempt(inv *invocation, e *entry) bool {
	if !e.pass(service.Before, service.Entered, i.timings.MaxHold) || !i.takeTime(e, inv, "before") {
		return false
	}
	if !i.store.naps(i, e, inv) {
		return false
	}
	changed, ok := i.effect(e, inv)
	if !ok {
		return false
	}
	var reading service.Reading
	if changed {
		reading = service.Effect
	}
	if !e.pass(service.After, reading, i.timings.MaxHold) || !i.takeTime(e, inv, "after") || !i.store.finish(i, inv) {
		return false
	}
	e.report(service.Finished)
	return true
}

// effect is what the handler of an invocation does; changed and ok are those of [store.apply].
func (i *incarnation) effect(e *entry, inv *invocation) (changed, ok bool) {
	if _, awaits := inv.op.(model.AwakeableAwait); awaits {
		return false, i.await(e, inv)
	}
	return i.store.apply(i, inv)
}

// takeTime is the time that a handler takes; false if the attempt is over first.
func (i *incarnation) takeTime(e *entry, inv *invocation, part string) bool {
	o := inv.object
	d := i.random.time(i.timings.Latency, part+"@"+o.name, i.number, o.number, inv.number)
	return i.wait(d) && i.pause.wait(i.ctx) && e.ctx.Err() == nil
}

// pause freezes an incarnation. Its zero value does not.
type pause struct {
	mu     sync.Mutex
	thawed chan struct{} // nil while it runs
}

func (p *pause) freeze() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.thawed == nil {
		p.thawed = make(chan struct{})
	}
}

func (p *pause) thaw() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.thawed != nil {
		close(p.thawed)
		p.thawed = nil
	}
}

// wait returns when the incarnation is not frozen; false if it ended.
func (p *pause) wait(ctx context.Context) bool {
	for {
		p.mu.Lock()
		thawed := p.thawed
		p.mu.Unlock()
		if thawed == nil {
			return ctx.Err() == nil
		}
		select {
		case <-thawed:
		case <-ctx.Done():
			return false
		}
	}
}
