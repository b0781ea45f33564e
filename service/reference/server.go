package reference

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/restatedev/sdk-go/server"
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
}

// Server serves the reference handlers over unencrypted HTTP/2.
type Server struct {
	nonce string
	addr  net.Addr
	http  *http.Server
	done  chan struct{}
}

// Listen starts a server. It is up when Listen returns.
func Listen(o Options) (*Server, error) {
	if o.Bind == "" {
		o.Bind = "127.0.0.1"
	}
	if o.Nonce == "" {
		o.Nonce = NewNonce()
	}
	handler, err := o.handler()
	if err != nil {
		return nil, fmt.Errorf("preparing the reference service: %w", err)
	}
	listener, err := net.Listen("tcp", net.JoinHostPort(o.Bind, "0"))
	if err != nil {
		return nil, fmt.Errorf("listening for the reference service (is %s an address of this machine?): %w", o.Bind, err)
	}
	var h2c http.Protocols
	h2c.SetUnencryptedHTTP2(true)
	s := &Server{
		nonce: o.Nonce,
		addr:  listener.Addr(),
		http: &http.Server{
			Handler:           handler,
			Protocols:         &h2c,
			ReadHeaderTimeout: 5 * time.Second,
			ErrorLog:          slog.NewLogLogger(o.log(), slog.LevelWarn),
		},
		done: make(chan struct{}),
	}
	go func() {
		defer close(s.done)
		_ = s.http.Serve(listener) // always an error: http.ErrServerClosed
	}()
	return s, nil
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
	host, port, _ := net.SplitHostPort(s.addr.String()) // a listener's address has both
	if dialHost != "" {
		host = dialHost
	}
	return "http://" + net.JoinHostPort(host, port)
}

// Nonce is what this server answers probes with.
func (s *Server) Nonce() string { return s.nonce }

// Close stops listening, gives running handlers two seconds to end and then
// cuts them. It is safe to call more than once.
func (s *Server) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), closeGrace)
	defer cancel()
	err := s.http.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		err = s.http.Close()
	}
	<-s.done
	if err != nil {
		return fmt.Errorf("closing the reference service: %w", err)
	}
	return nil
}
