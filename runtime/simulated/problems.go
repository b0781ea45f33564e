package simulated

import (
	"encoding/json"
	"fmt"
	"net/http"

	"retain/model"
	"retain/runtime/versions"
)

// problem is an error of the ingress itself.
type problem struct {
	code    int
	message string
}

var (
	badServicePath = &problem{http.StatusBadRequest,
		"bad path, expected either /:service-name/:handler or /:object-name/:object-key/:handler"}
	badInvocationPath = &problem{http.StatusBadRequest,
		"bad path, expected either /restate/invocation/:invocation_id/output or /restate/invocation/:invocation_id/attach or " +
			"/restate/invocation/:invocation_target/:idempotency_key/output or /restate/invocation/:invocation_target/:idempotency_key/attach"}
	notFound       = &problem{http.StatusNotFound, "not found"}
	noInvocation   = &problem{http.StatusNotFound, "invocation not found"}
	notAllowed     = &problem{http.StatusMethodNotAllowed, "method not allowed"}
	notReady       = &problem{statusNotReady, "the invocation exists but has not completed yet"}
	routingProblem = &problem{http.StatusServiceUnavailable,
		"internal routing error: the partition is not ready. If the request has an 'idempotency-key', it can be safely retried, " +
			"otherwise submitting it again may result in executing the invocation twice."}
)

// statusNotReady is the ingress's own status for the output of an open invocation.
const statusNotReady = 470

func unknownService(name string) *problem {
	return &problem{http.StatusNotFound, fmt.Sprintf("service '%s' not found, make sure to register the service before calling it.", name)}
}

func unknownHandler(service, name string) *problem {
	return &problem{http.StatusNotFound, fmt.Sprintf("the service '%s' exists, but the handler '%s' was not found, "+
		"check that the handler exists in the latest registered service version.", service, name)}
}

// errorBody is the body of an error. Servers without [versions.ErrorSource] give no source,
// and no code where the error is the ingress's.
type errorBody struct {
	Code    int    `json:"code,omitempty"`
	Message string `json:"message"`
	Source  string `json:"source,omitempty"`
	// Metadata is what a handler gave its error.
	Metadata json.RawMessage `json:"metadata,omitempty"`
}

func (p *problem) write(w http.ResponseWriter, version string) {
	body := errorBody{Code: p.code, Message: p.message, Source: "ingress"}
	if !versions.Has(version, versions.ErrorSource) {
		body = errorBody{Message: p.message}
	} else {
		w.Header().Set("X-Restate-Error-Source", "ingress")
	}
	answerJSON(w, p.code, body)
}

// failure is the body of a handler's terminal error, and its header.
func failure(w http.ResponseWriter, f model.Failure, version string) []byte {
	body := errorBody{Code: f.Code, Message: f.Message, Source: "invocation", Metadata: json.RawMessage(f.Metadata)}
	if !versions.Has(version, versions.ErrorSource) {
		body.Source = ""
	} else {
		w.Header().Set("X-Restate-Error-Source", "invocation")
	}
	return marshal(body)
}

func answerJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = answerWith(w, status, marshal(v)) // if it fails the client is gone
}

func marshal(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("simulated: encode %T: %v", v, err)) // only strings, numbers and structs of them come here
	}
	return b
}
