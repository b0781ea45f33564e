package proxy

import (
	"context"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync"
	"time"

	"retain/service"
)

// invocationHeader carries the invocation's id in the runtime's requests.
const invocationHeader = "X-Restate-Invocation-Id"

type connKey struct{}

func rememberConn(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, c)
}

// ServeHTTP serves the runtime.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !p.begin() {
		panic(http.ErrAbortHandler)
	}
	defer p.serving.Done()
	if r.Method != http.MethodPost || !strings.Contains(r.URL.Path, "/invoke/") {
		p.plain.ServeHTTP(w, r)
		return
	}
	p.stats.streams.Add(1)
	if err := p.invoke(w, r); err != nil {
		// Resets the stream, so that the runtime sees at once that it is broken.
		panic(http.ErrAbortHandler)
	}
}

// begin counts a request that is served, unless the proxy is closed.
func (p *Proxy) begin() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return false
	}
	p.serving.Add(1)
	return true
}

// invoke serves one attempt. An error means that the runtime's stream must be
// reset, or is dead already.
func (p *Proxy) invoke(w http.ResponseWriter, r *http.Request) error {
	// The handler's stream ends with this function, however that ends.
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	version, ok := protocolOf(r.Header.Get("Content-Type"))
	if !ok {
		return p.passUnread(ctx, w, r, nil, "content type "+r.Header.Get("Content-Type"))
	}
	o, err := readOpening(r.Body, version)
	if errors.Is(err, errUnread) {
		return p.passUnread(ctx, w, r, o.raw, err.Error())
	}
	if err != nil {
		return err
	}
	if o.partial {
		p.stats.partial.Add(1)
	}
	if id := r.Header.Get(invocationHeader); id != "" {
		o.invocation = id
	}
	hungUp := func() bool { return false }
	if c, ok := r.Context().Value(connKey{}).(net.Conn); ok {
		hungUp = hangUp(c)
	}
	a := p.enter(version, o.tag, o.invocation, hungUp)
	a.abort = cancel
	p.flights.Enter(a)
	closing, err := a.serve(ctx, w, r, o)
	p.flights.Leave(a)
	a.leave(closing == suspension)
	if closing != end && closing != suspension {
		a.report(service.Broken)
	}
	return err
}

// serve takes the attempt through its gates and the handler. closing is the
// message with which the handler ended the stream, or other.
func (a *attempt) serve(ctx context.Context, w http.ResponseWriter, r *http.Request, o *opening) (closing kind, err error) {
	err = a.pass(ctx, service.Before, func() { a.report(service.Entered) })
	if err == nil {
		err = a.flow(ctx)
	}
	if err != nil {
		return other, err
	}
	body := newRequestBody(r.Body, o, a.version, a.journal, a.waits(service.After))
	body.flow = func() error { return a.flow(ctx) }
	sending, sent := whenSent(ctx)
	resp, err := a.proxy.call(sending, r, body)
	if err != nil {
		return other, a.proxy.refuse(ctx, w, err)
	}
	defer resp.Body.Close()
	flush, err := answerHead(w, resp)
	if err != nil {
		return other, err
	}
	version, ok := protocolOf(resp.Header.Get("Content-Type"))
	if resp.StatusCode != http.StatusOK || !ok || version != a.version {
		return other, copyFlushed(w, flush, resp.Body)
	}
	n := &answer{attempt: a, ctx: ctx, w: w, flush: flush}
	err = n.copy(resp.Body)
	n.reportEffect()
	if err == nil {
		awaitSent(ctx, sent)
	}
	return n.closing, err
}

// sentGrace is how long the proxy waits for the runtime to end its side of a stream whose
// other side has ended.
const sentGrace = 2 * time.Second

// whenSent is a context for a request, and what is closed once all of the request was sent.
func whenSent(ctx context.Context) (context.Context, <-chan struct{}) {
	sent := make(chan struct{})
	done := sync.OnceFunc(func() { close(sent) })
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{WroteRequest: func(httptrace.WroteRequestInfo) { done() }}), sent
}

// awaitSent waits until the runtime has ended its side of a stream, as it does when it has
// read the message that ends the other side. To leave before is to reset the stream on both
// ends. Handlers count resets: those on Java's netty hang up after 200 within half a minute.
func awaitSent(ctx context.Context, sent <-chan struct{}) {
	grace := time.NewTimer(sentGrace)
	defer grace.Stop()
	select {
	case <-sent:
	case <-ctx.Done():
	case <-grace.C:
	}
}

// passUnread forwards a stream as it is.
func (p *Proxy) passUnread(ctx context.Context, w http.ResponseWriter, r *http.Request, read []byte, why string) error {
	p.stats.unread.Add(1)
	p.note("a stream of %s passed unread, without evidence or gates: %s", r.URL.Path, why)
	body := &unreadBody{read: read, ReadCloser: r.Body}
	resp, err := p.call(ctx, r, body)
	if err != nil {
		return p.refuse(ctx, w, err)
	}
	defer resp.Body.Close()
	flush, err := answerHead(w, resp)
	if err != nil {
		return err
	}
	return copyFlushed(w, flush, resp.Body)
}

// call opens the handler's stream.
func (p *Proxy) call(ctx context.Context, r *http.Request, body io.ReadCloser) (*http.Response, error) {
	out, to := r.Clone(ctx), p.backend.Load()
	out.URL.Scheme, out.URL.Host = to.base.Scheme, to.base.Host
	if to.base.Path != "" {
		out.URL.Path = to.base.Path + r.URL.Path
		if r.URL.RawPath != "" {
			out.URL.RawPath = to.base.EscapedPath() + r.URL.RawPath
		}
	}
	out.Host, out.RequestURI = "", ""
	out.Body = body
	if _, ok := out.Header["User-Agent"]; !ok {
		out.Header.Set("User-Agent", "") // keeps the transport from adding its own
	}
	to.Amend(out.Header)
	resp, err := p.transport.RoundTrip(out)
	if err == nil && p.away.Load() {
		p.away.Store(false)
	}
	return resp, err
}

// refuse answers for handlers that cannot be reached.
func (p *Proxy) refuse(ctx context.Context, w http.ResponseWriter, err error) error {
	if ctx.Err() != nil {
		return err
	}
	if time.Now().UnixNano() > p.awaited.Load() && !p.away.Swap(true) { // once, until they answer
		p.note("the handlers cannot be reached: %v", err)
	}
	http.Error(w, "endpoint proxy: the handlers cannot be reached: "+err.Error(), http.StatusBadGateway)
	return nil
}

// answerHead forwards status and headers, at once.
func answerHead(w http.ResponseWriter, resp *http.Response) (flush func() error, err error) {
	maps.Copy(w.Header(), resp.Header)
	w.WriteHeader(resp.StatusCode)
	flush = http.NewResponseController(w).Flush
	return flush, flush()
}

func copyFlushed(w io.Writer, flush func() error, body io.Reader) error {
	buf := buffers.Get().(*[]byte)
	defer buffers.Put(buf)
	for {
		n, err := body.Read(*buf)
		if n > 0 {
			if _, err := w.Write((*buf)[:n]); err != nil {
				return err
			}
			if err := flush(); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// unreadBody is a body of which some was read already.
type unreadBody struct {
	read []byte
	io.ReadCloser
}

// Read reads what was read already, then the rest.
func (b *unreadBody) Read(p []byte) (int, error) {
	if len(b.read) > 0 {
		n := copy(p, b.read)
		b.read = b.read[n:]
		return n, nil
	}
	return b.ReadCloser.Read(p)
}
