package retain_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"retain/generators"
	"retain/harness"
	"retain/runtime"
)

// interference is what a bad network does to a connection or a request. It
// returns false if the request is to be passed on as it is.
type interference func(m *middleman, w http.ResponseWriter, r *http.Request) bool

// middleman is a bad network between the clients and the ingress of a runtime.
// It knows requests, where a byte-level proxy knows streams: "reset after the
// request" needs to know where a request ends.
type middleman struct {
	server
	listener  net.Listener
	http      *http.Server
	interfere interference
	slow      time.Duration // after a start, connections are accepted so late
	struck    *atomic.Int64

	mu       sync.Mutex
	upstream string
	began    time.Time // of the server's life
	random   *rand.Rand
}

// server is what the real runtimes are.
type server interface {
	runtime.Runtime
	runtime.Pauser
	runtime.Exiter
}

func newMiddleman(inner server, seed uint64, slow time.Duration, interfere interference, struck *atomic.Int64) (*middleman, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	m := &middleman{server: inner, listener: l, interfere: interfere, slow: slow, struck: struck, random: rand.New(rand.NewPCG(seed, 0))}
	m.http = &http.Server{Handler: m}
	go m.http.Serve(lateListener{l, m})
	return m, nil
}

// lateListener accepts nothing while the server's life is young.
type lateListener struct {
	net.Listener
	m *middleman
}

func (l lateListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	if wait := time.Until(l.m.born().Add(l.m.slow)); wait > 0 {
		l.m.struck.Add(1)
		time.Sleep(wait) // the slowness is what is tested
	}
	return c, nil
}

func (m *middleman) born() time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.began
}

// chance is true in a share of the calls.
func (m *middleman) chance(share float64) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.random.Float64() >= share {
		return false
	}
	m.struck.Add(1)
	return true
}

// Start starts the server; its life begins.
func (m *middleman) Start(ctx context.Context) error {
	err := m.server.Start(ctx)
	m.mu.Lock()
	m.began = time.Now()
	m.mu.Unlock()
	return err
}

// Endpoints leads clients through the bad network.
func (m *middleman) Endpoints() runtime.Endpoints {
	ep := m.server.Endpoints()
	m.mu.Lock()
	m.upstream = ep.Ingress
	m.mu.Unlock()
	ep.Ingress = "http://" + m.listener.Addr().String()
	return ep
}

// Close ends both.
func (m *middleman) Close(ctx context.Context) error {
	m.http.Close()
	return m.server.Close(ctx)
}

// ServeHTTP passes a request on, unless the network interferes.
func (m *middleman) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, "/restate/") || !m.interfere(m, w, r) {
		resp, body, err := m.forward(r)
		if err != nil {
			drop(w)
			return
		}
		reply(w, resp, body, len(body))
	}
}

func (m *middleman) forward(r *http.Request) (*http.Response, []byte, error) {
	m.mu.Lock()
	upstream := m.upstream
	m.mu.Unlock()
	sent, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, nil, err
	}
	req, err := http.NewRequestWithContext(r.Context(), r.Method, upstream+r.URL.EscapedPath(), bytes.NewReader(sent))
	if err != nil {
		return nil, nil, err
	}
	req.Header = r.Header.Clone()
	req.Header.Del("Idempotency-Key") // in its canonical form the transport would send it again by itself
	if key := r.Header.Get("Idempotency-Key"); key != "" {
		req.Header["idempotency-key"] = []string{key}
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return resp, body, err
}

// reply writes the first n bytes of an answer of len(body) and, if that is not
// all, drops the connection.
func reply(w http.ResponseWriter, resp *http.Response, body []byte, n int) {
	for name, values := range resp.Header {
		if name != "Transfer-Encoding" {
			w.Header()[name] = values
		}
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(resp.StatusCode)
	_, _ = w.Write(body[:n])
	if n < len(body) {
		_ = http.NewResponseController(w).Flush()
		drop(w)
	}
}

// drop resets the connection of a request.
func drop(w http.ResponseWriter) {
	c, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if tcp, ok := c.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	c.Close()
}

func resetBefore(m *middleman, w http.ResponseWriter, _ *http.Request) bool {
	if !m.chance(0.3) {
		return false
	}
	drop(w)
	return true
}

func resetAfter(m *middleman, w http.ResponseWriter, r *http.Request) bool {
	if !m.chance(0.3) {
		return false
	}
	_, _, _ = m.forward(r) // whatever it answers is lost
	drop(w)
	return true
}

func cutAnswer(m *middleman, w http.ResponseWriter, r *http.Request) bool {
	if !m.chance(0.3) {
		return false
	}
	resp, body, err := m.forward(r)
	if err != nil || len(body) == 0 {
		drop(w)
		return true
	}
	reply(w, resp, body, len(body)/2)
	return true
}

// storm is how long a start answers 503 to everything.
const storm = 2 * time.Second

func unavailable(m *middleman, w http.ResponseWriter, _ *http.Request) bool {
	if time.Since(m.born()) > storm {
		return false
	}
	m.struck.Add(1)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusServiceUnavailable)
	_, _ = io.WriteString(w, `{"message":"the service is temporarily unavailable"}`)
	return true
}

// TestABadNetworkIsNoViolation shows on the native server that what a network
// does to clients is never taken for something that the server did.
func TestABadNetworkIsNoViolation(t *testing.T) {
	for _, c := range []struct {
		name      string
		interfere interference
		slow      time.Duration
		plans     int
	}{
		{"connections are reset before the request", resetBefore, 0, 3},
		{"connections are reset after the request", resetAfter, 0, 3},
		{"answers are cut half way", cutAnswer, 0, 3},
		{"every start begins with a storm of 503", unavailable, 0, 3},
		{"every start is slow to accept", func(*middleman, http.ResponseWriter, *http.Request) bool { return false }, 8 * time.Second, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			var struck atomic.Int64
			real := native(t)
			open := func(ctx context.Context, s runtime.Settings) (*harness.System, error) {
				sys, err := real(ctx, s)
				if err != nil {
					return nil, err
				}
				m, err := newMiddleman(sys.Runtime.(server), 1, c.slow, c.interfere, &struck)
				if err != nil {
					return nil, err
				}
				sys.Runtime = m
				return sys, nil
			}
			session, err := harness.Conduct(t.Context(), harness.Options{
				Open: open, Plans: c.plans, Workers: 2, Bounds: harness.DefaultBounds, Dir: t.TempDir(),
				Draw: func(n int) generators.Plan {
					return generators.Draw(7, n, generators.Options{MaxSteps: 40, Partitions: []int{1}})
				},
			})
			require.NoError(t, err)
			require.Equal(t, harness.Pass, session.Verdict, fmt.Sprint(session.Failures))
			require.Equal(t, c.plans, session.Counts[harness.Pass])
			require.NotZero(t, struck.Load(), "the network was never bad")
			t.Logf("%d strikes, %d operations, %d ambiguous", struck.Load(), session.Tally.Operations, session.Tally.Ambiguous)
		})
	}
}
