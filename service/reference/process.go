package reference

import (
	"context"
	"fmt"
	"net"

	"retain/service/address"
	"retain/service/flight"
)

// Freeze implements [service.Process]: nothing passes through the server's connections, and
// new ones are taken by the system alone.
func (s *Server) Freeze() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.thaw == nil {
		s.thaw = s.frozen.Shut()
	}
	return nil
}

// Thaw implements [service.Process].
func (s *Server) Thaw() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.goOn()
	return nil
}

// goOn thaws the server. The caller holds the lock.
func (s *Server) goOn() {
	if s.thaw != nil {
		s.thaw()
		s.thaw = nil
	}
}

// Restart implements [service.Process]. All that a SIGKILL would end are connections, and
// what the handlers keep in memory, which are made anew.
func (s *Server) Restart(_ context.Context, anotherAddress bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.http.Close(); err != nil {
		return fmt.Errorf("ending the reference service: %w", err)
	}
	<-s.done
	s.goOn()
	if anotherAddress {
		at, err := address.Keep(s.options.Bind)
		if err != nil {
			return fmt.Errorf("another address for the reference service: %w", err)
		}
		old := s.at
		s.at = at
		if err := old.Close(); err != nil {
			return fmt.Errorf("leaving the reference service's address: %w", err)
		}
	}
	return s.listen()
}

// freezing is a listener whose connections let nothing pass while the valve is shut.
type freezing struct {
	net.Listener
	valve *flight.Valve
}

// Accept implements [net.Listener].
func (f freezing) Accept() (net.Conn, error) {
	c, err := f.Listener.Accept()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	return &frozenConn{Conn: c, valve: f.valve, ctx: ctx, cancel: cancel}, nil
}

// frozenConn is a connection that stands still while the valve is shut.
type frozenConn struct {
	net.Conn
	valve  *flight.Valve
	ctx    context.Context // ends with the connection
	cancel context.CancelFunc
}

// Read implements [net.Conn].
func (c *frozenConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if c.valve.Wait(c.ctx) != nil {
		return 0, net.ErrClosed
	}
	return n, err
}

// Write implements [net.Conn].
func (c *frozenConn) Write(p []byte) (int, error) {
	if c.valve.Wait(c.ctx) != nil {
		return 0, net.ErrClosed
	}
	return c.Conn.Write(p)
}

// Close implements [net.Conn].
func (c *frozenConn) Close() error {
	c.cancel()
	return c.Conn.Close()
}
