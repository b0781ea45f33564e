package simulated

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"retain/runtime/versions"
	"retain/service"
)

// maxBody is the longest body of a request, in bytes.
const maxBody = 32 << 20

// serveIngress answers one request to the ingress.
func (i *incarnation) serveIngress(w http.ResponseWriter, r *http.Request) {
	if !i.healthy() || i.ingress.refusing() {
		panic(http.ErrAbortHandler) // closes the connection without an answer
	}
	if r.ContentLength > maxBody {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_ = answerWith(w, http.StatusRequestEntityTooLarge, []byte("length limit exceeded"))
		return
	}
	h := w.Header()
	h.Set("Access-Control-Allow-Credentials", "true")
	h.Set("Vary", "origin, access-control-request-method, access-control-request-headers")
	if p := i.route(w, r); p != nil {
		p.write(w, i.version)
	}
}

// route finds what the path names and does it; the problem, if any, is what is
// left to answer.
func (i *incarnation) route(w http.ResponseWriter, r *http.Request) *problem {
	path := strings.TrimSuffix(r.URL.EscapedPath(), "/")
	parts := strings.Split(path, "/")[1:]
	switch {
	case len(parts) < 2 && !versions.Has(i.version, versions.BadPathNamed):
		return badServicePath
	case len(parts) < 2 || len(parts) > 7:
		return &problem{code: http.StatusBadRequest, message: "bad path: " + path}
	case parts[0] != "restate":
		return i.call(w, r, parts)
	case parts[1] == "health":
		return i.health(w, r)
	case parts[1] == "invocation":
		return i.invocation(w, r, parts[2:])
	case parts[1] == "awakeables":
		return i.completes(w, r, parts[2:])
	}
	return notFound
}

func (i *incarnation) health(w http.ResponseWriter, r *http.Request) *problem {
	if r.Method != http.MethodGet {
		return notAllowed
	}
	answerJSON(w, http.StatusOK, map[string][]string{"services": services()})
	return nil
}

// call is /service/key/handler, with /send behind it for one that is not waited
// for.
func (i *incarnation) call(w http.ResponseWriter, r *http.Request, parts []string) *problem {
	if _, exists := find(parts[0], ""); !exists {
		return unknownService(parts[0])
	}
	send := len(parts) == 4 && parts[3] == "send"
	if len(parts) != 3 && !send {
		return badServicePath
	}
	key, err := url.PathUnescape(parts[1])
	if err != nil {
		return &problem{code: http.StatusBadRequest, message: "bad path, cannot decode key: " + err.Error()}
	}
	handler, _ := find(parts[0], parts[2])
	if handler == nil {
		return unknownHandler(parts[0], parts[2])
	}
	if r.Method != http.MethodGet && r.Method != http.MethodPost {
		return notAllowed
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		panic(http.ErrAbortHandler) // the client is gone, or the body longer than it may be
	}
	if p := handler.validate(r.Header, body); p != nil {
		return p
	}
	delay, p := delayOf(r.URL.Query(), send)
	if p != nil {
		return p
	}
	q := &request{
		handler: handler, objectKey: key, op: handler.parse(body, i.nonce), oneWay: send, delay: delay,
		key: r.Header.Get("Idempotency-Key"), tag: r.Header.Get(service.TagHeader),
	}
	return i.submit(w, r, q)
}

// validate holds the request against what the handler takes, as its discovery
// says.
func (h *handler) validate(header http.Header, body []byte) *problem {
	content, given := header.Get("Content-Type"), len(header.Values("Content-Type")) > 0
	bad := func(format string, args ...any) *problem {
		return &problem{code: http.StatusBadRequest, message: "input validation error: " + fmt.Sprintf(format, args...)}
	}
	if !h.takesInput() {
		if len(body) == 0 && !given {
			return nil
		}
		is := "None"
		if given {
			is = fmt.Sprintf("Some(%q)", content)
		}
		return bad("Expected body and content-type to be empty, but wasn't with content-type '%s'", is)
	}
	mime, _, _ := strings.Cut(content, ";")
	switch {
	case !given:
		return bad("Empty content-type")
	case strings.TrimSpace(mime) != "application/json":
		return bad("Content-type '%s' does not match 'application/json'", content)
	case len(body) == 0:
		return bad("Empty body not allowed")
	}
	return nil
}

// delayOf is the delay that a request asks for, 0 for none. Only what is sent has one.
func delayOf(query url.Values, send bool) (time.Duration, *problem) {
	if !query.Has("delay") {
		return 0, nil
	}
	delay, err := time.ParseDuration(query.Get("delay"))
	if err != nil || delay < 0 || !send {
		return 0, &problem{code: http.StatusBadRequest, message: "bad delay query parameter: only sends have one, such as 250ms"}
	}
	return delay, nil
}

// submit has the call accepted and answers it.
func (i *incarnation) submit(w http.ResponseWriter, r *http.Request, q *request) *problem {
	p, ok := i.admit(r, q)
	if !ok {
		panic(http.ErrAbortHandler)
	}
	if p != nil {
		return p
	}
	inv, repeated := i.store.accept(i, q)
	if inv == nil {
		panic(http.ErrAbortHandler)
	}
	if q.oneWay {
		i.acknowledgeSend(w, inv, repeated)
		return nil
	}
	i.answer(w, r, inv, repeated)
	return nil
}

// acknowledgeSend answers that an invocation is accepted.
func (i *incarnation) acknowledgeSend(w http.ResponseWriter, inv *invocation, repeated bool) {
	body := struct {
		ID     string `json:"invocationId"`
		Due    string `json:"executionTime,omitempty"`
		Status string `json:"status"`
	}{ID: inv.id, Status: "Accepted"}
	if repeated {
		body.Status = "PreviouslyAccepted"
	}
	if !inv.due.IsZero() {
		body.Due = inv.due.UTC().Format("2006-01-02T15:04:05.000000000Z")
	}
	if !i.store.send(i, inv) {
		panic(http.ErrAbortHandler)
	}
	w.Header().Set("X-Restate-Id", inv.id)
	answerJSON(w, http.StatusAccepted, body)
	i.store.acknowledge(inv)
}

// unavailable is the share of the calls that come before their partition is
// ready and are not let wait.
const unavailable = 0.25

// admit takes the time that a call needs until it is accepted: a moment, or as
// long as its partition is not ready. Some calls that are too early get a
// problem instead, half of them after they were accepted all the same. It is
// not ok if the call is lost: the client is gone or the incarnation over.
func (i *incarnation) admit(r *http.Request, q *request) (*problem, bool) {
	partition := i.store.partitionOf(q.objectKey)
	if !isClosed(i.ready[partition]) {
		n := i.early.Add(1)
		if draw := i.random.of("early", i.number, n); draw < unavailable {
			if draw < unavailable/2 {
				i.store.accept(i, q)
			}
			return routingProblem, true
		}
		if !i.awaitPartition(r, q.objectKey) {
			return nil, false
		}
	}
	d := i.random.time(i.timings.Accept, "accept", i.number, uint64(partition), hash(q.scope()))
	return nil, i.wait(d) && i.pause.wait(i.ctx)
}

// answer waits for the invocation's end and sends its answer.
func (i *incarnation) answer(w http.ResponseWriter, r *http.Request, inv *invocation, repeated bool) {
	select {
	case <-inv.done:
	case <-i.ctx.Done():
		panic(http.ErrAbortHandler)
	case <-r.Context().Done():
		return
	}
	w.Header().Set("X-Restate-Id", inv.id)
	if repeated {
		w.Header().Set("Idempotency-Expires", inv.finished.UTC().Add(retention).Format("2006-01-02T15:04:05.000+00:00"))
	}
	answer := inv.answer
	if repeated {
		answer = i.store.bare(inv)
	}
	status, body := encode(w, inv, answer, i.version)
	if len(body) > 0 {
		w.Header().Set("Content-Type", "application/json")
	}
	if !i.store.send(i, inv) {
		panic(http.ErrAbortHandler)
	}
	if answerWith(w, status, body) == nil {
		i.store.acknowledge(inv)
	}
}

// answerWith sends a whole answer; without an error its last byte has left.
func answerWith(w http.ResponseWriter, status int, body []byte) error {
	w.Header().Set("Content-Length", fmt.Sprint(len(body)))
	w.WriteHeader(status)
	_, err := w.Write(body)
	return errors.Join(err, http.NewResponseController(w).Flush())
}
