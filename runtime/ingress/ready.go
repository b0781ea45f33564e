package ingress

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/google/uuid"

	"retain/runtime"
)

// CanaryService is the virtual object that readiness is asked of. Its exclusive
// handler "ping" answers {"nonce": s}, with a nonce that only this deployment
// knows.
const CanaryService = "RetainCanary"

// PollInterval is the pause between two looks at a runtime that is coming up.
const PollInterval = 10 * time.Millisecond

// canaryBound bounds one canary. A call that is made too early can hang while a
// later one is answered.
const canaryBound = time.Second

// ErrWrongServer is wrapped when the canary answers with another nonce: the
// call went to somebody else's server or deployment.
var ErrWrongServer = errors.New("another server or deployment answers at this address")

// Milestones are called as a runtime comes up, each at most once.
type Milestones struct {
	Port, Health, FirstCanary func()
}

// AwaitReady waits until a canary went through in the partition of each of the
// keys (a canary object with the same key is in the same partition). The context
// bounds the whole recovery; the error then says how far the runtime came.
func AwaitReady(ctx context.Context, ep runtime.Endpoints, nonce string, keys []string, m Milestones) error {
	c := New(ep)
	defer c.Close()
	if err := poll(ctx, c.port); err != nil {
		return fmt.Errorf("the ingress at %s never accepted a connection: %w", ep.Ingress, err)
	}
	call(m.Port)
	if err := poll(ctx, c.Health); err != nil {
		return fmt.Errorf("the ingress accepted connections and never said it was healthy: %w", err)
	}
	call(m.Health)
	var first sync.Once
	failures := make(chan error, len(keys))
	for _, key := range keys {
		go func() {
			err := poll(ctx, func(ctx context.Context) error { return c.Canary(ctx, key, nonce) })
			if err == nil {
				first.Do(func() { call(m.FirstCanary) })
			}
			failures <- err
		}()
	}
	var err error
	for range keys {
		if e := <-failures; e != nil {
			err = fmt.Errorf("the ingress says it is healthy and a canary call never went through: %w", e)
		}
	}
	return err
}

func call(f func()) {
	if f != nil {
		f()
	}
}

// poll tries until it succeeds, the context ends, or the server is a wrong one.
func poll(ctx context.Context, try func(context.Context) error) error {
	tick := time.NewTicker(PollInterval)
	defer tick.Stop()
	for {
		attempt, cancel := context.WithTimeout(ctx, canaryBound)
		err := try(attempt)
		cancel()
		if err == nil || errors.Is(err, ErrWrongServer) {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w (last answer: %w)", context.Cause(ctx), err)
		case <-tick.C:
		}
	}
}

func (c *Client) port(ctx context.Context) error {
	u, err := url.Parse(c.base)
	if err != nil {
		return fmt.Errorf("ingress address: %w", err)
	}
	conn, err := c.transport.DialContext(ctx, "tcp", net.JoinHostPort(u.Hostname(), u.Port()))
	if err != nil {
		return err
	}
	return conn.Close()
}

// Health asks the ingress whether it is healthy. That is not readiness.
func (c *Client) Health(ctx context.Context) error {
	_, err := c.get(ctx, http.MethodGet, c.base+"/restate/health")
	return err
}

// Canary makes one call through the partition of the key. It uses a fresh
// idempotency key, so that no cache answers, and checks the nonce.
func (c *Client) Canary(ctx context.Context, key, nonce string) error {
	body, err := c.get(ctx, http.MethodPost, c.base+"/"+CanaryService+"/"+url.PathEscape(key)+"/ping")
	if err != nil {
		return err
	}
	var answer struct {
		Nonce string `json:"nonce"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return fmt.Errorf("%w: the canary answers %.80q", ErrWrongServer, body)
	}
	if answer.Nonce != nonce {
		return fmt.Errorf("%w: the canary answers with the nonce %q, not %q", ErrWrongServer, answer.Nonce, nonce)
	}
	return nil
}

func (c *Client) get(ctx context.Context, method, target string) ([]byte, error) {
	req, err := newRequest(ctx, method, target, nil)
	if err != nil {
		return nil, err
	}
	if method == http.MethodPost {
		req.Header["idempotency-key"] = []string{uuid.NewString()}
	}
	r := c.roundTrip(req, nil)
	if r.err != nil {
		return nil, r.err
	}
	if r.status != http.StatusOK {
		return nil, fmt.Errorf("%s %s: %d %.200s", method, target, r.status, bytes.TrimSpace(r.body))
	}
	return r.body, nil
}
