package mitm

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"sync"
)

// linkKey finds a request's [link] in its context.
type linkKey struct{}

// link is our end of a client's connection, with the connection to the server
// that stands behind it. They end together.
type link struct {
	net.Conn
	upstream net.Conn
	answers  chan *answer  // closed when the server sends no more
	gone     chan struct{} // closed when the client is
	leaving  sync.Once

	mu    sync.Mutex
	busy  bool // a request is on its way
	ended bool // the server closed its end
}

func newLink(ours, upstream net.Conn) *link {
	return &link{Conn: ours, upstream: upstream, answers: make(chan *answer), gone: make(chan struct{})}
}

// Close closes both connections.
func (l *link) Close() error {
	l.leaving.Do(func() {
		close(l.gone)
		_ = l.upstream.Close() // the server may have closed it
	})
	return l.Conn.Close()
}

// track follows the client's connection through its states.
func (l *link) track(s http.ConnState, work *sync.WaitGroup) {
	switch s {
	case http.StateNew:
		work.Add(1) // until the connection's goroutine is gone
		work.Go(l.receive)
	case http.StateClosed, http.StateHijacked:
		_ = l.Close() // it is closed; what stands behind it may not be
		work.Done()
	case http.StateActive, http.StateIdle:
		l.mu.Lock()
		l.busy = s == http.StateActive
		over := l.ended && !l.busy
		l.mu.Unlock()
		if over {
			_ = l.Close() // nobody waits for anything on it
		}
	}
}

// receive takes the server's answers until it closes the connection. An idle
// client is then told at once, so that it does not write a request in vain.
func (l *link) receive() {
	defer close(l.answers)
	for in := bufio.NewReader(l.upstream); ; {
		a, err := readAnswer(in)
		if err != nil {
			break
		}
		select {
		case l.answers <- a:
		case <-l.gone:
			return
		}
	}
	l.mu.Lock()
	l.ended = true
	idle := !l.busy
	l.mu.Unlock()
	if idle {
		_ = l.Close() // nobody waits for anything on it
	}
}

// ask sends one request to the server and waits for its answer.
func (l *link) ask(ctx context.Context, q *request) (*answer, error) {
	stop := context.AfterFunc(ctx, func() { _ = l.upstream.Close() }) // wakes whoever works on it
	defer stop()
	if err := q.write(l.upstream); err != nil {
		return nil, fmt.Errorf("pass the request on: %w", err)
	}
	a, ok := <-l.answers
	if !ok {
		return nil, fmt.Errorf("pass the request on: the server closed the connection without an answer")
	}
	return a, nil
}

// listener hands links to the HTTP server.
type listener struct {
	offered chan *link
	closed  chan struct{}
	closing sync.Once
}

func newListener() *listener {
	return &listener{offered: make(chan *link), closed: make(chan struct{})}
}

func (l *listener) offer(ctx context.Context, c *link) error {
	select {
	case l.offered <- c:
		return nil
	case <-l.closed:
		return net.ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Accept implements [net.Listener].
func (l *listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.offered:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// Close implements [net.Listener].
func (l *listener) Close() error {
	l.closing.Do(func() { close(l.closed) })
	return nil
}

// Addr implements [net.Listener].
func (l *listener) Addr() net.Addr { return &net.UnixAddr{Name: "mitm", Net: "pipe"} }
