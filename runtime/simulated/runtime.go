package simulated

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"retain/runtime"
	"retain/service"
)

// defaultPartitions is the server's own number of partitions.
const defaultPartitions = 24

// Runtime is the simulated server with what it keeps. It implements
// [runtime.Runtime], [runtime.Pauser], [runtime.Exiter] and [service.Control].
type Runtime struct {
	options Options
	name    string
	control *control
	store   *store

	mu     sync.Mutex
	life   *life // the current or last one; nil before the first
	lives  uint64
	closed bool

	logs  sync.Mutex
	lines bytes.Buffer
}

var (
	_ runtime.Runtime = (*Runtime)(nil)
	_ runtime.Pauser  = (*Runtime)(nil)
	_ runtime.Exiter  = (*Runtime)(nil)
	_ service.Control = (*Runtime)(nil)
)

// made counts the runtimes of this process: no two have the same name.
var made atomic.Uint64

// New makes a runtime that is down and keeps nothing yet. Close ends it.
func New(o Options) *Runtime {
	if o.Settings.Version == "" {
		o.Settings.Version = runtime.DefaultVersion
	}
	if o.Settings.Partitions <= 0 {
		o.Settings.Partitions = defaultPartitions
	}
	if o.Rate == 0 {
		o.Rate = DefaultRate
	}
	o.Timings = o.Timings.orDefault()
	r := &Runtime{options: o, name: fmt.Sprintf("retain-simulated-%d", made.Add(1)), control: newControl()}
	bugs := &planted{chance: chance(o.Seed), rate: o.Rate, on: map[Bug]bool{}, struck: map[Bug]int{}}
	for _, b := range o.Bugs {
		bugs.on[b] = true
	}
	r.store = newStore(chance(o.Seed), bugs, o.Settings.Partitions, r.note)
	r.store.lapse = o.Lapse
	return r
}

// Start implements [runtime.Runtime].
func (r *Runtime) Start(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("start the simulated server: %w", err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return fmt.Errorf("start the simulated server: %w: it is closed", runtime.ErrState)
	}
	if r.life != nil && !r.life.over() {
		return fmt.Errorf("start the simulated server: %w: it is up", runtime.ErrState)
	}
	l, err := r.spawn()
	if err != nil {
		return fmt.Errorf("start the simulated server: %w", err)
	}
	r.life = l
	return nil
}

// spawn begins a life; the caller holds the lock.
func (r *Runtime) spawn() (*life, error) {
	r.lives++
	l := &life{
		number: r.lives, store: r.store, control: r.control, chance: chance(r.options.Seed),
		timings: r.options.Timings, nonce: r.options.Nonce, version: r.options.Settings.Version, cluster: r.name,
		began: time.Now(), ended: make(chan struct{}), pause: new(pause),
	}
	l.ctx, l.cancel = context.WithCancel(context.Background())
	for range r.options.Settings.Partitions {
		l.ready = append(l.ready, make(chan struct{}))
	}
	for i, n := range []**network{&l.ingress, &l.admin} {
		// Other ports in each life, so that whoever kept the old ones finds nobody.
		address := fmt.Sprintf("%s:%d", r.name, 8080+2*l.number+uint64(i))
		made, err := newNetwork(address, r.options.TCP)
		if err != nil {
			if l.ingress != nil {
				l.ingress.close()
			}
			l.cancel()
			return nil, err
		}
		made.opens, made.pause, made.ctx = l.began.Add(l.timings.Port), l.pause, l.ctx
		*n = made
	}
	r.note("life %d begins at %s", l.number, l.ingress.url())
	r.store.begin(l)
	l.serve()
	return l, nil
}

// up is the current life, or an error if it is over or there was none.
func (r *Runtime) up() (*life, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.life == nil || r.life.over() {
		return nil, fmt.Errorf("%w: it is not up", runtime.ErrState)
	}
	return r.life, nil
}

// Stop implements [runtime.Runtime]: open calls have until the drain's end, then
// they are cut. A frozen server is thawed first. If ctx ends first, the server
// goes on stopping.
func (r *Runtime) Stop(ctx context.Context) (runtime.Exit, error) {
	l, err := r.up()
	if err != nil {
		return runtime.Exit{}, fmt.Errorf("stop the simulated server: %w", err)
	}
	began := time.Now()
	l.pause.thaw()
	go l.drain()
	select {
	case <-l.ended:
	case <-ctx.Done():
		return runtime.Exit{}, fmt.Errorf("wait for the simulated server to stop: %w", context.Cause(ctx))
	}
	exit := runtime.Exit{Took: time.Since(began)}
	if l.killed {
		exit.Code, exit.Killed = -1, true
	}
	r.note("life %d ends: %s", l.number, exit)
	return exit, nil
}

// Kill implements [runtime.Runtime].
func (r *Runtime) Kill(context.Context) error {
	l, err := r.up()
	if err != nil {
		return fmt.Errorf("kill the simulated server: %w", err)
	}
	l.end(true)
	r.note("life %d ends: killed", l.number)
	return nil
}

// Pause implements [runtime.Pauser]: nothing passes through connections, and no
// handler goes on.
func (r *Runtime) Pause(context.Context) error {
	l, err := r.up()
	if err != nil {
		return fmt.Errorf("pause the simulated server: %w", err)
	}
	l.pause.freeze()
	return nil
}

// Resume implements [runtime.Pauser].
func (r *Runtime) Resume(context.Context) error {
	l, err := r.up()
	if err != nil {
		return fmt.Errorf("resume the simulated server: %w", err)
	}
	l.pause.thaw()
	return nil
}

// Exited implements [runtime.Exiter]. Before the first start the channel is
// closed: there is no life.
func (r *Runtime) Exited() <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.life == nil {
		none := make(chan struct{})
		close(none)
		return none
	}
	return r.life.ended
}

// Endpoints implements [runtime.Runtime]. In memory their Dial reaches the
// addresses of the current life alone.
func (r *Runtime) Endpoints() runtime.Endpoints {
	r.mu.Lock()
	l := r.life
	r.mu.Unlock()
	if l == nil {
		return runtime.Endpoints{}
	}
	ep := runtime.Endpoints{Ingress: l.ingress.url(), Admin: l.admin.url()}
	if !r.options.TCP {
		ep.Dial = r.dial
	}
	return ep
}

func (r *Runtime) dial(ctx context.Context, _, address string) (net.Conn, error) {
	r.mu.Lock()
	l := r.life
	r.mu.Unlock()
	for _, n := range []*network{l.ingress, l.admin} {
		if n.address == address {
			return n.dial(ctx)
		}
	}
	return nil, refused(address)
}

// Identity implements [runtime.Runtime].
func (r *Runtime) Identity() runtime.Identity {
	return runtime.Identity{
		Backend: "simulated", Version: r.options.Settings.Version,
		Node: r.name, Cluster: r.name, Source: "in this process",
	}
}

// Logs implements [runtime.Runtime]: the lives, and each strike of a bug.
func (r *Runtime) Logs() ([]byte, error) {
	r.logs.Lock()
	defer r.logs.Unlock()
	return bytes.Clone(r.lines.Bytes()), nil
}

func (r *Runtime) note(format string, args ...any) {
	r.logs.Lock()
	defer r.logs.Unlock()
	r.lines.WriteString(time.Now().UTC().Format("2006-01-02T15:04:05.000000Z "))
	fmt.Fprintf(&r.lines, format+"\n", args...)
}

// Strikes counts how often each planted bug has struck.
func (r *Runtime) Strikes() map[Bug]int {
	r.store.mu.Lock()
	defer r.store.mu.Unlock()
	return maps.Clone(r.store.bugs.struck)
}

// Close implements [runtime.Runtime]; a server that is up ends by a kill.
func (r *Runtime) Close(context.Context) error {
	r.mu.Lock()
	first := !r.closed
	r.closed = true
	l := r.life
	r.mu.Unlock()
	if l != nil {
		l.end(true)
	}
	if first {
		r.store.clear()
	}
	return nil
}

// Arm implements [service.Control].
func (r *Runtime) Arm(tag string, at service.Position) service.Gate { return r.control.arm(tag, at) }

// OpenAll implements [service.Control].
func (r *Runtime) OpenAll() { r.control.openAll() }

// Observe implements [service.Control].
func (r *Runtime) Observe(f func(service.Evidence)) (cancel func()) { return r.control.observe(f) }
