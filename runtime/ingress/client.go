// Package ingress calls a Restate ingress the way a test suite must: one attempt
// is one request, the client knows whether bytes were written, and every response is
// put into the one class that it proves.
//
// The SDKs' own clients hide what is needed here. So does net/http: its
// transport silently sends a request again when it carries an Idempotency-Key
// header and the connection breaks. This client sends that header in lower case,
// which the transport does not look for and HTTP does not distinguish, and counts
// the bytes on each connection.
package ingress

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"

	"retain/model"
	"retain/runtime"
	"retain/runtime/versions"
	"retain/service"
)

// maxBody bounds a response's body, in bytes.
const maxBody = 64 << 20

// Client calls the ingress of one life of a server. A new life has new
// addresses and gets a new client. It is safe for concurrent use.
type Client struct {
	base      string
	admin     string
	version   string
	transport *http.Transport
}

// New makes a client for these endpoints.
func New(ep runtime.Endpoints) *Client {
	dial := ep.Dial
	if dial == nil {
		dial = (&net.Dialer{}).DialContext
	}
	return &Client{
		base:    ep.Ingress,
		admin:   ep.Admin,
		version: ep.Version,
		transport: &http.Transport{
			DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
				c, err := dial(ctx, network, address)
				if err != nil {
					return nil, err
				}
				return &meteredConn{Conn: c}, nil
			},
			MaxIdleConnsPerHost: 256,
			DisableCompression:  true,
		},
	}
}

// Version is the server's version, as [runtime.Endpoints] has it.
func (c *Client) Version() string { return c.version }

// Close closes the idle connections.
func (c *Client) Close() { c.transport.CloseIdleConnections() }

// Call is one operation as it goes over the wire.
type Call struct {
	// ObjectKey is the key of the virtual object.
	ObjectKey string
	Op        model.Operation
	// IdempotencyKey is sent unless it is "". Of an operation that asks for the answer of
	// another one it is the key of that.
	IdempotencyKey string
	// Invocation is the id of the one that a [model.Manage] is about.
	Invocation string
	// Tag is sent as [service.TagHeader] unless it is "".
	Tag string
	// Written, if set, is called once, when the last byte of the request has been
	// handed to the system, or with the answer's first byte: a body larger than the
	// transport's buffer (4 KiB) does not show when it has left. It must not block.
	Written func()
}

// Try makes one attempt. It ends with the context, which bounds it. One of an operation that
// is sent ends as soon as the runtime has accepted it.
func (c *Client) Try(ctx context.Context, call Call) Result {
	if a := model.AskingOf(call.Op); a.For != nil {
		return c.askFor(ctx, call, a)
	}
	if m, manages := call.Op.(model.Manage); manages {
		return c.manage(ctx, call, m)
	}
	switch a := model.AwakingOf(call.Op); {
	case a.Completion != nil:
		return c.complete(ctx, call, a)
	case a.Published != nil:
		return c.await(ctx, call, a)
	}
	how := ""
	if d := model.DeferralOf(call.Op); d.Sent {
		how = "/send"
		if d.DelayMs > 0 {
			how += fmt.Sprintf("?delay=%dms", d.DelayMs)
		}
	}
	req, err := c.request(ctx, call, call.Op, how)
	if err != nil {
		return Result{Reason: model.NotSent, Detail: err.Error()}
	}
	if submit, is := call.Op.(model.AnswerSubmit); is && submit.Fails && versions.Has(c.version, versions.ErrorMetadata) {
		req.Header[service.MetadataHeader] = []string{"true"}
	}
	raw := c.roundTrip(req, call.Written)
	return classify(raw, call, c.version)
}

// request makes the request that calls the handler of an operation on a call's object: how is what
// stands behind the handler. One of the call's own operation has its key and its tag.
func (c *Client) request(ctx context.Context, call Call, op model.Operation, how string) (*http.Request, error) {
	target := c.base + "/" + op.Kind().Service() + "/" + url.PathEscape(call.ObjectKey) + "/" + op.Handler() + how
	req, err := newRequest(ctx, http.MethodPost, target, op.Request())
	if err != nil || op != call.Op {
		return req, err
	}
	if call.IdempotencyKey != "" {
		req.Header["idempotency-key"] = []string{call.IdempotencyKey}
	}
	if call.Tag != "" {
		req.Header[service.TagHeader] = []string{call.Tag}
	}
	return req, nil
}

// LookUp asks read-only for the output of an earlier operation by its key. A
// result without an answer and without an error says that there is none (yet).
func (c *Client) LookUp(ctx context.Context, call Call) Result {
	if a := model.AwakingOf(call.Op); a.Published != nil {
		return c.lookUpPublished(ctx, call, a)
	}
	return c.ask(ctx, call, byKey(call)+"/output")
}

// Attach waits until an earlier invocation has ended: the one with this id, or else the one
// of the call's handler with its idempotency key. The answer is that of the handler.
// [Result.Unknown] is true if the runtime knows no such invocation.
func (c *Client) Attach(ctx context.Context, call Call, id string) Result {
	if id == "" {
		id = byKey(call)
	}
	return c.ask(ctx, call, id+"/attach")
}

// askFor makes an attempt of an operation that asks for the answer of another one. That the
// runtime does not know it, or has no answer yet, is an answer too.
func (c *Client) askFor(ctx context.Context, call Call, a model.Asking) Result {
	of := call
	of.Op = a.For
	verb := "/output"
	if a.Waits {
		verb = "/attach"
	}
	out := c.askWith(ctx, call, byKey(of)+verb, call.Written)
	switch {
	case out.Unknown:
		out.Answer, out.Reason = model.Unknown{}, ""
	case out.Status == notReady:
		out.Answer, out.Reason = model.Unfinished{}, ""
	}
	return out
}

// notReady is the status of an output that there is not yet.
const notReady = 470

// byKey names an invocation by its idempotency key.
func byKey(call Call) string {
	return strings.Join([]string{call.Op.Kind().Service(), url.PathEscape(call.ObjectKey), call.Op.Handler(), url.PathEscape(call.IdempotencyKey)}, "/")
}

// ask asks for an invocation. Of an operation that is sent, it is what that invokes.
func (c *Client) ask(ctx context.Context, call Call, what string) Result {
	return c.askWith(ctx, call, what, nil)
}

// askWith is [Client.ask] that says when the request was written.
func (c *Client) askWith(ctx context.Context, call Call, what string, written func()) Result {
	if d := model.DeferralOf(call.Op); d.Sent {
		call.Op = d.Invokes
	}
	req, err := newRequest(ctx, http.MethodGet, c.base+"/restate/invocation/"+what, nil)
	if err != nil {
		return Result{Reason: model.NotSent, Detail: err.Error()}
	}
	r := c.roundTrip(req, written)
	out := classify(r, call, c.version)
	out.Unknown = r.err == nil && r.status == http.StatusNotFound && !ofService(r.body)
	return out
}

// ofService reports whether a 404 is about the service or its handler, which the runtime does
// not know then, and not about an invocation.
func ofService(body []byte) bool {
	var p problem
	_ = json.Unmarshal(body, &p)
	return strings.Contains(p.Message, "service '")
}

func newRequest(ctx context.Context, method, target string, body []byte) (*http.Request, error) {
	var reader io.Reader
	if body != nil {
		reader = strings.NewReader(string(body))
	}
	req, err := http.NewRequestWithContext(ctx, method, target, reader)
	if err != nil {
		return nil, fmt.Errorf("make request: %w", err)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	return req, nil
}

// response is what came back, unjudged.
type response struct {
	wrote  bool
	status int
	header http.Header
	body   []byte
	err    error
}

func (c *Client) roundTrip(req *http.Request, written func()) response {
	meter := meter{notify: written}
	trace := &httptrace.ClientTrace{
		GotConn: func(i httptrace.GotConnInfo) { meter.use(i.Conn) },
		// It is called before the buffer's last bytes leave.
		WroteRequest:         func(i httptrace.WroteRequestInfo) { meter.buffered.Store(i.Err == nil) },
		GotFirstResponseByte: meter.tell,
	}
	resp, err := c.transport.RoundTrip(req.WithContext(httptrace.WithClientTrace(req.Context(), trace)))
	if err != nil {
		return response{wrote: meter.wrote(), err: err}
	}
	defer resp.Body.Close()
	body, err := readBody(resp)
	return response{wrote: true, status: resp.StatusCode, header: resp.Header, body: body, err: err}
}

// readBody reads a whole body. One that ends with its connection can't be told
// from one that was cut off, and is an error.
func readBody(resp *http.Response) ([]byte, error) {
	if resp.ContentLength < 0 && len(resp.TransferEncoding) == 0 {
		return nil, errors.New("the answer does not say how long it is, so it may have been cut off")
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxBody+1))
	if err == nil && len(body) > maxBody {
		return nil, fmt.Errorf("the answer is longer than %d bytes", maxBody)
	}
	return body, err
}
