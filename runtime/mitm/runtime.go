package mitm

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"maps"
	"net"
	"net/http"
	"strings"
	"sync"

	"retain/runtime"
)

// Inner is what can be wrapped. All implementations of [runtime.Runtime] can.
type Inner interface {
	runtime.Runtime
	runtime.Pauser
	runtime.Exiter
}

// Runtime is another runtime with a man in the middle before its ingress. What
// it does not define itself is the other's.
type Runtime struct {
	Inner
	interceptor *interceptor
	server      *http.Server
	listener    *listener
	serving     sync.Once
	work        sync.WaitGroup // every goroutine of ours
}

var _ Inner = (*Runtime)(nil)

// New wraps a runtime that was not started yet. Close closes it too.
func New(inner Inner, o Options) *Runtime {
	r := &Runtime{Inner: inner, interceptor: newInterceptor(o), listener: newListener()}
	r.server = &http.Server{
		Handler:  http.HandlerFunc(r.serve),
		ErrorLog: log.New(io.Discard, "", 0),
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			return context.WithValue(ctx, linkKey{}, c)
		},
		ConnState: func(c net.Conn, s http.ConnState) { c.(*link).track(s, &r.work) },
	}
	return r
}

// Start implements [runtime.Runtime].
func (r *Runtime) Start(ctx context.Context, o runtime.StartOptions) error {
	r.serving.Do(func() {
		r.work.Go(func() { _ = r.server.Serve(r.listener) }) // an error each time: it is closed
	})
	if err := r.Inner.Start(ctx, o); err != nil {
		return err
	}
	r.interceptor.begin()
	return nil
}

// Endpoints implements [runtime.Runtime]. Only their Dial leads through the man
// in the middle, and only to the ingress.
func (r *Runtime) Endpoints() runtime.Endpoints {
	ep := r.Inner.Endpoints()
	ingress, dial := strings.TrimPrefix(ep.Ingress, "http://"), ep.Dial
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	ep.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		upstream, err := dial(ctx, network, address)
		if err != nil || address != ingress {
			return upstream, err
		}
		return r.between(ctx, upstream)
	}
	return ep
}

// between is a client's end of a connection that is passed on to this one.
func (r *Runtime) between(ctx context.Context, upstream net.Conn) (net.Conn, error) {
	client, ours := net.Pipe()
	l := newLink(ours, upstream)
	if err := r.listener.offer(ctx, l); err != nil {
		return nil, errors.Join(fmt.Errorf("connect to the man in the middle: %w", err), client.Close(), l.Close())
	}
	return client, nil
}

// Logs implements [runtime.Runtime]: the wrapped runtime's lines, as far as they
// were read, and a line for each strike.
func (r *Runtime) Logs(offset int64) ([]byte, error) {
	return r.interceptor.log(offset, r.Inner.Logs)
}

// Strikes counts how often each bug has struck.
func (r *Runtime) Strikes() map[Bug]int {
	r.interceptor.mu.Lock()
	defer r.interceptor.mu.Unlock()
	return maps.Clone(r.interceptor.bugs.struck)
}

// Close implements [runtime.Runtime]; it closes the wrapped runtime first.
func (r *Runtime) Close(ctx context.Context) error {
	err := r.Inner.Close(ctx)
	_ = r.listener.Close() // never fails; the server may not serve it yet
	_ = r.server.Close()   // its connections end with the wrapped runtime anyway
	r.work.Wait()
	return err
}
