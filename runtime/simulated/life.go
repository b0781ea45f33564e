package simulated

import (
	"context"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"retain/service"
)

// life is one life of the server, from its spawn to its end.
type life struct {
	number  uint64
	store   *store
	control *control
	chance  chance
	timings Timings
	nonce   string
	version string
	cluster string

	began   time.Time
	ctx     context.Context // ends with the life
	cancel  context.CancelFunc
	work    sync.WaitGroup // every goroutine of the life
	ended   chan struct{}  // closed when nothing of it is left
	ending  sync.Once
	killed  bool // valid once ended is closed
	pause   *pause
	ready   []chan struct{} // closed when the partition is, guarded by the store's lock
	early   atomic.Uint64   // calls that came before their partition was ready
	ingress *network
	admin   *network
}

// isReady and setReady are called with the store's lock held.
func (l *life) isReady(partition int) bool {
	select {
	case <-l.ready[partition]:
		return true
	default:
		return false
	}
}

func (l *life) setReady(partition int) { close(l.ready[partition]) }

// readyAfter is the time from the spawn to a partition's readiness.
func (l *life) readyAfter(partition int) time.Duration {
	return l.timings.Ready + l.chance.time(l.timings.Ready, "ready", l.number, uint64(partition))
}

// serve starts everything that a life consists of.
func (l *life) serve() {
	l.work.Go(func() { l.ingress.serve(l, http.HandlerFunc(l.serveIngress)) })
	l.work.Go(func() { l.admin.serve(l, http.HandlerFunc(l.serveAdmin)) })
	for p := range l.ready {
		l.work.Go(func() {
			if l.wait(l.readyAfter(p) - time.Since(l.began)) {
				l.store.resume(l, p)
			}
		})
	}
}

// wait lets time pass; false if the life ends first.
func (l *life) wait(d time.Duration) bool {
	if d <= 0 {
		return l.ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-l.ctx.Done():
		return false
	}
}

// healthy reports whether the server says so.
func (l *life) healthy() bool { return time.Since(l.began) >= l.timings.Health }

// end ends the life at once and waits until nothing of it is left.
func (l *life) end(killed bool) {
	l.ending.Do(func() {
		l.killed = killed
		l.store.end(l, killed)
		l.cancel()
		l.ingress.close()
		l.admin.close()
		l.work.Wait()
		l.store.ended(killed)
		close(l.ended)
	})
	<-l.ended
}

// drain ends the life gracefully: no new calls, and open ones have until the
// drain's end.
func (l *life) drain() {
	drained := l.ingress.refuse()
	timer := time.NewTimer(l.timings.Drain)
	defer timer.Stop()
	select {
	case <-drained:
	case <-timer.C:
	case <-l.ctx.Done():
	}
	l.end(false)
}

// over reports whether the life has ended.
func (l *life) over() bool {
	select {
	case <-l.ended:
		return true
	default:
		return false
	}
}

// drive runs the exclusive invocations of an object, one at a time.
func (l *life) drive(o *object) {
	for {
		inv := l.store.next(l, o)
		if inv == nil || !l.execute(inv) {
			return
		}
	}
}

// execute is one attempt of an invocation; false if the life ended first.
func (l *life) execute(inv *invocation) bool {
	if !l.pause.wait(l.ctx) {
		return false
	}
	e := l.control.enter(inv.tag, inv.id)
	defer e.leave()
	ok := l.attempt(inv, e)
	if !ok {
		e.report(service.Broken)
	}
	return ok
}

func (l *life) attempt(inv *invocation, e *entry) bool {
	if !e.pass(l.ctx, service.Before, service.Entered, l.timings.MaxHold) || !l.takeTime(inv, "before") {
		return false
	}
	changed, ok := l.store.apply(l, inv)
	if !ok {
		return false
	}
	var reading service.Reading
	if changed {
		reading = service.Effect
	}
	if !e.pass(l.ctx, service.After, reading, l.timings.MaxHold) || !l.takeTime(inv, "after") || !l.store.finish(l, inv) {
		return false
	}
	e.report(service.Finished)
	return true
}

// takeTime is the time that a handler takes; false if the life ends first.
func (l *life) takeTime(inv *invocation, part string) bool {
	o := inv.object
	d := l.chance.time(l.timings.Latency, part+"@"+o.name, l.number, o.number, inv.number)
	return l.wait(d) && l.pause.wait(l.ctx)
}

// pause freezes a life. Its zero value does not.
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

// wait returns when the life is not frozen; false if it ended.
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
