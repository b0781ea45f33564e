package runtimetest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"retain/internal/poll"
	"retain/runtime"
)

const (
	// healthyMax bounds the time from a start to health.
	healthyMax = 30 * time.Second
	// healthyPoll is the pause between two requests.
	healthyPoll = 5 * time.Millisecond
	// answerMax bounds one request.
	answerMax = 2 * time.Second
)

// Healthy waits until the admin API and the ingress answer their health checks. It
// fails at once if the server ends.
func Healthy(ctx context.Context, r runtime.Runtime) error {
	ctx, cancel := context.WithTimeout(ctx, healthyMax)
	defer cancel()
	var exited <-chan struct{}
	if e, can := r.(runtime.Exiter); can {
		exited = e.Exited()
	}
	var unhealthy error
	err := poll.Until(ctx, healthyPoll, func() error {
		ep := r.Endpoints()
		_, unhealthy = get(ctx, ep, ep.Admin+"/health")
		if unhealthy == nil {
			_, unhealthy = get(ctx, ep, ep.Ingress+"/restate/health")
		}
		select {
		case <-exited:
			return poll.Stop(errors.New("the server ended before it was healthy"))
		default:
			return unhealthy
		}
	})
	if err != nil && unhealthy != nil {
		return fmt.Errorf("wait for health: %w (last answer: %w)", err, unhealthy)
	}
	return err
}

// answers reports whether the server answers a health check.
func answers(ctx context.Context, r runtime.Runtime) bool {
	ep := r.Endpoints()
	_, err := get(ctx, ep, ep.Admin+"/health")
	return err == nil
}

// get makes one request on a connection of its own and returns the body of a
// success.
func get(ctx context.Context, ep runtime.Endpoints, url string) ([]byte, error) {
	return do(ctx, ep, http.MethodGet, url, nil, http.StatusOK)
}

// do makes one request on a connection of its own. Any other status than the one
// wanted is an error.
func do(ctx context.Context, ep runtime.Endpoints, method, url string, body io.Reader, want int) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, answerMax)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, url, body)
	if err != nil {
		return nil, err
	}
	if body != nil && request.ContentLength > 0 {
		request.Header.Set("Content-Type", "application/json")
	}
	transport := &http.Transport{DisableKeepAlives: true, DialContext: ep.Dial}
	response, err := transport.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != want {
		err = fmt.Errorf("%s %s: %s: %s", method, url, response.Status, text)
	}
	return text, err
}
