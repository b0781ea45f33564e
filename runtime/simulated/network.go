package simulated

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"sync"
	"syscall"
	"time"
)

// network is one listening address of an incarnation, in memory or on loopback, with
// every connection to it.
type network struct {
	address string       // host:port
	inner   net.Listener // nil in memory
	opens   time.Time    // connections are refused before
	pause   *pause
	ctx     context.Context

	mu      sync.Mutex
	state   map[net.Conn]http.ConnState
	backlog chan net.Conn
	refuses bool
	closed  chan struct{}
	drained chan struct{} // set and closed as refuse says
}

// backlogSize is how many connections may wait to be accepted.
const backlogSize = 1024

func newNetwork(address string, tcp bool) (*network, error) {
	n := &network{
		address: address, state: map[net.Conn]http.ConnState{},
		backlog: make(chan net.Conn, backlogSize), closed: make(chan struct{}),
	}
	if tcp {
		inner, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, fmt.Errorf("listen on loopback: %w", err)
		}
		n.inner, n.address = inner, inner.Addr().String()
	}
	return n, nil
}

func (n *network) url() string { return "http://" + n.address }

// serve answers requests until the network is closed.
func (n *network) serve(i *incarnation, h http.Handler) {
	server := http.Server{
		Handler: h, ErrorLog: log.New(io.Discard, "", 0),
		ConnState: func(c net.Conn, s http.ConnState) { n.track(i, c, s) },
	}
	if i.wait(time.Until(n.opens)) {
		_ = server.Serve(n) // an error each time: the network is closed
	}
}

// track knows which connections are busy. A connection counts as work of the
// incarnation until its goroutine is gone.
func (n *network) track(i *incarnation, c net.Conn, s http.ConnState) {
	n.mu.Lock()
	defer n.mu.Unlock()
	switch s {
	case http.StateNew:
		i.work.Add(1)
	case http.StateClosed, http.StateHijacked:
		delete(n.state, c)
		i.work.Done()
		n.checkDrained()
		return
	case http.StateIdle:
		if n.refuses {
			defer c.Close()
		}
	}
	n.state[c] = s
	n.checkDrained()
}

func (n *network) checkDrained() {
	if n.drained == nil || isClosed(n.drained) {
		return
	}
	for _, s := range n.state {
		if s == http.StateActive {
			return
		}
	}
	close(n.drained)
}

// refuse accepts no more connections, closes the idle ones, and closes the
// channel when no request is open.
func (n *network) refuse() (drained <-chan struct{}) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.refuses = true
	for c, s := range n.state {
		if s != http.StateActive {
			defer c.Close()
		}
	}
	if n.inner != nil {
		_ = n.inner.Close() // its Accept fails, which is what is wanted
	}
	if n.drained == nil {
		n.drained = make(chan struct{})
		n.checkDrained()
	}
	return n.drained
}

// refusing reports whether calls that arrive now are too late.
func (n *network) refusing() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.refuses
}

// close cuts every connection.
func (n *network) close() {
	n.mu.Lock()
	n.refuses = true
	if !isClosed(n.closed) {
		close(n.closed)
	}
	var cut []net.Conn
	for c := range n.state {
		cut = append(cut, c)
	}
	n.mu.Unlock()
	if n.inner != nil {
		_ = n.inner.Close() // it may be closed already
	}
	for _, c := range cut {
		_ = c.Close() // it may be closed already
	}
}

// admit takes charge of a server's end of a connection; false if the network is
// closed, and then the connection is too.
func (n *network) admit(c net.Conn) (net.Conn, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.refuses {
		_ = c.Close() // nobody uses it yet
		return nil, false
	}
	conn := &conn{Conn: c, network: n}
	n.state[conn] = http.StateNew
	return conn, true
}

// Accept implements [net.Listener].
func (n *network) Accept() (net.Conn, error) {
	for n.inner != nil {
		c, err := n.inner.Accept()
		if err != nil {
			return nil, err
		}
		if conn, ok := n.admit(c); ok {
			return conn, nil
		}
	}
	select {
	case c := <-n.backlog:
		return c, nil
	case <-n.closed:
		return nil, net.ErrClosed
	}
}

// Close implements [net.Listener].
func (n *network) Close() error {
	n.close()
	return nil
}

// Addr implements [net.Listener].
func (n *network) Addr() net.Addr { return address(n.address) }

type address string

// Network is "tcp".
func (address) Network() string { return "tcp" }

// String is the address.
func (a address) String() string { return string(a) }

// dial connects in memory.
func (n *network) dial(ctx context.Context) (net.Conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if time.Now().Before(n.opens) {
		return nil, refused(n.address)
	}
	client, server := net.Pipe()
	c, ok := n.admit(server)
	if !ok {
		return nil, refused(n.address)
	}
	select {
	case n.backlog <- c:
		return client, nil
	case <-n.closed:
	case <-ctx.Done():
	}
	_ = c.Close() // nobody uses it yet
	return nil, refused(n.address)
}

func refused(to string) error {
	return &net.OpError{Op: "dial", Net: "tcp", Addr: address(to), Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
}

// conn is the server's end of a connection. While the server is frozen nothing
// is written to it.
type conn struct {
	net.Conn
	network *network
}

// Write implements [net.Conn]. It waits while the server is paused.
func (c *conn) Write(b []byte) (int, error) {
	c.network.pause.wait(c.network.ctx) // the end of the incarnation closes the connection
	return c.Conn.Write(b)
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
