package proxy

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"retain/service"
	"retain/service/address"
)

// listen begins to serve the runtime at the proxy's address. The caller holds listening,
// or is the only one that knows the proxy.
func (p *Proxy) listen() error {
	listener, err := p.at.Listen()
	if err != nil {
		return fmt.Errorf("listening for the endpoint proxy: %w", err)
	}
	server := &http.Server{
		Handler:     p,
		Protocols:   h2c(),
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
	if !p.begin() {
		return errors.Join(http.ErrServerClosed, listener.Close())
	}
	p.server = server
	go func() {
		defer p.serving.Done()
		_ = server.Serve(listener) // always an error: http.ErrServerClosed
	}()
	return nil
}

// shutDown stops listening and gives streams [closeGrace] to end before it cuts them.
func (p *Proxy) shutDown() error {
	p.listening.Lock()
	defer p.listening.Unlock()
	if p.server == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), closeGrace)
	defer cancel()
	err := p.server.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		err = p.server.Close()
	}
	return err
}

// Refuse implements [service.Control]. The port stays the proxy's.
func (p *Proxy) Refuse() (accept func() error, err error) {
	p.listening.Lock()
	defer p.listening.Unlock()
	server := p.server
	if server == nil {
		return nil, errors.New("the endpoint proxy refuses connections already")
	}
	p.server = nil
	p.flights.CutAll()
	if err := server.Close(); err != nil {
		return nil, fmt.Errorf("refusing the runtime's connections: %w", err)
	}
	return func() error {
		p.listening.Lock()
		defer p.listening.Unlock()
		if p.server != nil {
			return nil
		}
		return p.listen()
	}, nil
}

// Move leaves the proxy's address for another one, with every attempt in flight broken. The
// old address refuses connections from then on. [Proxy.URL] is the new one: the runtime has
// to be told.
func (p *Proxy) Move() error {
	p.listening.Lock()
	defer p.listening.Unlock()
	at, err := address.Keep(p.bind)
	if err != nil {
		return fmt.Errorf("another address for the endpoint proxy: %w", err)
	}
	server := p.server
	p.mu.Lock()
	p.left, p.at = append(p.left, p.at), at
	p.mu.Unlock()
	if err := p.listen(); err != nil {
		return err
	}
	p.flights.CutAll()
	if server == nil {
		return nil
	}
	if err := server.Close(); err != nil {
		return fmt.Errorf("leaving the endpoint proxy's address: %w", err)
	}
	return nil
}

// awayGrace is for how long after an expected absence it is no news that handlers can't be
// reached.
const awayGrace = 5 * time.Second

// Lost says that the process of the handlers is gone, for a reason that is known. Every
// attempt in flight is broken with it, also one that stands at a gate: without the proxy, the
// runtime would see its connections end.
func (p *Proxy) Lost() {
	p.awaited.Store(time.Now().Add(awayGrace).UnixNano())
	p.flights.CutAll()
}

// Redirect sends attempts to handlers at another address from now on, or at the same one
// after [Proxy.Lost].
func (p *Proxy) Redirect(b service.Backend) error {
	to, err := parse(b)
	if err != nil {
		return err
	}
	p.backend.Store(to)
	p.Lost() // what was sent meanwhile is with the old ones
	return nil
}
