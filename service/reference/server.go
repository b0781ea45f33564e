package reference

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/restatedev/sdk-go/server"

	"retain/service"
	"retain/service/address"
	"retain/service/flight"
)

// closeGrace is how long [Server.Close] waits for handlers to end by themselves.
const closeGrace = 2 * time.Second

// Options of a [Server]. The zero value is good for a test: all objects, on
// loopback, with a fresh nonce.
type Options struct {
	// Bind is the host to listen on, on a port that the system chooses; "" is
	// 127.0.0.1.
	Bind string
	// Nonce is what a probe is answered with; "" draws one.
	Nonce string
	// Log takes what the SDK logs; nil discards it.
	Log slog.Handler
	// Handler makes what the process serves, each time that it starts; nil for the reference
	// handlers, which keep nothing outside of Restate.
	Handler func() (http.Handler, error)
}

// Server serves the reference handlers over unencrypted HTTP/2. It stands for a process that
// ends, freezes and starts again: see [service.Process].
type Server struct {
	options Options
	frozen  flight.Valve

	mu   sync.Mutex
	at   *address.Address
	http *http.Server
	done chan struct{} // closed when http listens no more
	thaw func()        // nil while it is not frozen
}

var _ service.Process = (*Server)(nil)

// Listen starts a server. It is up when Listen returns.
func Listen(o Options) (*Server, error) {
	if o.Bind == "" {
		o.Bind = "127.0.0.1"
	}
	if o.Nonce == "" {
		o.Nonce = NewNonce()
	}
	if o.Handler == nil {
		handler, err := o.handler()
		if err != nil {
			return nil, fmt.Errorf("preparing the reference service: %w", err)
		}
		o.Handler = func() (http.Handler, error) { return handler, nil }
	}
	at, err := address.Keep(o.Bind)
	if err != nil {
		return nil, fmt.Errorf("listening for the reference service (is %s an address of this machine?): %w", o.Bind, err)
	}
	s := &Server{options: o, at: at}
	if err := s.listen(); err != nil {
		return nil, errors.Join(err, at.Close())
	}
	return s, nil
}

// listen begins to serve. The caller holds the lock, or is the only one that knows the
// server.
func (s *Server) listen() error {
	handler, err := s.options.Handler()
	if err != nil {
		return fmt.Errorf("preparing the reference service: %w", err)
	}
	listener, err := s.at.Listen()
	if err != nil {
		return fmt.Errorf("listening for the reference service: %w", err)
	}
	var h2c http.Protocols
	h2c.SetUnencryptedHTTP2(true)
	server, done := &http.Server{
		Handler:           handler,
		Protocols:         &h2c,
		ReadHeaderTimeout: 5 * time.Second,
		ErrorLog:          slog.NewLogLogger(s.options.log(), slog.LevelWarn),
	}, make(chan struct{})
	s.http, s.done = server, done
	go func() {
		defer close(done)
		_ = server.Serve(freezing{listener, &s.frozen}) // always an error: http.ErrServerClosed
	}()
	return nil
}

func (o Options) log() slog.Handler {
	if o.Log == nil {
		return slog.DiscardHandler
	}
	return o.Log
}

func (o Options) handler() (http.Handler, error) {
	all, err := objects()
	if err != nil {
		return nil, err
	}
	endpoint := server.NewRestate().WithLogger(o.log(), true)
	for _, d := range append(all, probe(o.Nonce)) {
		endpoint.Bind(d)
	}
	handler, err := endpoint.Handler()
	if err != nil {
		return nil, err
	}
	return named(handler), nil
}

// URL is the server's base URL without a trailing slash, under the name or
// address by which the caller reaches this machine; "" is the bound address.
func (s *Server) URL(dialHost string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.at.URL(dialHost)
}

// Nonce is what this server answers probes with.
func (s *Server) Nonce() string { return s.options.Nonce }

// Close stops listening, gives running handlers two seconds to end and then
// cuts them. It is safe to call more than once.
func (s *Server) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.goOn()
	ctx, cancel := context.WithTimeout(context.Background(), closeGrace)
	defer cancel()
	err := s.http.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		err = s.http.Close()
	}
	<-s.done
	if kept := s.at.Close(); !errors.Is(kept, os.ErrClosed) {
		err = errors.Join(err, kept)
	}
	if err != nil {
		return fmt.Errorf("closing the reference service: %w", err)
	}
	return nil
}
