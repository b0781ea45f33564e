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
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"sync"
	"time"

	"retain/service"
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
	backend service.Backend
	base    *url.URL // of the backend
	maxHold time.Duration
	notice  func(string)

	gates     *gates
	entries   entries
	observers observers
	stats     counters

	addr      net.Addr
	server    *http.Server
	transport *http.Transport
	plain     *httputil.ReverseProxy // for what is not an invocation

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
	base, err := o.Backend.Base()
	if err != nil {
		return nil, err
	}
	if o.Bind == "" {
		o.Bind = "127.0.0.1"
	}
	listener, err := net.Listen("tcp", net.JoinHostPort(o.Bind, "0"))
	if err != nil {
		return nil, fmt.Errorf("listening for the endpoint proxy (is %s an address of this machine?): %w", o.Bind, err)
	}
	var h2c http.Protocols
	h2c.SetUnencryptedHTTP2(true)
	p := &Proxy{
		backend: o.Backend, base: base, maxHold: o.MaxHold, notice: o.Notice,
		gates: newGates(), addr: listener.Addr(),
		transport: o.Backend.Transport(),
	}
	if p.maxHold == 0 {
		p.maxHold = DefaultMaxHold
	}
	silent := log.New(io.Discard, "", 0)
	p.plain = &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(base)
			o.Backend.Amend(r.Out.Header)
		},
		Transport:     p.transport,
		FlushInterval: -1,
		ErrorLog:      silent,
	}
	p.server = &http.Server{
		Handler:     p,
		Protocols:   &h2c,
		ErrorLog:    silent,
		ConnContext: rememberConn,
		HTTP2: &http.HTTP2Config{
			MaxConcurrentStreams: maxStreams,
			// Attempts that are held and not read must not use up what the
			// others need.
			MaxReceiveBufferPerConnection: 256 << 20,
		},
		ReadHeaderTimeout: 5 * time.Second,
	}
	p.serving.Add(1)
	go func() {
		defer p.serving.Done()
		_ = p.server.Serve(listener) // always an error: http.ErrServerClosed
	}()
	return p, nil
}

// URL is the proxy's base URL without a trailing slash, under the name or
// address by which the runtime reaches this machine; "" is the bound address.
func (p *Proxy) URL(dialHost string) string {
	host, port, _ := net.SplitHostPort(p.addr.String()) // a listener's address has both
	if dialHost != "" {
		host = dialHost
	}
	return "http://" + net.JoinHostPort(host, port)
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

// OpenAll implements [service.Control]. Cuts stay as they are.
func (p *Proxy) OpenAll() {
	for _, g := range p.gates.all() {
		g.Open()
	}
}

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
		ctx, cancel := context.WithTimeout(context.Background(), closeGrace)
		defer cancel()
		err := p.server.Shutdown(ctx)
		if errors.Is(err, context.DeadlineExceeded) {
			err = p.server.Close()
		}
		p.mu.Lock()
		p.closed = true
		p.mu.Unlock()
		p.serving.Wait()
		p.transport.CloseIdleConnections()
		if err != nil {
			p.closeErr = fmt.Errorf("closing the endpoint proxy: %w", err)
		}
	})
	return p.closeErr
}
