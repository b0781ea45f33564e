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

// firstBound bounds the first look at a runtime that is coming up: a call that is
// made too early can hang while a later one is answered. Each look that ran into
// its bound gives the next one twice as long, up to longestBound: a slow runtime
// is ready all the same.
const (
	firstBound   = time.Second
	longestBound = 16 * time.Second
)

// ErrWrongServer is wrapped when the canary answers with another nonce, or never with
// one: the call went to somebody else's server or deployment.
var ErrWrongServer = errors.New("another server or deployment answers at this address")

// ErrMixedUp is wrapped when the canary is answered with what is nobody's canary, such
// as half an answer or another call's. Whose fault that is shows when it is asked
// again: see [Client.Ask].
var ErrMixedUp = errors.New("a call was not answered with its own answer")

// ErrUnregistered is wrapped when the server knows no canary: a deployment that was
// registered is gone.
var ErrUnregistered = errors.New("the server does not know the deployment")

// Final reports whether a canary was answered by what it must not be: waiting for
// another answer does not help.
func Final(err error) bool { return errors.Is(err, ErrWrongServer) || errors.Is(err, ErrMixedUp) }

// Milestones are called as a runtime comes up, each at most once.
type Milestones struct {
	Port, Health, FirstCanary func()
}

// AwaitReady waits until a canary went through in the partition of each of the
// keys (a canary object with the same key is in the same partition); without keys,
// in any. The context bounds the whole recovery; the error then says how far the
// runtime came. A wrong server ends the wait at once.
func AwaitReady(ctx context.Context, ep runtime.Endpoints, nonce string, keys []string, m Milestones) error {
	c := New(ep)
	defer c.Close()
	p := patience(firstBound)
	if err := p.poll(ctx, c.port); err != nil {
		return fmt.Errorf("the ingress at %s never accepted a connection: %w", ep.Ingress, err)
	}
	call(m.Port)
	if err := p.poll(ctx, c.Health); err != nil {
		return fmt.Errorf("the ingress accepted connections and never said it was healthy: %w", err)
	}
	call(m.Health)
	if len(keys) == 0 {
		keys = []string{"any"}
	}
	return c.canaries(ctx, nonce, keys, p, m.FirstCanary)
}

// canaries waits for one canary per key, side by side.
func (c *Client) canaries(ctx context.Context, nonce string, keys []string, p patience, first func()) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var once sync.Once
	ends := make(chan error, len(keys))
	for _, key := range keys {
		go func(p patience) {
			err := p.poll(ctx, func(ctx context.Context) error { return c.canaryInTime(ctx, key, nonce) })
			if err == nil {
				once.Do(func() { call(first) })
			}
			ends <- err
		}(p)
	}
	var wrong, late error
	passed := 0
	for range keys {
		switch err := <-ends; {
		case err == nil:
			passed++
		case Final(err):
			wrong = err
			cancel()
		case late == nil:
			late = err
		}
	}
	switch {
	case wrong != nil:
		return wrong
	case late != nil:
		return fmt.Errorf("the ingress says it is healthy, and canary calls went through for %d of %d keys: %w", passed, len(keys), late)
	}
	return nil
}

// besideAfter is how long a canary may take before others are sent beside it, and
// the bound of each of those.
const besideAfter = 100 * time.Millisecond

// canaryInTime is a canary that is answered as soon as the partition is ready. A
// call that came too early often hangs for long after that, while a later one is
// answered in milliseconds; on a slow runtime it is the other way round. So the
// first one is left to wait, and as long as it is silent others are sent beside
// it, one after the other.
func (c *Client) canaryInTime(ctx context.Context, key, nonce string) error {
	ctx, cancel := context.WithCancel(ctx)
	first := make(chan error, 1)
	go func() {
		first <- c.Canary(ctx, key, nonce)
		cancel() // nobody needs the others any more
	}()
	defer cancel()
	tick := time.NewTicker(besideAfter)
	defer tick.Stop()
	for {
		select {
		case err := <-first:
			return err
		case <-tick.C:
		}
		beside, end := context.WithTimeout(ctx, besideAfter)
		err := c.Canary(beside, key, nonce)
		end()
		if err == nil || Final(err) {
			cancel()
			<-first
			return err
		}
	}
}

func call(f func()) {
	if f != nil {
		f()
	}
}

// patience is the bound of the next look.
type patience time.Duration

// poll looks until it succeeds, the context ends, or the server is a wrong one.
func (p *patience) poll(ctx context.Context, look func(context.Context) error) error {
	tick := time.NewTicker(PollInterval)
	defer tick.Stop()
	var last error // of a look that the end of the wait did not cut short
	for {
		bounded, cancel := context.WithTimeout(ctx, time.Duration(*p))
		err := look(bounded)
		if bounded.Err() != nil {
			*p = min(2**p, patience(longestBound))
		}
		cancel()
		if err == nil || Final(err) {
			return err
		}
		if last == nil || !cutShort(ctx, err) {
			last = err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w (last answer: %w)", context.Cause(ctx), last)
		case <-tick.C:
		}
	}
}

// cutShort reports whether the end of the context is what ended a look. The
// system's timers may be a little earlier than the context's.
func cutShort(ctx context.Context, err error) bool {
	end, bounded := ctx.Deadline()
	return ctx.Err() != nil || bounded && timedOut(err) && time.Until(end) < PollInterval
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
	switch err := json.Unmarshal(body, &answer); {
	case err != nil || answer.Nonce == "":
		return fmt.Errorf("%w: the canary was answered with %.80q", ErrMixedUp, body)
	case answer.Nonce != nonce:
		return fmt.Errorf("%w: the canary answers with the nonce %q, not %q", ErrWrongServer, answer.Nonce, nonce)
	}
	return nil
}

// mostGarbled is how many answers in a row that no canary gives come from another
// server.
const mostGarbled = 5

// Ask makes a canary call, and makes it again where the answer is one that no canary
// gives: nothing but such answers come from a wrong server.
func (c *Client) Ask(ctx context.Context, key, nonce string) error {
	for n := 1; ; n++ {
		err := c.Canary(ctx, key, nonce)
		if !errors.Is(err, ErrMixedUp) {
			return err
		}
		if n == mostGarbled {
			return fmt.Errorf("%w: %w, and so %d times in a row", ErrWrongServer, err, n)
		}
	}
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
	if r.status == http.StatusNotFound && method == http.MethodPost {
		return nil, fmt.Errorf("%w: %s %s: %d %.200s", ErrUnregistered, method, target, r.status, bytes.TrimSpace(r.body))
	}
	if r.status != http.StatusOK {
		return nil, fmt.Errorf("%s %s: %d %.200s", method, target, r.status, bytes.TrimSpace(r.body))
	}
	return r.body, nil
}
