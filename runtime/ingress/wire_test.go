package ingress_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/model"
	"retain/runtime"
	"retain/runtime/ingress"
)

// reset closes a connection with a reset instead of an end.
func reset(c net.Conn) {
	_ = c.(*net.TCPConn).SetLinger(0)
	_ = c.Close()
}

// Calls break at every point. Wrote must agree with the bytes counted below the client.
func TestWroteReportsWhetherBytesWereWritten(t *testing.T) {
	for _, c := range []struct {
		name  string
		serve func(n int, c net.Conn, s *served)
		// bound is the attempt's deadline.
		bound  time.Duration
		wrote  []bool // what may be, the network being what it is
		reason model.Reason
	}{
		{"closes before it reads", func(_ int, c net.Conn, _ *served) {}, time.Minute, []bool{true, false}, model.Disconnected},
		{"resets before it reads", func(_ int, c net.Conn, _ *served) { reset(c) }, time.Minute, []bool{true, false}, model.Disconnected},
		{"closes after a byte", func(_ int, c net.Conn, s *served) { _, _ = s.reader.ReadByte() }, time.Minute, []bool{true}, model.Disconnected},
		{"closes after it read", func(_ int, c net.Conn, s *served) { s.request() }, time.Minute, []bool{true}, model.Disconnected},
		{"resets after it read", func(_ int, c net.Conn, s *served) { s.request(); reset(c) }, time.Minute, []bool{true}, model.Disconnected},
		{"closes within the status line", func(_ int, c net.Conn, s *served) { s.request(); write(c, added[:9]) }, time.Minute, []bool{true}, model.Disconnected},
		{"closes within the headers", func(_ int, c net.Conn, s *served) { s.request(); write(c, added[:40]) }, time.Minute, []bool{true}, model.Disconnected},
		{"closes before the body", func(_ int, c net.Conn, s *served) { s.request(); write(c, added[:len(added)-27]) }, time.Minute, []bool{true}, model.Disconnected},
		{"closes within the body", func(_ int, c net.Conn, s *served) { s.request(); write(c, added[:len(added)-1]) }, time.Minute, []bool{true}, model.Disconnected},
		{"resets within the body", func(_ int, c net.Conn, s *served) { s.request(); write(c, added[:len(added)-1]); reset(c) }, time.Minute, []bool{true}, model.Disconnected},
		{"cuts a body without a length", func(_ int, c net.Conn, s *served) {
			s.request()
			write(c, "HTTP/1.1 200 OK\r\n\r\n"+`{"oldValue":0,"newValue":2`)
		}, time.Minute, []bool{true}, model.Disconnected},
		{"cuts a body in chunks", func(_ int, c net.Conn, s *served) {
			s.request()
			write(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n[1,\r\n")
		}, time.Minute, []bool{true}, model.Disconnected},
		{"cuts an error of the handler", func(_ int, c net.Conn, s *served) {
			s.request()
			write(c, "HTTP/1.1 404 Not Found\r\nx-restate-error-source: ingress\r\ncontent-length: 10\r\n\r\n{}")
		}, time.Minute, []bool{true}, model.Disconnected},
		{"reads and never answers", func(_ int, c net.Conn, s *served) { s.request(); s.request() }, 100 * time.Millisecond, []bool{true}, model.TimedOut},
		{"answers half and no more", func(_ int, c net.Conn, s *served) { s.request(); write(c, added[:len(added)-5]); s.request() }, 100 * time.Millisecond, []bool{true}, model.TimedOut},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := listen(t, c.serve)
			client, below := client(t, w.url())
			got := client.Try(bounded(t, c.bound), add())
			assert.Nil(t, got.Answer)
			assert.Contains(t, c.wrote, got.Wrote)
			assert.Equal(t, below.written.Load() > 0, got.Wrote, "what the client says of the bytes that were counted below it")
			if got.Wrote {
				assert.Equal(t, c.reason, got.Reason, got.Detail)
			} else {
				assert.Equal(t, model.NotSent, got.Reason, got.Detail)
			}
			assert.NotEmpty(t, got.Detail)
			assert.LessOrEqual(t, w.requests.Load(), int32(1), "nobody sends it again")
			assert.LessOrEqual(t, below.dialled.Load(), int64(1))
		})
	}
}

// The whole request is in the system's buffers at the deadline: it may still be read.
func TestCallOnAnUnreadConnectionIsAmbiguous(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0") // never accepts: the system does
	require.NoError(t, err)
	defer l.Close()
	c, _ := client(t, "http://"+l.Addr().String())
	got := c.Try(bounded(t, 100*time.Millisecond), add())
	assert.True(t, got.Wrote)
	assert.Equal(t, model.TimedOut, got.Reason)
}

func TestRefusedConnectionWritesNothing(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := l.Addr().String()
	require.NoError(t, l.Close())
	c, below := client(t, "http://"+address)
	got := c.Try(bounded(t, time.Minute), add())
	assert.False(t, got.Wrote)
	assert.Equal(t, model.NotSent, got.Reason)
	assert.Contains(t, got.Detail, syscall.ECONNREFUSED.Error())
	assert.Zero(t, below.written.Load())
}

// The deadline passes before there is a connection.
func TestSlowDialWritesNothing(t *testing.T) {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	c := ingress.New(runtime.Endpoints{Ingress: "http://127.0.0.1:1", Dial: dial})
	defer c.Close()
	got := c.Try(bounded(t, 20*time.Millisecond), add())
	assert.False(t, got.Wrote)
	assert.Equal(t, model.NotSent, got.Reason)
}

// slowConn holds one of its writes until it is released.
type slowConn struct {
	net.Conn
	hold    int           // the number of the write, from 1
	writing chan struct{} // closed when it is held
	release chan struct{}
}

func (c *slowConn) Write(b []byte) (int, error) {
	if c.hold--; c.hold == 0 {
		close(c.writing)
		<-c.release
	}
	return c.Conn.Write(b)
}

// The test holds a system call that writes the request. The request is not written until
// the last such call returns. The transport's trace reports it earlier.
func TestWrittenIsCalledWhenTheBytesHaveLeft(t *testing.T) {
	for _, c := range []struct {
		name  string
		hold  int
		value string
	}{
		{"the only one", 1, "v"},
		{"a longer one", 1, strings.Repeat("v", 2_000)},
	} {
		t.Run(c.name, func(t *testing.T) {
			read := make(chan struct{})
			w := listen(t, func(_ int, c net.Conn, s *served) {
				s.request()
				<-read
				write(c, "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
				s.request()
			})
			slow := &slowConn{hold: c.hold, writing: make(chan struct{}), release: make(chan struct{})}
			client := ingress.New(runtime.Endpoints{Ingress: w.url(), Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
				var err error
				slow.Conn, err = (&net.Dialer{}).DialContext(ctx, network, address)
				return slow, err
			}})
			defer client.Close()
			told, done := make(chan struct{}), make(chan ingress.Result)
			call := ingress.Call{ObjectKey: "r", Op: model.RegisterWrite{Value: c.value}, Written: func() { close(told) }} // a second time panics
			go func() { done <- client.Try(bounded(t, time.Minute), call) }()
			<-slow.writing
			select {
			case <-told:
				assert.Fail(t, "told before the write")
			case <-time.After(20 * time.Millisecond): // nothing to wait for: nothing happens
			}
			close(slow.release)
			<-told // before any answer
			close(read)
			assert.Equal(t, model.Answer(model.Done{}), (<-done).Answer)
		})
	}
}

func TestWrittenIsNotCalledForAnUnsentRequest(t *testing.T) {
	near, far := net.Pipe()
	defer far.Close()
	c := ingress.New(runtime.Endpoints{Ingress: "http://127.0.0.1:1", Dial: func(context.Context, string, string) (net.Conn, error) { return near, nil }})
	defer c.Close()
	var told atomic.Bool
	call := add()
	call.Written = func() { told.Store(true) }
	got := c.Try(bounded(t, 20*time.Millisecond), call) // nobody reads the pipe
	assert.False(t, got.Wrote, "a pipe takes nothing that nobody reads")
	assert.Equal(t, model.NotSent, got.Reason)
	assert.False(t, told.Load())
}

// The first call wrote on the connection, the second one did not.
func TestBytesOfAnEarlierCallDoNotCount(t *testing.T) {
	near, far := net.Pipe()
	defer far.Close()
	go func() {
		if r, err := http.ReadRequest(bufio.NewReader(far)); err == nil {
			_, _ = io.Copy(io.Discard, r.Body)
			write(far, added)
		}
	}()
	c := ingress.New(runtime.Endpoints{Ingress: "http://127.0.0.1:1", Dial: func(context.Context, string, string) (net.Conn, error) { return near, nil }})
	defer c.Close()
	require.NotNil(t, c.Try(bounded(t, time.Minute), add()).Answer)
	got := c.Try(bounded(t, 20*time.Millisecond), add())
	assert.False(t, got.Wrote)
	assert.Equal(t, model.NotSent, got.Reason)
}

// Its bytes leave in several writes.
func TestWrittenIsCalledOnceForALongRequest(t *testing.T) {
	for _, size := range []int{3_000, 4_096, 10_000, 1 << 20} {
		w := listen(t, func(_ int, c net.Conn, s *served) {
			for s.request() != nil {
				write(c, "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
			}
		})
		c, _ := client(t, w.url())
		told := make(chan struct{})
		call := ingress.Call{ObjectKey: "r", Op: model.RegisterWrite{Value: strings.Repeat("x", size)}, Written: func() { close(told) }}
		got := c.Try(bounded(t, time.Minute), call)
		assert.Equal(t, model.Answer(model.Done{}), got.Answer, got.Detail)
		<-told
	}
}

// dying serves the first request of its first connection and closes that
// connection once it has read the second one: what a server's end looks like to a
// client with a connection at hand. Later connections are served in full.
func dying(t *testing.T) *wire {
	return listen(t, func(n int, c net.Conn, s *served) {
		for i := 1; s.request() != nil; i++ {
			if n == 1 && i == 2 {
				return
			}
			write(c, added)
		}
	})
}

// The server counts. Go's transport sends a request with the canonical header again by
// itself; the second half of the test shows that the server would see that.
func TestClientDoesNotRetryOnADeadConnection(t *testing.T) {
	t.Run("this client", func(t *testing.T) {
		w := dying(t)
		c, below := client(t, w.url())
		require.NotNil(t, c.Try(bounded(t, time.Minute), add()).Answer)
		got := c.Try(bounded(t, time.Minute), add())
		assert.Nil(t, got.Answer)
		assert.True(t, got.Wrote)
		assert.Equal(t, model.Disconnected, got.Reason)
		assert.Equal(t, int32(2), w.requests.Load())
		assert.Equal(t, int64(1), below.dialled.Load())
	})
	t.Run("net/http, with the header as it is usually written", func(t *testing.T) {
		w := dying(t)
		transport := &http.Transport{}
		defer transport.CloseIdleConnections()
		for range 2 {
			req, err := http.NewRequestWithContext(bounded(t, time.Minute), http.MethodPost, w.url()+"/Counter/c/add", strings.NewReader("2"))
			require.NoError(t, err)
			req.Header.Set("Idempotency-Key", "key-1")
			resp, err := transport.RoundTrip(req)
			require.NoError(t, err, "an answer, to the second sending")
			_, err = io.Copy(io.Discard, resp.Body)
			require.NoError(t, err)
			require.NoError(t, resp.Body.Close())
		}
		assert.Equal(t, int32(3), w.requests.Load(), "sent twice")
	})
}

// Either nothing was written to the dead connection, and another one serves the call. Or
// something may have been written, and the call fails without a repetition. Which of the
// two happens is a race.
func TestDeadIdleConnectionIsReplacedOrFailsTheCall(t *testing.T) {
	for range 50 {
		w := listen(t, func(n int, c net.Conn, s *served) {
			if s.request() != nil {
				write(c, added)
			}
			if n > 1 {
				s.request() // the client's end
			}
		})
		c, below := client(t, w.url())
		require.NotNil(t, c.Try(bounded(t, time.Minute), add()).Answer)
		first := below.written.Load()
		got := c.Try(bounded(t, time.Minute), add())
		switch {
		case got.Answer != nil:
			assert.Equal(t, int64(2), below.dialled.Load())
			assert.Equal(t, int32(2), w.requests.Load())
			assert.Equal(t, 2*first, below.written.Load(), "nothing was written to the dead one")
		default:
			assert.Equal(t, below.written.Load() > first, got.Wrote)
			assert.Equal(t, int32(1), w.requests.Load())
		}
		w.close()
	}
}

func TestClientReusesItsConnection(t *testing.T) {
	w := listen(t, func(_ int, c net.Conn, s *served) {
		for s.request() != nil {
			write(c, added)
		}
	})
	c, below := client(t, w.url())
	for range 5 {
		got := c.Try(bounded(t, time.Minute), add())
		assert.Equal(t, "0->2", got.Answer.String())
		assert.True(t, got.Wrote)
	}
	assert.Equal(t, int64(1), below.dialled.Load())
}

// The caller cancels while the call waits for its answer.
func TestCancelledCallWasWrittenAndIsNoTimeout(t *testing.T) {
	w := listen(t, func(_ int, c net.Conn, s *served) { s.request(); s.request() })
	c, _ := client(t, w.url())
	ctx, cancel := context.WithCancel(t.Context())
	call := add()
	call.Written = cancel
	got := c.Try(ctx, call)
	assert.True(t, got.Wrote)
	assert.Equal(t, model.Disconnected, got.Reason)
}
