package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// exchange is one request and what the server answered. Responses of the admin
// API have paths that begin with "admin:".
type exchange struct {
	Name    string      `json:"name"`
	Method  string      `json:"method"`
	Path    string      `json:"path"`
	Request sent        `json:"request"`
	Status  int         `json:"status"`
	Headers http.Header `json:"headers"`
	Body    string      `json:"body"`
}

// sent is the request beside its method and path.
type sent struct {
	Headers map[string]string `json:"headers,omitempty"`
	Body    string            `json:"body,omitempty"`
	// Filler is a body of that many bytes "a", in quotes, instead of Body.
	Filler int `json:"filler,omitempty"`
}

func (s sent) body() string {
	if s.Filler > 0 {
		return `"` + strings.Repeat("a", s.Filler-2) + `"`
	}
	return s.Body
}

// do makes the exchange. Content-Type is application/json wherever there is a
// body, unless the request says otherwise ("" for none).
func (s *server) do(ctx context.Context, e exchange) (exchange, error) {
	base, path := s.ingress, e.Path
	if rest, admin := strings.CutPrefix(e.Path, "admin:"); admin {
		base, path = s.admin, rest
	}
	body := strings.ReplaceAll(e.Request.body(), "{deployment}", s.service.URL(""))
	req, err := http.NewRequestWithContext(ctx, e.Method, base+path, bytes.NewReader([]byte(body)))
	if err != nil {
		return e, fmt.Errorf("%s: %w", e.Name, err)
	}
	if body == "" {
		req.Body, req.ContentLength = http.NoBody, 0
	} else {
		req.Header.Set("Content-Type", "application/json")
	}
	for k, v := range e.Request.Headers {
		if v == "" {
			req.Header.Del(k)
			continue
		}
		req.Header[k] = []string{v} // as it is: net/http re-sends what carries "Idempotency-Key"
	}
	transport := &http.Transport{DisableCompression: true, DisableKeepAlives: true}
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return e, fmt.Errorf("%s: %w", e.Name, err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return e, fmt.Errorf("%s: read the answer: %w", e.Name, err)
	}
	resp.Header.Del("Date")
	resp.Header.Del("Connection") // our own doing: every request has a connection of its own
	e.Status, e.Headers = resp.StatusCode, resp.Header
	e.Body = strings.ReplaceAll(string(answer), s.service.URL(""), "{deployment}")
	return e, nil
}
