package runtimetest

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"

	"retain/internal/poll"
	"retain/runtime"
)

var counters atomic.Int64

// SaveCounter is a [Fixture].Save for runtimes that are their own deployment and
// serve the object Counter: what the server keeps is a counter of 1.
func SaveCounter(ctx context.Context, r runtime.Runtime) (check func(context.Context) error, err error) {
	object := fmt.Sprintf("/Counter/saved-%d", counters.Add(1))
	if _, err := call(ctx, r, object+"/add", "1"); err != nil {
		return nil, err
	}
	return func(ctx context.Context) error {
		value, err := call(ctx, r, object+"/get", "")
		if err == nil && string(value) != "1" {
			err = fmt.Errorf("the counter is %s, want 1", value)
		}
		return err
	}, nil
}

// call repeats a call until the server is ready for it.
func call(ctx context.Context, r runtime.Runtime, path, body string) (answer []byte, err error) {
	ctx, cancel := context.WithTimeout(ctx, healthyMax)
	defer cancel()
	ended := poll.Until(ctx, healthyPoll, func() error {
		ep := r.Endpoints()
		answer, err = do(ctx, ep, http.MethodPost, ep.Ingress+path, strings.NewReader(body), http.StatusOK)
		return err
	})
	if ended != nil {
		return nil, fmt.Errorf("%w (last answer: %w)", ended, err)
	}
	return answer, nil
}
