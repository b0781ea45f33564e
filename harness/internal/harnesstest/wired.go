// Package harnesstest has what the tests of harness and its sub-packages share: runtimes
// that a test can meddle with, and plans.
package harnesstest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"retain/runtime"
	"retain/runtime/ingress"
	"retain/runtime/introspect"
	"retain/runtime/simulated"
	"retain/service"
)

// Wired is a simulated runtime whose clients' connections a test can meddle with.
type Wired struct {
	*simulated.Runtime
	// Dialling, if set, may refuse a connection.
	Dialling func() error
	// Sending is called for each request before its first byte leaves, with its
	// operation's tag and its idempotency key; an error keeps all of it back.
	Sending func(tag, key string) error
	// Answering, if set, is called when an answer to the operation is about to be
	// read; an error cuts the connection instead.
	Answering func(tag string) error
	// Pinging, if set, comes before a probe; an error cuts its connection.
	Pinging func(ctx context.Context) error
	// Spoiling, if set, gives the response that is read instead of the one to the
	// operation of a tag, or to a probe, whose tag is ""; "" for the right one.
	Spoiling func(tag string) string
	// Querying, if set, comes before a question to the server's tables; an error cuts its
	// connection.
	Querying func() error
	// Tables, if set, gives the rows that a question to the server's tables is answered
	// with, by the request.
	Tables func(request string) []introspect.Row
	// Killing, if set, comes before a kill.
	Killing func()
	// Starting, if set, comes before a start; an error fails it.
	Starting func(ctx context.Context) error
	// Starts counts the starts.
	Starts atomic.Int32

	mu      sync.Mutex
	started []runtime.StartOptions
}

// Start counts the starts and keeps their options.
func (w *Wired) Start(ctx context.Context, o runtime.StartOptions) error {
	w.Starts.Add(1)
	w.mu.Lock()
	w.started = append(w.started, o)
	w.mu.Unlock()
	if w.Starting != nil {
		if err := w.Starting(ctx); err != nil {
			return err
		}
	}
	return w.Runtime.Start(ctx, o)
}

// Started are the options of the starts so far.
func (w *Wired) Started() []runtime.StartOptions {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.started)
}

// Kill calls Killing before.
func (w *Wired) Kill(ctx context.Context) error {
	if w.Killing != nil {
		w.Killing()
	}
	return w.Runtime.Kill(ctx)
}

// LastExit is that of a crash where a test killed the server: its end by itself is
// simulated in this way.
func (w *Wired) LastExit() (runtime.Exit, bool) {
	exit, over := w.Runtime.LastExit()
	exit.Killed = false
	return exit, over
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

// Close ends the connection.
func (c *wiredConn) Close() error {
	c.end()
	return c.Conn.Close()
}

// Write sends a request, unless the test keeps it back.
func (c *wiredConn) Write(b []byte) (int, error) {
	tag, key := headerOf(b, service.TagHeader), headerOf(b, "idempotency-key")
	if tag != "" && c.wired.Sending != nil {
		if err := c.wired.Sending(tag, key); err != nil {
			return 0, err
		}
	}
	probe := bytes.Contains(b, []byte(ingress.ProbeService))
	if probe && c.wired.Pinging != nil {
		if err := c.wired.Pinging(c.life); err != nil {
			return 0, err
		}
	}
	if c.wired.Querying != nil && bytes.HasPrefix(b, []byte("POST /query")) {
		if err := c.wired.Querying(); err != nil {
			return 0, err
		}
	}
	c.mu.Lock()
	if (probe || tag != "") && c.wired.Spoiling != nil {
		c.spoiled = c.wired.Spoiling(tag)
	}
	if c.wired.Tables != nil && bytes.HasPrefix(b, []byte("POST /query")) {
		c.spoiled = tableAnswer(c.wired.Tables(string(b)))
	}
	c.tag = tag
	c.mu.Unlock()
	return c.Conn.Write(b)
}

// tableAnswer is a response with the rows of a table, short enough for one read.
func tableAnswer(rows []introspect.Row) string {
	body, _ := json.Marshal(map[string][]introspect.Row{"rows": rows}) // plain values
	return fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
}

// Read reads an answer, or what the test has in its place.
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

// Response is one in its wire form.
func Response(status int, body string) string {
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

// ErrCut is what a test's meddling ends with.
var ErrCut = errors.New("cut by the test")

// Observed waits for evidence about an operation.
func Observed(c service.Control, tag string, reading service.Reading) <-chan struct{} {
	seen := make(chan struct{})
	var once sync.Once
	c.Observe(func(e service.Evidence) {
		if e.Tag == tag && e.Reading == reading {
			once.Do(func() { close(seen) })
		}
	})
	return seen
}

// Slow are timings under which every point of a start can be told from the next.
var Slow = simulated.Timings{
	Port: 10 * time.Millisecond, Health: 20 * time.Millisecond, Ready: 100 * time.Millisecond, Drain: 25 * time.Millisecond,
}
