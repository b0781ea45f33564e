package backend

import (
	"context"
	"net/http"
	"time"

	"retain/harness"
	"retain/runtime"
	"retain/runtime/container"
	"retain/runtime/ingress"
	"retain/service"
	"retain/service/deployment"
	"retain/service/sdk"
)

// Handlers are handlers of others: that listen somewhere, or in a container that is started
// for each server. The zero value is none: the reference service is tested.
type Handlers struct {
	Backend service.Backend
	// Image is the image of the container, Env its environment.
	Image string
	Env   map[string]string
}

// Given reports whether there are any.
func (h Handlers) Given() bool { return h.Backend.URL != "" || h.Image != "" }

// Started reports whether retain starts their process, or that of the reference service: only
// then faults of a process can be done to it.
func (h Handlers) Started() bool { return h.Backend.URL == "" }

const (
	// startPatience is how long handlers may take to listen: a person may start them at the
	// same time as retain.
	startPatience = 15 * time.Second
	// alivePatience is how long handlers that listened may not.
	alivePatience = 2 * time.Second
)

// Discover asks the handlers what they serve. Those of an image are started and ended.
func (o Options) Discover(ctx context.Context) (service.Contract, error) {
	up, contract, err := o.startHandlers(ctx)
	if err != nil {
		return nil, err
	}
	return contract, up.close(ctx)
}

// ownProcess is the process of handlers that retain started.
type ownProcess interface {
	service.Process
	// Exited is closed when what was started last has ended; Ended says in one line how it
	// ended by itself.
	Exited() <-chan struct{}
	Ended() error
}

// running are handlers that listen.
type running struct {
	// backend is where they were at first; a process may move.
	backend service.Backend
	process ownProcess // nil if retain did not start it
	end     func(context.Context) error
	nonce   string // of the reference service
}

// startHandlers brings handlers up and asks what they serve.
func (o Options) startHandlers(ctx context.Context) (*running, service.Contract, error) {
	up := &running{backend: o.Handlers.Backend}
	if o.Handlers.Image != "" {
		started, err := container.StartService(ctx, o.Handlers.Image, o.Handlers.Env, o.notice)
		if err != nil {
			return nil, nil, err
		}
		up.process, up.end = started, started.Close
		up.backend.URL = started.URL("")
	}
	found, err := up.discover(ctx, startPatience)
	if err != nil {
		_ = up.close(ctx) // that it can't be tested comes first
		return nil, nil, err
	}
	up.backend.HTTP1 = found.HTTP1
	return up, found.Contract, nil
}

// discover asks what the handlers serve. If their process ends, the error is how it ended.
func (u *running) discover(ctx context.Context, patience time.Duration) (deployment.Discovered, error) {
	if u.process == nil {
		return deployment.Discover(ctx, u.backend, patience)
	}
	if err := u.process.Ended(); err != nil {
		return deployment.Discovered{}, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	exited := u.process.Exited()
	go func() {
		select {
		case <-exited:
			cancel()
		case <-ctx.Done():
		}
	}()
	now := u.backend
	now.URL = u.process.URL("")
	found, err := deployment.Discover(ctx, now, patience)
	if end := u.process.Ended(); err != nil && end != nil {
		return deployment.Discovered{}, end
	}
	return found, err
}

// alive says in one line why the handlers do not answer, nil if they do.
func (u *running) alive(ctx context.Context) error {
	_, err := u.discover(ctx, alivePatience)
	return err
}

func (u *running) close(ctx context.Context) error {
	if u.end == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	return u.end(ctx)
}

// withHandlers completes a system with the deployment that its server calls.
func (o Options) withHandlers(ctx context.Context, sys *harness.System, bind, host string) error {
	up := &running{}
	var err error
	switch {
	case o.Handlers.Given():
		up, _, err = o.startHandlers(ctx)
	case o.sdk() != sdk.Go:
		up, err = o.startService(ctx)
	}
	if err != nil {
		return err
	}
	if up.backend.URL != "" {
		sys.Alive = up.alive
	}
	handlers := deployment.Options{Bind: bind, Backend: up.backend, Process: up.process, Nonce: up.nonce, Notice: o.notice}
	d, err := deployment.Listen(handlers)
	if err != nil {
		_ = up.close(ctx)
		return err
	}
	sys.Control, sys.Nonce, sys.Service = d.Control(), d.Nonce(), d.Process()
	sys.Redeploy = func(ctx context.Context, ep runtime.Endpoints) error {
		return d.Redeploy(ctx, &http.Client{}, ep.Admin, host)
	}
	sys.Deploy = func(ctx context.Context, ep runtime.Endpoints) (harness.Deployed, error) {
		r, err := deployment.Register(ctx, &http.Client{}, ep.Admin, d.URL(host))
		if err != nil {
			return harness.Deployed{}, err
		}
		out := harness.Deployed{Contract: r.Contract, SDK: r.SDK}
		if o.Handlers.Given() {
			if out.Probe, err = ingress.NewCalls(r.Contract, sys.Partitions, d.Control()); err != nil {
				return harness.Deployed{}, err
			}
		}
		return out, nil
	}
	sys.Close = func() {
		_ = d.Close()
		_ = up.close(context.WithoutCancel(ctx))
	}
	return nil
}
