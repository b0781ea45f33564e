package simulated

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"retain/service"
	"retain/service/flight"
)

// gate is an armed or holding gate.
type gate struct {
	control *control
	tag     string
	at      service.Position
	held    chan struct{}
	open    chan struct{}
	once    sync.Once
}

// Held is closed once an operation stands at the gate.
func (g *gate) Held() <-chan struct{} { return g.held }

// Open lets it go on, and everything that comes later.
func (g *gate) Open() {
	g.once.Do(func() { close(g.open) })
	g.control.forget(g)
}

func (g *gate) isOpen() bool {
	select {
	case <-g.open:
		return true
	default:
		return false
	}
}

func (g *gate) isHeld() bool {
	select {
	case <-g.held:
		return true
	default:
		return false
	}
}

// control implements [service.Control] for the handlers of a runtime.
type control struct {
	mu        sync.Mutex
	gates     map[*gate]bool // true while armed, false once an entry claimed it
	observers []*func(service.Evidence)
	entries   map[string]int // by invocation

	flights flight.Flights
	stalled flight.Valve
	refused atomic.Bool // connections to the handlers are
}

func newControl() *control {
	return &control{gates: map[*gate]bool{}, entries: map[string]int{}}
}

func (c *control) arm(tag string, at service.Position) *gate {
	g := &gate{control: c, tag: tag, at: at, held: make(chan struct{}), open: make(chan struct{})}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.gates[g] = true
	return g
}

func (c *control) forget(g *gate) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.gates, g)
}

// rearm lets the next entry claim a gate that an attempt did not reach.
func (c *control) rearm(g *gate) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, there := c.gates[g]; there {
		c.gates[g] = true
	}
}

func (c *control) openAll() {
	c.mu.Lock()
	gates := make([]*gate, 0, len(c.gates))
	for g := range c.gates {
		gates = append(gates, g)
	}
	c.mu.Unlock()
	for _, g := range gates {
		g.Open()
	}
}

func (c *control) observe(f func(service.Evidence)) (cancel func()) {
	mine := &f
	c.mu.Lock()
	defer c.mu.Unlock()
	c.observers = append(slices.Clip(c.observers), mine)
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.observers = slices.DeleteFunc(slices.Clone(c.observers), func(o *func(service.Evidence)) bool { return o == mine })
	}
}

// entry is one attempt of one invocation as the control sees it.
type entry struct {
	control    *control
	tag        string
	invocation string
	number     int
	gates      []*gate
	caught     bool // the next evidence reports it
	reading    atomic.Value
	delayed    flight.Valve
	ctx        context.Context // of the attempt
	cancel     context.CancelFunc
	isCut      atomic.Bool
	isEnded    atomic.Bool // its invocation was killed, or is paused
}

// enter counts the attempt and claims the gates of its tag: the next attempt
// finds none.
func (c *control) enter(ctx context.Context, tag, invocation string) *entry {
	e := &entry{control: c, tag: tag, invocation: invocation}
	e.ctx, e.cancel = context.WithCancel(ctx)
	c.claim(e)
	c.flights.Enter(e)
	return e
}

func (c *control) claim(e *entry) {
	tag, invocation := e.tag, e.invocation
	if tag == "" {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.entries[invocation]++
	e.number = c.entries[invocation]
	for g, armed := range c.gates {
		if armed && g.tag == tag {
			c.gates[g] = false
			e.gates = append(e.gates, g)
		}
	}
}

// leave gives the claimed gates up. Those that a cut attempt did not reach wait for the next
// one.
func (e *entry) leave() {
	e.control.flights.Leave(e)
	e.cancel()
	for _, g := range e.gates {
		if e.isCut.Load() && !g.isHeld() {
			e.control.rearm(g)
		} else {
			e.control.forget(g)
		}
	}
}

// Seen implements [flight.Attempt].
func (e *entry) Seen() service.Evidence {
	r, _ := e.reading.Load().(service.Reading)
	return service.Evidence{Tag: e.tag, Invocation: e.invocation, Attempt: e.number, Reading: r, At: time.Now()}
}

// Cut implements [flight.Attempt].
func (e *entry) Cut() {
	e.isCut.Store(true)
	e.cancel()
}

// end ends the attempt of an invocation that is to have no more of them, or none for now.
func (e *entry) end() {
	e.isEnded.Store(true)
	e.cancel()
}

// Delay implements [flight.Attempt].
func (e *entry) Delay() *flight.Valve { return &e.delayed }

// flow returns once something of the attempt may pass; false if the attempt is over.
func (e *entry) flow() bool {
	return e.delayed.Wait(e.ctx) == nil && e.control.stalled.Wait(e.ctx) == nil
}

// report tells the observers how far the attempt is. Invocations without a tag
// are not reported.
func (e *entry) report(r service.Reading) {
	if e.tag == "" {
		return
	}
	e.reading.Store(r)
	e.control.mu.Lock()
	observers := e.control.observers
	e.control.mu.Unlock()
	evidence := service.Evidence{
		Tag: e.tag, Invocation: e.invocation, Attempt: e.number,
		Reading: r, Held: e.caught, At: time.Now(),
	}
	e.caught = false
	for _, f := range observers {
		(*f)(evidence)
	}
}

// pass takes the attempt through its gates at the position; false if it is over
// first. The reading, if any, is reported before the attempt is seen to stand.
func (e *entry) pass(at service.Position, reading service.Reading, longest time.Duration) bool {
	var here []*gate
	for _, g := range e.gates {
		if g.at == at && !g.isOpen() {
			here = append(here, g)
		}
	}
	e.caught = e.caught || len(here) > 0
	if reading != "" {
		e.report(reading)
	}
	for _, g := range here {
		close(g.held)
		timer := time.NewTimer(longest)
		select {
		case <-g.open:
		case <-timer.C:
		case <-e.ctx.Done():
		}
		timer.Stop()
	}
	return e.flow()
}
