package runtimetest

import (
	"io"
	"net/http"
	"strings"

	"retain/service"
)

// Response is the answer to a request, or the error instead of one.
type Response struct {
	Status int
	Header http.Header
	Body   string
	Err    error
}

// Headers are the headers of a call that differ between tests. Empty ones are not
// sent.
type Headers struct {
	Key string // of idempotency
	Tag string // in [service.TagHeader]
}

// NewCall is a call of a handler, with a JSON body unless that is empty.
func NewCall(url, body string, with ...Headers) (*http.Request, error) {
	request, err := http.NewRequest(http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	for _, w := range with {
		if w.Key != "" {
			request.Header["idempotency-key"] = []string{w.Key} // not canonical: Go would send it again
		}
		if w.Tag != "" {
			request.Header.Set(service.TagHeader, w.Tag)
		}
	}
	return request, nil
}

// Exchange sends a request and reads the whole answer.
func Exchange(through http.RoundTripper, request *http.Request) Response {
	response, err := through.RoundTrip(request)
	if err != nil {
		return Response{Err: err}
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return Response{Status: response.StatusCode, Header: response.Header, Body: string(body), Err: err}
}
