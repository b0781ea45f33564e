package proxy_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	goruntime "runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protowire"
	"retain/service"
	"retain/service/proxy"
)

const (
	patience = 20 * time.Second
	setState = 0x0403
	output   = 0x0401
	end      = 0x0003
	v6       = "application/vnd.restate.invocation.v6"
)

func h2c() *http.Protocols {
	var p http.Protocols
	p.SetUnencryptedHTTP2(true)
	return &p
}

// handlers is an endpoint whose handlers are scripted by the test.
func handlers(t testing.TB, serve http.HandlerFunc) (url string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s := &http.Server{Handler: serve, Protocols: h2c(), HTTP2: &http.HTTP2Config{MaxConcurrentStreams: 100}}
	done := make(chan struct{})
	go func() { defer close(done); _ = s.Serve(l) }()
	t.Cleanup(func() { _ = s.Close(); <-done })
	return "http://" + l.Addr().String()
}

// listen starts a proxy in front of a scripted endpoint.
func listen(t testing.TB, serve http.HandlerFunc) *proxy.Proxy {
	t.Helper()
	p, err := proxy.Listen(proxy.Options{Backend: service.Backend{URL: handlers(t, serve)}})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Close()) })
	return p
}

// server is the runtime's HTTP client, on connections of its own.
func server(t testing.TB) *http.Transport {
	c := &http.Transport{Protocols: h2c()}
	t.Cleanup(c.CloseIdleConnections)
	return c
}

func frame(typ uint16, payload string) []byte {
	b := binary.BigEndian.AppendUint16(nil, typ)
	b = binary.BigEndian.AppendUint32(append(b, 0, 0), uint32(len(payload)))
	return append(b, payload...)
}

func opening(tag string) []byte {
	field := func(b []byte, n protowire.Number, s string) []byte {
		return protowire.AppendString(protowire.AppendTag(b, n, protowire.BytesType), s)
	}
	header := field(field(nil, 1, service.TagHeader), 2, tag)
	return slices.Concat(frame(0, string(field(nil, 2, "inv_"+tag))), frame(0x0400, string(field(nil, 1, string(header)))))
}

// stream is the runtime's end of an attempt.
type stream struct {
	t    testing.TB
	send *io.PipeWriter
	resp chan *http.Response
	err  chan error
	stop context.CancelFunc
	body io.ReadCloser
	// opened is closed when the opening messages have been sent.
	opened chan struct{}
}

func invoke(t testing.TB, p *proxy.Proxy, c *http.Transport, contentType, tag string) *stream {
	t.Helper()
	return invokeWith(t, p, c, contentType, tag, opening(tag))
}

// invokeWith is [invoke] with other messages that open the stream.
func invokeWith(t testing.TB, p *proxy.Proxy, c *http.Transport, contentType, tag string, opening []byte) *stream {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	r, w := io.Pipe()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.URL("")+"/invoke/Svc/h%2Fx", r)
	require.NoError(t, err)
	req.Header.Set("Content-Type", contentType)
	req.Header.Set("x-restate-invocation-id", "inv_of_"+tag)
	s := &stream{t: t, send: w, stop: cancel, opened: make(chan struct{}), resp: make(chan *http.Response, 1), err: make(chan error, 1)}
	go func() {
		resp, err := c.RoundTrip(req)
		s.resp <- resp
		s.err <- err
	}()
	go func() {
		defer close(s.opened)
		_, _ = w.Write(opening)
	}()
	return s
}

// die resets the stream. Go's client notices its context's end only once the
// body that it sends has moved on.
func (s *stream) die() {
	s.stop()
	_ = s.send.CloseWithError(context.Canceled)
}

// response waits for the answer's head.
func (s *stream) response() *http.Response {
	s.t.Helper()
	resp := get(s.t, "response", s.resp)
	require.NoError(s.t, <-s.err)
	s.body = resp.Body
	s.t.Cleanup(func() { _ = resp.Body.Close() })
	return resp
}

// read reads as many bytes as want has, and compares.
func (s *stream) read(want []byte) {
	s.t.Helper()
	got := make(chan []byte, 1)
	go func() {
		b := make([]byte, len(want))
		n, _ := io.ReadFull(s.body, b)
		got <- b[:n]
	}()
	assert.Equal(s.t, want, get(s.t, "bytes", got))
}

func get[T any](t testing.TB, what string, c <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-c:
	case <-time.After(patience):
		t.Fatalf("waited in vain for %s", what)
	}
	return v
}

func write(w http.ResponseWriter, b ...[]byte) {
	_, _ = w.Write(slices.Concat(b...))
	w.(http.Flusher).Flush()
}

func head(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", r.Header.Get("Content-Type"))
	w.WriteHeader(http.StatusOK)
	w.(http.Flusher).Flush()
}

// Both directions go through message by message, while both are open.
func TestProxyStreamsBothWays(t *testing.T) {
	const rounds = 50
	uri := make(chan string, 1)
	p := listen(t, func(w http.ResponseWriter, r *http.Request) {
		uri <- r.RequestURI
		head(w, r)
		b := make([]byte, len(opening("op")))
		_, _ = io.ReadFull(r.Body, b)
		write(w, frame(0x0411, string(b)))
		for range rounds {
			b := make([]byte, len(frame(0x8011, "ping")))
			_, _ = io.ReadFull(r.Body, b)
			write(w, frame(0x0411, string(b)))
		}
		write(w, frame(output, ""), frame(end, ""))
	})
	evidence := make(chan service.Evidence, 10)
	defer p.Observe(func(e service.Evidence) { evidence <- e })()
	s := invoke(t, p, server(t), v6, "op")
	resp := s.response()
	assert.Equal(t, v6, resp.Header.Get("Content-Type"))
	assert.Equal(t, "/invoke/Svc/h%2Fx", get(t, "uri", uri))
	s.read(frame(0x0411, string(opening("op"))))
	for range rounds {
		_, err := s.send.Write(frame(0x8011, "ping"))
		require.NoError(t, err)
		s.read(frame(0x0411, string(frame(0x8011, "ping"))))
	}
	s.read(slices.Concat(frame(output, ""), frame(end, "")))
	e := get(t, "evidence", evidence)
	assert.Equal(t, "op", e.Tag)
	assert.Equal(t, "inv_of_op", e.Invocation)
	assert.Equal(t, 1, e.Attempt)
	assert.Equal(t, service.Entered, e.Reading)
	assert.WithinDuration(t, time.Now(), e.At, patience)
	assert.Equal(t, service.Finished, get(t, "evidence", evidence).Reading)
	require.NoError(t, s.send.Close())
	rest, err := io.ReadAll(s.body)
	require.NoError(t, err)
	assert.Empty(t, rest)
}

// A media type may have parameters, and its case says nothing.
func TestContentTypeWithParametersIsRead(t *testing.T) {
	for _, contentType := range []string{v6 + "; charset=utf-8", v6 + " ;x=1", "Application/vnd.restate.invocation.V6"} {
		p := listen(t, func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.ReadFull(r.Body, make([]byte, len(opening("op"))))
			w.Header().Set("Content-Type", contentType)
			write(w, frame(output, ""), frame(end, ""))
		})
		evidence := make(chan service.Evidence, 10)
		cancel := p.Observe(func(e service.Evidence) { evidence <- e })
		s := invoke(t, p, server(t), contentType, "op")
		assert.Equal(t, contentType, s.response().Header.Get("Content-Type"), "it passes as it is")
		s.read(slices.Concat(frame(output, ""), frame(end, "")))
		assert.Equal(t, service.Entered, get(t, "evidence", evidence).Reading)
		assert.Equal(t, service.Finished, get(t, "evidence", evidence).Reading)
		require.NoError(t, s.send.Close())
		cancel()
	}
}

// The end of the runtime's side reaches the handler, while the answer goes on.
func TestProxyForwardsTheRuntimesClose(t *testing.T) {
	p := listen(t, func(w http.ResponseWriter, r *http.Request) {
		head(w, r)
		b, _ := io.ReadAll(r.Body)
		write(w, frame(setState, string(b)), frame(output, ""), frame(end, ""))
	})
	s := invoke(t, p, server(t), v6, "op")
	s.response()
	require.NoError(t, s.send.Close())
	s.read(slices.Concat(frame(setState, string(opening("op"))), frame(output, ""), frame(end, "")))
}

// What is not an invocation passes, and so does a version that nobody knows yet.
func TestOtherRequestsAreForwarded(t *testing.T) {
	p := listen(t, func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		w.Header().Set("X-Seen", r.Method+" "+r.RequestURI+" "+r.Header.Get("X-Mine")+r.UserAgent())
		w.WriteHeader(http.StatusTeapot)
		write(w, b)
	})
	for _, c := range []struct{ method, path, body, contentType string }{
		{"GET", "/discover?x=%2F", "", ""},
		{"POST", "/health", "hello", ""},
		{"POST", "/prefix/invoke/Svc/h%2Fx", "hello", "text/plain"},
		{"POST", "/invoke/Svc/h", "hello", "text/plain"},
		{"POST", "/invoke/Svc/h", "not messages", v6},
		{"POST", "/invoke/Svc/h", "hello", "application/vnd.restate.invocation.v8"},
		{"POST", "/invoke/Svc/h", string(opening("op")), "application/vnd.restate.invocation.v99"},
	} {
		req, err := http.NewRequest(c.method, p.URL("")+c.path, bytes.NewReader([]byte(c.body)))
		require.NoError(t, err)
		req.Header.Set("Content-Type", c.contentType)
		req.Header.Set("X-Mine", "yes")
		req.Header.Set("User-Agent", "") // sends none, and none is to be added
		resp, err := server(t).RoundTrip(req)
		require.NoError(t, err)
		body, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		assert.Equal(t, http.StatusTeapot, resp.StatusCode)
		assert.Equal(t, c.body, string(body))
		assert.Equal(t, fmt.Sprintf("%s %s yes", c.method, c.path), resp.Header.Get("X-Seen"))
	}
	assert.EqualValues(t, 5, p.Stats().Unread)
}

// Handlers may be served under a path.
func TestBackendsPathIsKept(t *testing.T) {
	url := handlers(t, func(w http.ResponseWriter, r *http.Request) { write(w, []byte(r.RequestURI)) })
	p, err := proxy.Listen(proxy.Options{Backend: service.Backend{URL: url + "/a/b/"}})
	require.NoError(t, err)
	defer p.Close()
	for _, path := range []string{"/discover", "/invoke/Svc/h%2Fx"} {
		req, err := http.NewRequest("POST", p.URL("")+path, nil)
		require.NoError(t, err)
		resp, err := server(t).RoundTrip(req)
		require.NoError(t, err)
		body, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		assert.Equal(t, "/a/b"+path, string(body))
	}
}

// Handlers that speak HTTP/1.1 alone read a request to its end before they answer. Another attempt
// can be cut.
func TestAttemptsOfHandlersInHTTP1AreSeenAndCut(t *testing.T) {
	answer := slices.Concat(frame(setState, "kv"), frame(output, ""), frame(end, ""))
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got, err := io.ReadAll(r.Body)
		assert.NoError(t, err)
		assert.Contains(t, string(got), "inv_")
		assert.Equal(t, 1, r.ProtoMajor)
		head(w, r)
		write(w, answer)
	}))
	t.Cleanup(s.Close)
	p, err := proxy.Listen(proxy.Options{Backend: service.Backend{URL: s.URL, HTTP1: true}})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Close()) })
	evidence := make(chan service.Evidence, 10)
	t.Cleanup(p.Observe(func(e service.Evidence) { evidence <- e }))
	p.Break("cut", service.After)
	for tag, readings := range map[string][]service.Reading{
		"op":  {service.Entered, service.Effect, service.Finished},
		"cut": {service.Entered, service.Effect, service.Broken},
	} {
		x := invoke(t, p, server(t), v6, tag)
		get(t, "opening", x.opened)
		require.NoError(t, x.send.Close())
		x.response()
		for _, want := range readings {
			e := get(t, "evidence", evidence)
			assert.Equal(t, tag, e.Tag)
			assert.Equal(t, want, e.Reading)
		}
		got, err := io.ReadAll(x.body)
		if tag == "op" {
			require.NoError(t, err)
			assert.Equal(t, answer, got)
		} else {
			require.Error(t, err)
		}
	}
}

// An attempt that is suspended is not broken: the next one goes on with it.
func TestGateAfterWaitsOverASuspension(t *testing.T) {
	var attempts atomic.Int32
	p := listen(t, func(w http.ResponseWriter, r *http.Request) {
		head(w, r)
		if attempts.Add(1) == 1 {
			write(w, frame(0x0001, ""))
			return
		}
		write(w, frame(output, ""), frame(end, ""))
	})
	evidence := make(chan service.Evidence, 10)
	defer p.Observe(func(e service.Evidence) { evidence <- e })()
	gate := p.Arm("op", service.After)
	c := server(t)
	s := invoke(t, p, c, v6, "op")
	s.response()
	s.read(frame(0x0001, ""))
	_, err := io.ReadAll(s.body)
	require.NoError(t, err)
	s = invoke(t, p, c, v6, "op")
	get(t, "the gate", gate.Held())
	gate.Open()
	s.response()
	s.read(slices.Concat(frame(output, ""), frame(end, "")))
	for _, want := range []string{"1 entered", "2 entered", "2 finished"} {
		e := get(t, "evidence", evidence)
		assert.Equal(t, want, fmt.Sprint(e.Attempt, " ", e.Reading))
	}
}

// Closing lets held attempts go on, and ends.
func TestCloseReleasesHeldStreams(t *testing.T) {
	p := listen(t, func(w http.ResponseWriter, r *http.Request) {
		head(w, r)
		write(w, frame(output, ""), frame(end, ""))
	})
	gate := p.Arm("op", service.Before)
	s := invoke(t, p, server(t), v6, "op")
	get(t, "the gate", gate.Held())
	require.NoError(t, p.Close())
	s.response()
	s.read(slices.Concat(frame(output, ""), frame(end, "")))
}

// A handler that refuses is passed on, and its attempt is broken.
func TestRefusalIsForwardedAndEndsTheAttemptAsBroken(t *testing.T) {
	p := listen(t, func(w http.ResponseWriter, r *http.Request) { http.Error(w, "no such handler", http.StatusNotFound) })
	evidence := make(chan service.Evidence, 10)
	defer p.Observe(func(e service.Evidence) { evidence <- e })()
	s := invoke(t, p, server(t), v6, "op")
	assert.Equal(t, http.StatusNotFound, s.response().StatusCode)
	s.read([]byte("no such handler\n"))
	assert.Equal(t, service.Entered, get(t, "evidence", evidence).Reading)
	assert.Equal(t, service.Broken, get(t, "evidence", evidence).Reading)
}

// The runtime retries without end. One note is printed until the handlers answer again.
func TestUnreachableBackendIsABadGatewayAndOneNote(t *testing.T) {
	var notes []string
	p, err := proxy.Listen(proxy.Options{Backend: service.Backend{URL: "http://127.0.0.1:1"}, Notice: func(line string) { notes = append(notes, line) }})
	require.NoError(t, err)
	defer p.Close()
	runtime := server(t)
	refused := func() {
		s := invoke(t, p, runtime, v6, "op")
		assert.Equal(t, http.StatusBadGateway, s.response().StatusCode)
		require.NoError(t, s.send.Close())
	}
	refused()
	refused()
	require.Len(t, notes, 1)
	assert.Contains(t, notes[0], "the handlers cannot be reached: dial tcp 127.0.0.1:1")
}

// A handler's stream that breaks is reset towards the runtime: an orderly end
// would look like an answer.
func TestBrokenHandlerGivesBrokenEvidence(t *testing.T) {
	p := listen(t, func(w http.ResponseWriter, r *http.Request) {
		head(w, r)
		write(w, frame(setState, "kv"))
		panic(http.ErrAbortHandler)
	})
	var got []service.Reading
	broken := make(chan struct{})
	defer p.Observe(func(e service.Evidence) {
		if got = append(got, e.Reading); e.Reading == service.Broken {
			close(broken)
		}
	})()
	s := invoke(t, p, server(t), v6, "op")
	s.response()
	_, err := io.ReadAll(s.body)
	require.ErrorContains(t, err, "stream error")
	get(t, "broken", broken)
	assert.Equal(t, []service.Reading{service.Entered, service.Effect, service.Broken}, got)
}

// A probe has no tag: that its handler finished shows that handlers work.
func TestOfACallWithoutTagItIsSeenThatItsHandlerFinished(t *testing.T) {
	p := listen(t, func(w http.ResponseWriter, r *http.Request) {
		head(w, r)
		write(w, slices.Concat(frame(setState, "kv"), frame(output, ""), frame(end, "")))
	})
	evidence := make(chan service.Evidence, 10)
	defer p.Observe(func(e service.Evidence) { evidence <- e })()
	s := invoke(t, p, server(t), v6, "")
	s.response()
	_, err := io.ReadAll(s.body)
	require.NoError(t, err)
	e := get(t, "evidence", evidence)
	assert.Equal(t, service.Finished, e.Reading, "and nothing before")
	assert.Empty(t, e.Tag)
	assert.Empty(t, evidence)
}

// When the runtime's stream dies the handler's dies at once.
func TestLostConnectionCancelsTheHandler(t *testing.T) {
	entered, left := make(chan struct{}), make(chan struct{})
	p := listen(t, func(w http.ResponseWriter, r *http.Request) {
		head(w, r)
		close(entered)
		<-r.Context().Done()
		close(left)
	})
	s := invoke(t, p, server(t), v6, "op")
	get(t, "the handler to be entered", entered)
	s.die()
	get(t, "the handler to be left", left)
}

// While a gate holds before the effect the handler has not seen a byte; if the
// server is killed meanwhile it never does, even if the gate is opened at once.
func TestKillDuringGateBeforeEntersNoHandler(t *testing.T) {
	if goruntime.GOOS != "linux" {
		t.Skip("elsewhere the socket is not asked: a handler may be entered for a server that just died")
	}
	var entered atomic.Int32
	p := listen(t, func(w http.ResponseWriter, r *http.Request) {
		entered.Add(1)
		head(w, r)
		write(w, frame(output, ""), frame(end, ""))
	})
	for i := range 50 {
		tag := fmt.Sprint("op-", i)
		broken := make(chan struct{})
		cancel := p.Observe(func(e service.Evidence) {
			if e.Reading == service.Broken {
				close(broken)
			}
		})
		conns := &killable{}
		c := &http.Transport{Protocols: h2c(), DialContext: conns.dial}
		gate := p.Arm(tag, service.Before)
		invoke(t, p, c, v6, tag)
		get(t, "the gate", gate.Held())
		conns.kill()
		gate.Open()
		get(t, "broken", broken)
		cancel()
	}
	assert.Zero(t, entered.Load())
}

// killable are connections that all end together, as those of a killed process.
type killable struct {
	mu  sync.Mutex
	all []net.Conn
}

func (k *killable) dial(ctx context.Context, network, address string) (net.Conn, error) {
	c, err := (&net.Dialer{}).DialContext(ctx, network, address)
	if err == nil {
		k.mu.Lock()
		defer k.mu.Unlock()
		k.all = append(k.all, c)
	}
	return c, err
}

func (k *killable) kill() {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, c := range k.all {
		_ = c.Close()
	}
}

// A gate after the effect holds the output only, and the server's death releases
// the handler.
func TestLostConnectionDuringGateAfterCancelsTheHandler(t *testing.T) {
	left := make(chan struct{})
	p := listen(t, func(w http.ResponseWriter, r *http.Request) {
		head(w, r)
		write(w, frame(setState, "kv"), frame(output, ""))
		<-r.Context().Done()
		close(left)
	})
	evidence := make(chan service.Evidence, 10)
	defer p.Observe(func(e service.Evidence) { evidence <- e })()
	gate := p.Arm("op", service.After)
	s := invoke(t, p, server(t), v6, "op")
	s.response()
	state := frame(setState, "kv")
	state[2] = 0x80
	s.read(state)
	ackOfFirst := frame(0x0004, "\x08\x01")
	_, err := s.send.Write(ackOfFirst)
	require.NoError(t, err)
	get(t, "the gate", gate.Held())
	s.die()
	get(t, "the handler to be left", left)
	for _, want := range []service.Reading{service.Entered, service.Effect, service.Broken} {
		assert.Equal(t, want, get(t, "evidence", evidence).Reading)
	}
	assert.Zero(t, p.Stats().Unacknowledged)
}

// A cut resets the stream: before the handler, or between effect and output.
func TestBreakResetsTheStreamAtItsGate(t *testing.T) {
	var entered atomic.Int32
	p := listen(t, func(w http.ResponseWriter, r *http.Request) {
		entered.Add(1)
		head(w, r)
		write(w, frame(setState, "kv"), frame(output, ""), frame(end, ""))
	})
	p.Break("before", service.Before)
	s := invoke(t, p, server(t), v6, "before")
	assert.Nil(t, get(t, "response", s.resp))
	require.ErrorContains(t, <-s.err, "stream error")
	assert.Zero(t, entered.Load())

	p.Break("after", service.After)
	s = invoke(t, p, server(t), v6, "after")
	s.response()
	got, err := io.ReadAll(s.body)
	require.ErrorContains(t, err, "stream error")
	assert.Equal(t, frame(setState, "kv"), got)
	assert.EqualValues(t, 2, p.Stats().Cuts)
}

// Many attempts held at once keep nothing from the others.
func TestManyStreamsAreHeldAtOnce(t *testing.T) {
	const many = 600
	p := listen(t, func(w http.ResponseWriter, r *http.Request) {
		head(w, r)
		write(w, frame(output, ""), frame(end, ""))
	})
	c := server(t)
	var held []service.Gate
	var streams []*stream
	for i := range many {
		tag := fmt.Sprint("held-", i)
		at := []service.Position{service.Before, service.After}[i%2]
		held = append(held, p.Arm(tag, at))
		streams = append(streams, invoke(t, p, c, v6, tag))
	}
	for _, g := range held {
		get(t, "a gate", g.Held())
	}
	free := invoke(t, p, c, v6, "free")
	free.response()
	free.read(slices.Concat(frame(output, ""), frame(end, "")))
	p.OpenAll()
	for _, s := range streams {
		s.response()
		s.read(slices.Concat(frame(output, ""), frame(end, "")))
		require.NoError(t, s.send.Close())
	}
	assert.EqualValues(t, many, p.Stats().Holds)
}

// Messages larger than any buffer or window pass, also at a gate.
func TestLargeMessagesAreForwarded(t *testing.T) {
	large := string(bytes.Repeat([]byte("large"), 1<<20))
	p := listen(t, func(w http.ResponseWriter, r *http.Request) {
		head(w, r)
		_, _ = io.CopyN(io.Discard, r.Body, int64(len(opening("op"))))
		b := make([]byte, len(frame(0x8011, large)))
		_, _ = io.ReadFull(r.Body, b)
		write(w, frame(setState, large), b, frame(output, ""), frame(end, ""))
	})
	s := invoke(t, p, server(t), v6, "op")
	go func() {
		<-s.opened // two writers of a pipe have no order
		_, _ = s.send.Write(frame(0x8011, large))
	}()
	s.response()
	s.read(slices.Concat(frame(setState, large), frame(0x8011, large), frame(output, ""), frame(end, "")))
}
