package ingress_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"retain/model"
	"retain/runtime"
	"retain/runtime/ingress"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// wire is a server on loopback whose connections a test serves by hand.
type wire struct {
	listener net.Listener
	// requests counts the requests that were read whole, of all connections.
	requests atomic.Int32
	done     sync.WaitGroup
	mu       sync.Mutex
	open     []net.Conn
}

// listen serves each connection with f, which gets its number, from 1. The
// connection is closed when f returns.
func listen(t *testing.T, f func(n int, c net.Conn, s *served)) *wire {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	w := &wire{listener: l}
	w.done.Go(func() {
		for n := 1; ; n++ {
			c, err := l.Accept()
			if err != nil {
				return
			}
			w.mu.Lock()
			w.open = append(w.open, c)
			w.mu.Unlock()
			w.done.Go(func() {
				defer c.Close()
				f(n, c, &served{wire: w, reader: bufio.NewReader(c)})
			})
		}
	})
	t.Cleanup(w.close)
	return w
}

func (w *wire) close() {
	_ = w.listener.Close()
	w.mu.Lock()
	for _, c := range w.open {
		_ = c.Close()
	}
	w.mu.Unlock()
	w.done.Wait()
}

func (w *wire) url() string { return "http://" + w.listener.Addr().String() }

// served is the server's side of a connection.
type served struct {
	wire   *wire
	reader *bufio.Reader
}

// request reads one whole request; nil if the client is gone.
func (s *served) request() *http.Request {
	r, err := http.ReadRequest(s.reader)
	if err != nil {
		return nil
	}
	if _, err := io.Copy(io.Discard, r.Body); err != nil {
		return nil
	}
	s.wire.requests.Add(1)
	return r
}

// added is a whole answer to a counter's add.
const added = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 27\r\n\r\n" + `{"oldValue":0,"newValue":2}`

func write(c net.Conn, text string) { _, _ = io.WriteString(c, text) } // whoever is gone is gone

// counted dials for a client and counts, below it, what was written.
type counted struct{ written, dialled atomic.Int64 }

func (d *counted) dial(ctx context.Context, network, address string) (net.Conn, error) {
	c, err := (&net.Dialer{}).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	d.dialled.Add(1)
	return &countedConn{Conn: c, by: d}, nil
}

type countedConn struct {
	net.Conn
	by *counted
}

func (c *countedConn) Write(b []byte) (int, error) {
	c.by.written.Add(int64(len(b))) // before: the answer may be here before this returns
	n, err := c.Conn.Write(b)
	c.by.written.Add(int64(n - len(b)))
	return n, err
}

// client calls a server at this address over counted connections.
func client(t *testing.T, url string) (*ingress.Client, *counted) {
	t.Helper()
	d := new(counted)
	c := ingress.New(runtime.Endpoints{Ingress: url, Dial: d.dial})
	t.Cleanup(c.Close)
	return c, d
}

// add is the call that the tests of the wire make.
func add() ingress.Call {
	return ingress.Call{ObjectKey: "c", Op: model.CounterAdd{Delta: 2}, IdempotencyKey: "key-1", Tag: "run/1"}
}

// bounded is a context that ends after a while.
func bounded(t *testing.T, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}
