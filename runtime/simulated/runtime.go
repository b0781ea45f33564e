package simulated

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"retain/runtime"
	"retain/runtime/lifecycle"
	"retain/service"
)

// defaultPartitions is the server's own number of partitions.
const defaultPartitions = 24

// Runtime is the simulated server with what it keeps. It implements
// [runtime.Runtime], [runtime.Pauser], [runtime.Exiter] and [service.Control].
type Runtime struct {
	*lifecycle.Lifecycle
	options Options
	name    string
	control *control
	process *process
	store   *store

	mu           sync.Mutex
	last         *incarnation // the current or last one; nil before the first
	incarnations uint64
	served       string // the version that served last
	closed       bool

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
	r.process = &process{runtime: r}
	bugs := &planted{random: random(o.Seed), rate: o.Rate, on: map[Bug]bool{}, struck: map[Bug]int{}}
	for _, b := range o.Bugs {
		bugs.on[b] = true
	}
	r.Lifecycle = lifecycle.New("simulated server", 0, r.begin) // a drain ends by itself
	r.store = newStore(random(o.Seed), bugs, o.Settings.Partitions, r.note)
	r.store.lapse, r.store.failing = o.Lapse, o.Failing
	return r
}

// begin starts the server. It has no settings that a start's environment could change,
// and does the same in all versions.
func (r *Runtime) begin(_ context.Context, o runtime.StartOptions) (lifecycle.Server, error) {
	if err := o.Check(); err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	i, err := r.spawn(cmp.Or(o.Version, r.options.Settings.Version))
	if err != nil {
		return nil, err
	}
	r.last = i
	return i, nil
}

// spawn begins an incarnation; the caller holds the lock.
func (r *Runtime) spawn(version string) (*incarnation, error) {
	r.incarnations++
	i := &incarnation{
		number: r.incarnations, store: r.store, control: r.control, random: random(r.options.Seed),
		timings: r.options.Timings, nonce: r.options.Nonce, version: version, cluster: r.name,
		Incarnation: lifecycle.Begin(), note: r.note, began: time.Now(), pause: new(pause),
	}
	i.ctx, i.cancel = context.WithCancel(context.Background())
	for range r.options.Settings.Partitions {
		i.ready = append(i.ready, make(chan struct{}))
	}
	for port, n := range []**network{&i.ingress, &i.admin} {
		// Other ports in each incarnation, so that whoever kept the old ones finds nobody.
		address := fmt.Sprintf("%s:%d", r.name, 8080+2*i.number+uint64(port))
		made, err := newNetwork(address, r.options.TCP)
		if err != nil {
			if i.ingress != nil {
				i.ingress.close()
			}
			i.cancel()
			return nil, err
		}
		made.opens, made.pause, made.ctx = i.began.Add(i.timings.Port), i.pause, i.ctx
		*n = made
	}
	r.note("incarnation %d, version %s, begins at %s", i.number, version, i.ingress.url())
	refuses := r.step(version)
	r.store.begin(i)
	i.serve(refuses == nil)
	if refuses != nil {
		i.refuse(*refuses)
	}
	return i, nil
}

// Endpoints implements [runtime.Runtime]. In memory their Dial reaches the
// addresses of the current incarnation alone.
func (r *Runtime) Endpoints() runtime.Endpoints {
	r.mu.Lock()
	i := r.last
	r.mu.Unlock()
	if i == nil {
		return runtime.Endpoints{}
	}
	ep := runtime.Endpoints{Ingress: i.ingress.url(), Admin: i.admin.url(), Version: i.version}
	if !r.options.TCP {
		ep.Dial = r.dial
	}
	return ep
}

func (r *Runtime) dial(ctx context.Context, _, address string) (net.Conn, error) {
	r.mu.Lock()
	i := r.last
	r.mu.Unlock()
	for _, n := range []*network{i.ingress, i.admin} {
		if n.address == address {
			return n.dial(ctx)
		}
	}
	return nil, refused(address)
}

// Provide implements [runtime.Runtime]. There is any version, and none differs.
func (r *Runtime) Provide(_ context.Context, version string) (string, error) {
	return cmp.Or(version, r.options.Settings.Version), runtime.CheckVersion(version)
}

// Identity implements [runtime.Runtime].
func (r *Runtime) Identity() runtime.Identity {
	r.mu.Lock()
	defer r.mu.Unlock()
	version := r.options.Settings.Version
	if r.last != nil {
		version = r.last.version
	}
	return runtime.Identity{
		Backend: "simulated", Version: version,
		Node: r.name, Cluster: r.name, Source: "in this process",
	}
}

// Logs implements [runtime.Runtime]: the incarnations, and each strike of a bug.
func (r *Runtime) Logs(offset int64) ([]byte, error) {
	r.logs.Lock()
	defer r.logs.Unlock()
	all := r.lines.Bytes()
	return bytes.Clone(all[min(offset, int64(len(all))):]), nil
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
func (r *Runtime) Close(ctx context.Context) error {
	if err := r.Lifecycle.Close(ctx); err != nil {
		return err
	}
	r.mu.Lock()
	first := !r.closed
	r.closed = true
	r.mu.Unlock()
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

// Strike implements [service.Control].
func (r *Runtime) Strike(s service.Strike) (cancel func()) { return r.control.flights.Strike(s) }

// Stall implements [service.Control].
func (r *Runtime) Stall() (release func()) { return r.control.stalled.Shut() }

// Refuse implements [service.Control].
func (r *Runtime) Refuse() (accept func() error, err error) {
	if r.control.refused.Swap(true) {
		return nil, errors.New("the simulated handlers refuse connections already")
	}
	r.control.flights.CutAll()
	return func() error {
		r.control.refused.Store(false)
		return nil
	}, nil
}

// Redeploy is what a server sees of handlers that move: every attempt in flight is broken.
func (r *Runtime) Redeploy() { r.control.flights.CutAll() }
