package mitm

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"retain/model"
	"retain/service"
)

// maxBody bounds a body, in bytes.
const maxBody = 64 << 20

// request is a client's request, read to its end.
type request struct {
	method, target string // target is the path with its query
	header         http.Header
	body           []byte
}

func readRequest(r *http.Request) (*request, error) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody))
	header := r.Header.Clone()
	header.Set("Host", r.Host)
	return &request{method: r.Method, target: r.URL.RequestURI(), header: header, body: body}, err
}

// write sends the request in one piece.
func (q *request) write(to io.Writer) error {
	var b bytes.Buffer
	b.WriteString(q.method + " " + q.target + " HTTP/1.1\r\n")
	if len(q.body) > 0 || q.header.Get("Content-Length") != "" {
		q.header.Set("Content-Length", strconv.Itoa(len(q.body)))
	}
	if err := q.header.WriteSubset(&b, map[string]bool{"Transfer-Encoding": true}); err != nil {
		return err
	}
	b.WriteString("\r\n")
	b.Write(q.body)
	_, err := to.Write(b.Bytes())
	return err
}

// instead is a call of another operation on an object of the same service, without an
// idempotency key. It is not the client's operation, so it has not its tag.
func (q *request) instead(c *call, object string, op model.Operation) *request {
	out := q.as(&call{service: c.service, object: object}, op)
	out.header.Del(service.TagHeader)
	return out
}

// as is the same client's call of another operation on the same object, without
// an idempotency key.
func (q *request) as(c *call, op model.Operation) *request {
	header := q.header.Clone()
	header.Del("Idempotency-Key")
	header.Del("Content-Type")
	if op.Request() != nil {
		header.Set("Content-Type", "application/json")
	}
	target := "/" + c.service + "/" + url.PathEscape(c.object) + "/" + op.Handler()
	return &request{method: q.method, target: target, header: header, body: op.Request()}
}

// answer is a response of the server, read to its end.
type answer struct {
	status int
	header http.Header
	body   []byte
}

func readAnswer(in *bufio.Reader) (*answer, error) {
	resp, err := http.ReadResponse(in, nil)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxBody))
	if err != nil {
		return nil, err
	}
	if resp.Close {
		resp.Header.Set("Connection", "close")
	}
	return &answer{status: resp.StatusCode, header: resp.Header, body: body}, nil
}

func (a *answer) ok() bool { return a.status/100 == 2 }

// saying is a success like this one with another body, on any connection.
func (a *answer) saying(body []byte) *answer {
	header := a.header.Clone()
	header.Del("Connection")
	header.Del("Content-Type")
	if len(body) > 0 {
		header.Set("Content-Type", "application/json")
	}
	return &answer{status: http.StatusOK, header: header, body: body}
}

func (a *answer) write(w http.ResponseWriter) {
	h := w.Header()
	h["Date"], h["Content-Type"] = nil, nil // none but the server's own
	for k, v := range a.header {
		h[k] = v
	}
	h.Set("Content-Length", strconv.Itoa(len(a.body)))
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body) // if it fails the client is gone
}

// call is a request that calls an operation of an object and waits for it.
type call struct {
	service, object, handler string
	key                      string // the idempotency key, "" for none
	op                       model.Operation
}

// call reads the request as a call; nil if it is none.
func (q *request) call() *call {
	parts := strings.Split(strings.TrimPrefix(q.target, "/"), "/")
	if len(parts) != 3 {
		return nil
	}
	object, err := url.PathUnescape(parts[1])
	if err != nil {
		return nil
	}
	op, err := model.ParseRequest(parts[0], parts[2], q.body)
	if err != nil {
		return nil
	}
	return &call{service: parts[0], object: object, handler: parts[2], key: q.header.Get("Idempotency-Key"), op: op}
}

// scope is what a table of idempotency keys is divided by.
type scope struct{ service, object, handler string }

func (c *call) scope() scope { return scope{c.service, c.object, c.handler} }

// keyed is one idempotency key in its scope.
type keyed struct {
	scope
	key string
}

func (c *call) keyed() keyed { return keyed{c.scope(), c.key} }

// lookUp reads the request as one for the output of a keyed call.
func (q *request) lookUp() (keyed, bool) {
	parts := strings.Split(strings.TrimPrefix(q.target, "/"), "/")
	if len(parts) != 7 || parts[0] != "restate" || parts[1] != "invocation" || parts[6] != "output" {
		return keyed{}, false
	}
	object, err := url.PathUnescape(parts[3])
	if err != nil {
		return keyed{}, false
	}
	key, err := url.PathUnescape(parts[5])
	return keyed{scope{parts[2], object, parts[4]}, key}, err == nil
}
