// Package proxy is the endpoint proxy: it stands between the runtime and the
// handlers of any SDK, sees each attempt of each invocation, holds or breaks
// those that a plan names, and changes nothing else.
//
// It reads the service protocol (versions 1 to 7) on its way and keeps no more
// than the messages that open a stream. A stream that it cannot read passes
// through as it is, and [Stats] counts it.
//
// One message is touched: the state commands of an attempt that a gate holds
// after its effect get the flag that asks the runtime to acknowledge them, and
// the acknowledgements are kept from the handler. Without that, "held after its
// effect" would only mean that the effect was on its way.
package proxy

import (
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httputil"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"retain/service"
	"retain/service/address"
	"retain/service/flight"
)

const (
	// DefaultMaxHold is the longest a gate holds unless [Options] say otherwise.
	DefaultMaxHold = 10 * time.Second

	closeGrace = 2 * time.Second
	// maxStreams on one of the runtime's connections. Held ones count.
	maxStreams = 8192
)

// Options of a [Proxy].
type Options struct {
	// Bind is the host to listen on, on a port that the system chooses; "" is
	// 127.0.0.1. A server in a container needs an address that it can reach.
	Bind string
	// Backend is the handlers.
	Backend service.Backend
	// MaxHold is the longest that a gate holds; 0 is [DefaultMaxHold].
	MaxHold time.Duration
	// Notice, if not nil, gets lines for the user: streams that could not be read,
	// gates that held too long. It must not block.
	Notice func(string)
}

// Proxy implements [service.Control] for a real runtime.
type Proxy struct {
	bind    string
	backend atomic.Pointer[backend]
	awaited atomic.Int64 // until when backends may be away, in nanoseconds since 1970
	away    atomic.Bool  // the user was told that they can't be reached
	maxHold time.Duration
	notice  func(string)

	gates     *gates
	flights   flight.Flights
	stalled   flight.Valve
	entries   entries
	observers observers
	stats     counters

	transport *http.Transport
	plain     *httputil.ReverseProxy // for what is not an invocation

	listening sync.Mutex         // held while the proxy comes and goes
	at        *address.Address   // guarded by mu too
	server    *http.Server       // nil while connections are refused
	left      []*address.Address // which it moved away from

	mu       sync.Mutex
	closed   bool
	serving  sync.WaitGroup // no more is added once closed is set
	closing  sync.Once
	closeErr error
}

var _ service.Control = (*Proxy)(nil)

// Listen starts a proxy. It is up when Listen returns; whether the backend is,
// shows at the first request.
func Listen(o Options) (*Proxy, error) {
	to, err := parse(o.Backend)
	if err != nil {
		return nil, err
	}
	if o.Bind == "" {
		o.Bind = "127.0.0.1"
	}
	at, err := address.Keep(o.Bind)
	if err != nil {
		return nil, fmt.Errorf("listening for the endpoint proxy (is %s an address of this machine?): %w", o.Bind, err)
	}
	p := &Proxy{
		bind: o.Bind, maxHold: o.MaxHold, notice: o.Notice, gates: newGates(), at: at,
		transport: o.Backend.Transport(),
	}
	p.backend.Store(to)
	if p.maxHold == 0 {
		p.maxHold = DefaultMaxHold
	}
	p.plain = &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			to := p.backend.Load()
			r.SetURL(to.base)
			to.Amend(r.Out.Header)
		},
		Transport:     p.transport,
		FlushInterval: -1,
		ErrorLog:      silent,
	}
	if err := p.listen(); err != nil {
		return nil, errors.Join(err, at.Close())
	}
	return p, nil
}

// backend is the handlers and their URL.
type backend struct {
	service.Backend
	base *url.URL
}

func parse(b service.Backend) (*backend, error) {
	base, err := b.Base()
	return &backend{b, base}, err
}

// h2c is unencrypted HTTP/2 alone.
func h2c() *http.Protocols {
	var p http.Protocols
	p.SetUnencryptedHTTP2(true)
	return &p
}

var silent = log.New(io.Discard, "", 0)

// URL is the proxy's base URL without a trailing slash, under the name or
// address by which the runtime reaches this machine; "" is the bound address.
func (p *Proxy) URL(dialHost string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.at.URL(dialHost)
}

// Arm implements [service.Control]. A gate after the effect of an operation that
// changes no state holds before its output. Its Held is closed when the runtime
// has acknowledged the state commands, or after two seconds without that
// ([Stats.Unacknowledged]). A gate whose first entry is suspended waits for the
// next one; one whose first entry ends otherwise, reached or not, is used up.
func (p *Proxy) Arm(tag string, at service.Position) service.Gate { return p.gates.arm(tag, at, false) }

// Break cuts the stream of the first entry of the operation with this tag, once:
// before its effect (the handler is not entered) or after it (the state commands
// are on their way, the output is lost). The runtime sees a reset stream and
// tries again. cancel takes back a cut that has not struck.
func (p *Proxy) Break(tag string, at service.Position) (cancel func()) {
	return p.gates.arm(tag, at, true).Open
}

// OpenAll implements [service.Control]. Cuts and strikes stay as they are.
func (p *Proxy) OpenAll() {
	for _, g := range p.gates.all() {
		g.Open()
	}
}

// Strike implements [service.Control].
func (p *Proxy) Strike(s service.Strike) (cancel func()) { return p.flights.Strike(s) }

// Stall implements [service.Control]. What is no invocation, such as a discovery, passes.
func (p *Proxy) Stall() (release func()) { return p.stalled.Shut() }

// Observe implements [service.Control].
func (p *Proxy) Observe(f func(service.Evidence)) (cancel func()) { return p.observers.add(f) }

func (p *Proxy) note(format string, args ...any) {
	if p.notice != nil {
		p.notice(fmt.Sprintf(format, args...))
	}
}

// Close opens all gates, stops listening, gives streams two seconds to end, and
// cuts them. When it returns no stream is served any more. It is safe to call
// more than once.
func (p *Proxy) Close() error {
	p.closing.Do(func() {
		p.OpenAll()
		p.stalled.Open()
		err := p.shutDown()
		p.mu.Lock()
		p.closed = true
		p.mu.Unlock()
		p.serving.Wait()
		p.transport.CloseIdleConnections()
		for _, at := range append(p.left, p.at) {
			err = errors.Join(err, at.Close())
		}
		if err != nil {
			p.closeErr = fmt.Errorf("closing the endpoint proxy: %w", err)
		}
	})
	return p.closeErr
}
