package ingress

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"retain/internal/poll"
	"retain/runtime"
	"retain/service"
)

// PollInterval is the time between two checks of a runtime that is starting.
const PollInterval = 10 * time.Millisecond

// firstBound bounds the first check of a runtime that is starting: a call that is
// made too early can hang while a later one is answered. After a check that ran into
// its bound, the bound doubles, up to longestBound: a slow runtime is ready all the
// same.
const (
	firstBound   = time.Second
	longestBound = 16 * time.Second
)

// ErrWrongServer is wrapped when the probe answers with another nonce, or never with
// one, or without the endpoint proxy: the call went to somebody else's server or
// deployment.
var ErrWrongServer = errors.New("another server or deployment answers at this address")

// ErrMixedUp is wrapped when a probe gets an answer that no probe has, such as half
// an answer or another call's. A second probe shows whether the server or this
// process is at fault: see [Client.Ask].
var ErrMixedUp = errors.New("a call was not answered with its own answer")

// ErrUnregistered is wrapped when the server does not know the service of a probe: a
// deployment that was registered is gone.
var ErrUnregistered = errors.New("the server does not know the deployment")

// Final reports whether an error of a probe is one that waiting does not mend.
func Final(err error) bool { return errors.Is(err, ErrWrongServer) || errors.Is(err, ErrMixedUp) }

// Milestones are called as a runtime comes up, each at most once.
type Milestones struct {
	Port, Health, FirstProbe func()
}

// AwaitReady waits until a probe went through in the partition of each of the
// keys (a probe object with the same key is in the same partition); without keys,
// in any. The context bounds the whole recovery; the error then says how far the
// runtime came. A wrong server ends the wait at once.
func AwaitReady(ctx context.Context, ep runtime.Endpoints, prober Prober, keys []string, m Milestones) error {
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
	return c.probes(ctx, prober, keys, p, m.FirstProbe)
}

// probes waits for one probe per key. That of the first key goes ahead: partitions become
// ready at about the same time, and the handler of each probe that came too early is
// called all the same. The others follow side by side when it was answered, or has not
// been for firstBound.
func (c *Client) probes(ctx context.Context, prober Prober, keys []string, p patience, first func()) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	follow, stop := context.WithTimeout(ctx, firstBound)
	defer stop()
	var once sync.Once
	errs, ends := make([]error, len(keys)), make(chan int, len(keys))
	for i, key := range keys {
		go func(p patience) {
			if i > 0 {
				<-follow.Done()
			}
			err := p.poll(ctx, func(ctx context.Context) error { return c.hedgedProbe(ctx, key, prober) })
			if err == nil {
				once.Do(func() { call(first) })
			}
			if i == 0 {
				stop()
			}
			errs[i] = err
			ends <- i
		}(p)
	}
	var wrong error
	passed := 0
	for range keys {
		switch err := errs[<-ends]; {
		case err == nil:
			passed++
		case Final(err):
			wrong = err
			cancel()
		}
	}
	if wrong != nil || passed == len(keys) {
		return wrong
	}
	late := errs[slices.IndexFunc(errs, func(err error) bool { return err != nil })] // of the one that was asked first
	return fmt.Errorf("the ingress says it is healthy, and probe calls went through for %d of %d keys: %w", passed, len(keys), late)
}

// hedgeAfter is how long a probe may take before hedged ones are sent, and the bound
// of each of those: at least that, and a part of what the probe itself may take. The
// server calls the handlers of hedged probes that were given up too, so a server that is
// slower than they are sent would never catch up.
const (
	hedgeAfter = 100 * time.Millisecond
	mostHedges = 8 // of one probe
)

// hedgedProbe is a probe that is answered as soon as the partition is ready. A call
// that came too early often hangs for long after that, while a later one is answered
// in milliseconds; on a slow runtime it is the other way round. So the first one
// waits, and until it is answered hedged ones are sent, one after the other.
func (c *Client) hedgedProbe(ctx context.Context, key string, prober Prober) error {
	ctx, cancel := context.WithCancel(ctx)
	first := make(chan error, 1)
	go func() {
		first <- c.Probe(ctx, key, prober)
		cancel() // the hedged ones are not needed any more
	}()
	defer cancel()
	pace := hedgeAfter
	if end, bounded := ctx.Deadline(); bounded {
		pace = max(pace, time.Until(end)/mostHedges)
	}
	tick := time.NewTicker(pace)
	defer tick.Stop()
	for {
		select {
		case err := <-first:
			return err
		case <-tick.C:
		}
		hedge, end := context.WithTimeout(ctx, pace)
		err := c.Probe(hedge, key, prober)
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
	var last error // of a look that the end of the wait did not cut short
	err := poll.Until(ctx, PollInterval, func() error {
		bounded, cancel := context.WithTimeout(ctx, time.Duration(*p))
		defer cancel()
		err := look(bounded)
		if bounded.Err() != nil {
			*p = min(2**p, patience(longestBound))
		}
		if Final(err) {
			return poll.Stop(err)
		}
		if err != nil && (last == nil || !cutShort(ctx, err)) {
			last = err
		}
		return err
	})
	if err != nil && !Final(err) {
		return fmt.Errorf("%w (last answer: %w)", err, last)
	}
	return err
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
	_, err := c.get(ctx, c.base+"/restate/health")
	return err
}

// Probe makes one call through the partition of the key. It uses a fresh
// idempotency key, so that no cache answers, and checks whose answer it is.
func (c *Client) Probe(ctx context.Context, key string, prober Prober) error {
	return prober.probe(ctx, c, key)
}

// mostGarbled is how many answers in a row that no probe gives come from another
// server.
const mostGarbled = 5

// Ask makes a probe call, and makes it again where the answer is one that no probe
// gives: nothing but such answers come from a wrong server.
func (c *Client) Ask(ctx context.Context, key string, prober Prober) error {
	for n := 1; ; n++ {
		err := c.Probe(ctx, key, prober)
		if !errors.Is(err, ErrMixedUp) {
			return err
		}
		if n == mostGarbled {
			return fmt.Errorf("%w: %w, and so %d times in a row", ErrWrongServer, err, n)
		}
	}
}

func (c *Client) get(ctx context.Context, target string) ([]byte, error) {
	req, err := newRequest(ctx, http.MethodGet, target, nil)
	if err != nil {
		return nil, err
	}
	return c.answer(req)
}

// call calls a handler under a fresh idempotency key, with a tag unless it is "".
func (c *Client) call(ctx context.Context, target string, body []byte, tag string) ([]byte, error) {
	req, err := newRequest(ctx, http.MethodPost, target, body)
	if err != nil {
		return nil, err
	}
	req.Header["idempotency-key"] = []string{uuid.NewString()}
	if tag != "" {
		req.Header[service.TagHeader] = []string{tag}
	}
	return c.answer(req)
}

// answer is the body of the answer 200 to a request.
func (c *Client) answer(req *http.Request) ([]byte, error) {
	r := c.roundTrip(req, nil)
	if r.err != nil {
		return nil, r.err
	}
	if r.status == http.StatusNotFound && req.Method == http.MethodPost {
		return nil, fmt.Errorf("%w: %s %s: %d %.200s", ErrUnregistered, req.Method, req.URL, r.status, bytes.TrimSpace(r.body))
	}
	if r.status != http.StatusOK {
		return nil, fmt.Errorf("%s %s: %d %.200s", req.Method, req.URL, r.status, bytes.TrimSpace(r.body))
	}
	return r.body, nil
}
