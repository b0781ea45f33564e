package proxy

import (
	"context"
	"sync/atomic"
	"time"

	"retain/service"
	"retain/service/flight"
)

// ackWait bounds how long a gate waits for the runtime to say that the state
// commands are stored.
const ackWait = 2 * time.Second

// attempt is one attempt of one invocation. Its methods are called by the
// goroutine that serves it.
type attempt struct {
	proxy      *Proxy
	version    protocol
	tag        string
	invocation string
	number     int
	gates      []*gate
	reached    map[*gate]bool // gates whose position was passed
	journal    *journal
	hungUp     func() bool
	caught     bool // a gate caught the attempt; the next evidence reports it
	reading    atomic.Value
	delayed    flight.Valve // shut while nothing of it may pass
	abort      func()       // ends its stream
	isCut      atomic.Bool
}

func (p *Proxy) enter(version protocol, tag, invocation string, hungUp func() bool) *attempt {
	a := &attempt{
		proxy: p, version: version, tag: tag, invocation: invocation,
		journal: newJournal(func() { p.stats.closed.Add(1) }), hungUp: hungUp, reached: map[*gate]bool{},
	}
	a.journal.replay(input)
	if tag != "" {
		a.number = p.entries.next(invocation)
		a.gates = p.gates.claim(tag)
	}
	return a
}

// leave gives the gates back. An attempt that was suspended or cut goes on in the next
// one: gates that it did not reach wait there.
func (a *attempt) leave(suspended bool) {
	if len(a.gates) > 0 {
		again := suspended || a.isCut.Load()
		a.proxy.gates.release(a.gates, func(g *gate) bool { return again && !a.reached[g] })
	}
}

// Cut implements [flight.Attempt]: it breaks the stream where it is.
func (a *attempt) Cut() {
	if !a.isCut.Swap(true) {
		a.proxy.stats.cuts.Add(1)
	}
	a.abort()
}

// Delay implements [flight.Attempt].
func (a *attempt) Delay() *flight.Valve { return &a.delayed }

// Seen implements [flight.Attempt].
func (a *attempt) Seen() service.Evidence {
	r, _ := a.reading.Load().(service.Reading)
	return service.Evidence{Tag: a.tag, Invocation: a.invocation, Attempt: a.number, Reading: r, At: time.Now()}
}

// flow returns once something of the attempt may pass, or with the end of its stream.
func (a *attempt) flow(ctx context.Context) error {
	for _, v := range []*flight.Valve{&a.delayed, &a.proxy.stalled} {
		if err := v.Wait(ctx); err != nil {
			return err
		}
	}
	return nil
}

// report tells the observers how far the attempt is. Of calls without a tag, those of
// others and probes, they hear only that the handler finished: the handlers work.
func (a *attempt) report(r service.Reading) {
	if a.tag == "" && r != service.Finished {
		return
	}
	a.reading.Store(r)
	e := service.Evidence{
		Tag: a.tag, Invocation: a.invocation, Attempt: a.number,
		Reading: r, Held: a.caught, At: time.Now(),
	}
	a.caught = false
	a.proxy.observers.tell(e)
}

// waits says whether a gate, not a cut, stands at the position.
func (a *attempt) waits(at service.Position) bool {
	for _, g := range a.gates {
		if g.at == at && !g.cuts && !g.isOpen() {
			return true
		}
	}
	return false
}

// pass takes the attempt through its gates at the position, and then breaks it
// if a cut stands there. The evidence is reported before the gate counts as held, so
// that it precedes every wait for the gate.
func (a *attempt) pass(ctx context.Context, at service.Position, evidence func()) error {
	a.caught = a.waits(at)
	if a.caught && at == service.After && !a.journal.stored(ctx, ackWait) {
		a.proxy.stats.unacknowledged.Add(1)
	}
	evidence()
	cut := false
	for _, g := range a.gates {
		if g.at != at {
			continue
		}
		a.reached[g] = true
		if g.cuts {
			cut = cut || !g.isOpen()
			continue
		}
		if err := a.stand(ctx, g); err != nil {
			return err
		}
	}
	if cut {
		a.proxy.stats.cuts.Add(1)
		return errCut
	}
	return nil
}

func (a *attempt) stand(ctx context.Context, g *gate) error {
	result := g.hold(ctx, a.proxy.maxHold, a.hungUp)
	if result != unheld {
		a.proxy.stats.holds.Add(1)
	}
	switch result {
	case gone:
		return errGone
	case expired:
		a.proxy.stats.expired.Add(1)
		a.proxy.note("a gate held %s %s its effect for %s and let it go", a.tag, g.at, a.proxy.maxHold)
	}
	return nil
}
