package harness

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"retain/runtime"
	"retain/runtime/ingress"
	"retain/runtime/simulated"
	"retain/service"
)

// Wired is a simulated runtime whose clients' connections a test can meddle with.
type Wired struct {
	*simulated.Runtime
	// Dialling, if set, may refuse a connection.
	Dialling func() error
	// Sending is told of each request before its first byte leaves, by its
	// operation's tag and its idempotency key; an error keeps all of it back.
	Sending func(tag, key string) error
	// Answering, if set, is told that an answer to the operation is about to be
	// read; an error cuts the connection instead.
	Answering func(tag string) error
	// Pinging, if set, comes before a canary; an error cuts its connection.
	Pinging func(ctx context.Context) error
	// Spoiling, if set, gives the response that is read instead of the one to the
	// operation of a tag, or to a canary, whose tag is ""; "" for the right one.
	Spoiling func(tag string) string
	// Killing, if set, comes before a kill.
	Killing func()
	starts  atomic.Int32
}

// Start counts the starts.
func (w *Wired) Start(ctx context.Context) error {
	w.starts.Add(1)
	return w.Runtime.Start(ctx)
}

// Kill does what it is told to before.
func (w *Wired) Kill(ctx context.Context) error {
	if w.Killing != nil {
		w.Killing()
	}
	return w.Runtime.Kill(ctx)
}

// Endpoints are the server's, behind the meddling.
func (w *Wired) Endpoints() runtime.Endpoints {
	ep := w.Runtime.Endpoints()
	dial := ep.Dial
	ep.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		if w.Dialling != nil {
			if err := w.Dialling(); err != nil {
				return nil, err
			}
		}
		c, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		life, end := context.WithCancel(context.Background())
		return &wiredConn{Conn: c, wired: w, life: life, end: end}, nil
	}
	return ep
}

// wiredConn sees requests whole: they are short, and leave in one write.
type wiredConn struct {
	net.Conn
	wired *Wired
	life  context.Context // of the connection
	end   context.CancelFunc

	mu      sync.Mutex
	tag     string
	spoiled string // the response that is read next
}

func (c *wiredConn) Close() error {
	c.end()
	return c.Conn.Close()
}

func (c *wiredConn) Write(b []byte) (int, error) {
	tag, key := headerOf(b, service.TagHeader), headerOf(b, "idempotency-key")
	if tag != "" && c.wired.Sending != nil {
		if err := c.wired.Sending(tag, key); err != nil {
			return 0, err
		}
	}
	canary := bytes.Contains(b, []byte(ingress.CanaryService))
	if canary && c.wired.Pinging != nil {
		if err := c.wired.Pinging(c.life); err != nil {
			return 0, err
		}
	}
	c.mu.Lock()
	if (canary || tag != "") && c.wired.Spoiling != nil {
		c.spoiled = c.wired.Spoiling(tag)
	}
	c.tag = tag
	c.mu.Unlock()
	return c.Conn.Write(b)
}

func (c *wiredConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.mu.Lock()
	tag := c.tag
	if err == nil && c.spoiled != "" {
		n = copy(b, c.spoiled)
		c.spoiled = ""
	}
	c.mu.Unlock()
	if err == nil && tag != "" && c.wired.Answering != nil {
		if e := c.wired.Answering(tag); e != nil {
			_ = c.Conn.Close()
			return 0, e
		}
	}
	return n, err
}

// response is one in its wire form.
func response(status int, body string) string {
	return fmt.Sprintf("HTTP/1.1 %d %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", status, http.StatusText(status), len(body), body)
}

// headerOf is the value of a header in a request's bytes.
func headerOf(request []byte, name string) string {
	head, _, _ := bytes.Cut(request, []byte("\r\n\r\n"))
	for line := range strings.SplitSeq(string(head), "\r\n") {
		if k, v, ok := strings.Cut(line, ": "); ok && http.CanonicalHeaderKey(k) == http.CanonicalHeaderKey(name) {
			return v
		}
	}
	return ""
}

// errCut is what a test's meddling ends with.
var errCut = errors.New("cut by the test")

// WiredSystem is a system with a [Wired] runtime that is up.
func WiredSystem(t *testing.T, o simulated.Options) (*System, *Wired) {
	o.Nonce = "n"
	w := &Wired{Runtime: simulated.New(o)}
	s := &System{Runtime: w, Control: w, Nonce: "n", Shared: simulated.Shared()}
	require.NoError(t, s.boot(t.Context()))
	t.Cleanup(func() { require.NoError(t, s.shutdown(context.Background())) })
	return s, w
}

// observed waits for evidence about an operation.
func observed(c service.Control, tag string, reading service.Reading) <-chan struct{} {
	seen := make(chan struct{})
	var once sync.Once
	c.Observe(func(e service.Evidence) {
		if e.Tag == tag && e.Reading == reading {
			once.Do(func() { close(seen) })
		}
	})
	return seen
}

// slow are timings under which every point of a start can be told from the next.
var slow = simulated.Timings{
	Port: 10 * time.Millisecond, Health: 20 * time.Millisecond, Ready: 100 * time.Millisecond, Drain: 25 * time.Millisecond,
}
