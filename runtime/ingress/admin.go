package ingress

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"retain/runtime"
)

// Admin asks the admin API and decodes its JSON answer.
func Admin(ctx context.Context, ep runtime.Endpoints, method, path string, body string, into any) error {
	c := New(ep)
	defer c.Close()
	req, err := newRequest(ctx, method, ep.Admin+path, []byte(body))
	if err != nil {
		return err
	}
	if body == "" {
		req.Body, req.ContentLength = http.NoBody, 0
	}
	req.Header.Set("Accept", "application/json")
	r := c.roundTrip(req, nil)
	if r.err != nil {
		return fmt.Errorf("admin %s: %w", path, r.err)
	}
	if r.status/100 != 2 {
		return fmt.Errorf("admin %s: %d %.300s", path, r.status, strings.TrimSpace(string(r.body)))
	}
	if into == nil {
		return nil
	}
	if err := json.NewDecoder(bytes.NewReader(r.body)).Decode(into); err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("admin %s: %w", path, err)
	}
	return nil
}
