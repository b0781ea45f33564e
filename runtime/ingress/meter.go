package ingress

import (
	"net"
	"sync"
	"sync/atomic"
)

// meteredConn counts the bytes that may have been written to a connection. A
// write counts from before it begins, and is taken back only if the system says
// that it wrote nothing.
type meteredConn struct {
	net.Conn
	written atomic.Int64
	user    atomic.Pointer[meter] // the request that has the connection
}

// Write counts what may have been written.
func (c *meteredConn) Write(b []byte) (int, error) {
	c.written.Add(int64(len(b)))
	n, err := c.Conn.Write(b)
	c.written.Add(int64(n - len(b)))
	if m := c.user.Load(); m != nil && err == nil {
		m.left()
	}
	return n, err
}

// meter tells whether one request wrote to any of the connections it was given:
// the transport takes another one when an idle one turns out to be dead before
// the first byte. It also tells when all of the request has left.
type meter struct {
	notify func() // nil if nobody wants to know
	told   sync.Once
	// buffered is true once the transport has put the whole request into the
	// connection's buffer; it leaves with the next write.
	buffered atomic.Bool

	mu    sync.Mutex
	conn  *meteredConn
	start int64
	any   bool
}

func (m *meter) use(c net.Conn) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.buffered.Store(false)
	m.any = m.any || m.moved()
	m.conn, _ = c.(*meteredConn)
	if m.conn != nil {
		m.start = m.conn.written.Load()
		m.conn.user.Store(m)
	} else {
		m.any = true // not one of ours: claim nothing about it
	}
}

func (m *meter) moved() bool { return m.conn != nil && m.conn.written.Load() > m.start }

func (m *meter) wrote() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.any || m.moved()
}

// left is called after each write to the request's connection.
func (m *meter) left() {
	if m.buffered.Load() {
		m.tell()
	}
}

// tell tells, once, that the request has been written.
func (m *meter) tell() {
	if m.notify != nil {
		m.told.Do(m.notify)
	}
}
