package ingress

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"retain/internal/exactjson"
	"retain/model"
	"retain/runtime/versions"
)

// Result is what one attempt proves. It has an answer or a reason, not both.
type Result struct {
	// Wrote reports whether a byte of the request may have been written.
	Wrote bool
	// Status is the HTTP status, 0 if none came.
	Status int
	// Answer is what the operation returned; a terminal error is an answer.
	Answer model.Answer
	// Reason says why there is no answer.
	Reason model.Reason
	// Detail is the error in words.
	Detail string
	// Invocation is the runtime's id of the invocation, "" if it did not say.
	Invocation string
	// Due is when the invocation is executed, by the server's clock; the zero time unless it
	// was sent with a delay.
	Due time.Time
	// Unknown is true if the runtime says that it knows no such invocation.
	Unknown bool
}

// problem is the body of an error of the ingress or of a handler.
type problem struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
	Source  string `json:"source"`
	// Metadata is what the handler gave its error, an object of strings.
	Metadata json.RawMessage `json:"metadata"`
}

// classify puts a response into the one class that it proves, from a server of a version.
func classify(r response, call Call, version string) Result {
	out := Result{Wrote: r.wrote, Status: r.status}
	if r.header != nil {
		out.Invocation = r.header.Get("x-restate-id")
	}
	if r.err != nil {
		out.Reason, out.Detail = transportReason(r), r.err.Error()
		return out
	}
	if r.status >= 200 && r.status < 300 {
		answer, err := call.Op.Decode(r.body)
		if err != nil {
			answer = model.Garbled(r.body)
			out.Detail = err.Error()
		} else if model.DeferralOf(call.Op).Sent {
			a, _ := model.DecodeAcceptance(r.body) // it was decoded above
			out.Invocation, out.Due = a.Invocation, a.Due
		}
		out.Answer = answer
		return out
	}
	var p problem
	_ = json.Unmarshal(r.body, &p) // a body of another form has no source, and its text stays
	if p.fromHandler(r.header, version) {
		out.Answer = failure(p, r.status, call)
		if exactjson.Check(r.body) != nil && json.Valid(r.body) {
			out.Answer = model.Garbled(r.body) // its text can't be held exactly
		}
		return out
	}
	out.Detail = fmt.Sprintf("%d %.300s", r.status, r.body)
	switch {
	case r.status == http.StatusBadRequest, r.status == http.StatusNotFound,
		r.status == http.StatusRequestEntityTooLarge, r.status == http.StatusTooManyRequests:
		out.Reason = model.Rejected
	case r.status >= 500:
		out.Reason = model.Unavailable
	default:
		out.Reason = model.Unexpected
	}
	return out
}

// fromHandler reports whether the error is the handler's: then the invocation
// ran and its state changes stay. Servers that have [versions.ErrorSource] name the
// source of every error; one without it is not theirs. Older ones do not, but only the
// end of an invocation has both its id in the header and a code in the body; the
// ingress's own errors had neither. With one of the two alone nothing is known, and the
// status decides.
func (p problem) fromHandler(header http.Header, version string) bool {
	source := p.Source
	if source == "" {
		source = header.Get("x-restate-error-source")
	}
	if source != "" {
		return source == "invocation"
	}
	if version != "" && versions.Has(version, versions.ErrorSource) {
		return false
	}
	return p.Code != 0 && header.Get("x-restate-id") != ""
}

func transportReason(r response) model.Reason {
	switch {
	case !r.wrote:
		return model.NotSent
	case timedOut(r.err):
		return model.TimedOut
	default:
		return model.Disconnected
	}
}

// timedOut reports whether a deadline, of a context or of the system, is what
// ended it.
func timedOut(err error) bool {
	var timeout net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.As(err, &timeout) && timeout.Timeout()
}

// failure is the handler's terminal error. Its text is free, but addThenFail
// fails with the key of its object: that text is the expected one.
func failure(p problem, status int, call Call) model.Failure {
	f := model.Failure{Code: p.Code, Message: p.Message}
	if len(p.Metadata) > 0 {
		f.Metadata, _ = model.DecodeMetadata(p.Metadata) // others are no metadata of a handler
	}
	if f.Code == 0 {
		f.Code = status
	}
	if f.Message == call.ObjectKey {
		f.Message = ""
	}
	return f
}
