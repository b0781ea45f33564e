// Package backend chooses where the runtime under test comes from and puts the
// deployment under test beside it.
package backend

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync/atomic"

	"retain/harness"
	"retain/runtime"
	"retain/runtime/container"
	"retain/runtime/process"
	"retain/runtime/simulated"
	"retain/service/deployment"
)

// Name of a backend.
type Name string

// Backends. Auto takes the first of container and process that works here;
// simulated is never chosen silently: it tests the suite, not Restate.
const (
	Auto      Name = "auto"
	Container Name = "container"
	Process   Name = "process"
	Simulated Name = "simulated"
)

// Options say which runtime is wanted.
type Options struct {
	Name Name
	// Image is any image, Binary any executable that acts as restate-server.
	Image, Binary string
	// Bugs, Rate and Seed are for the simulated runtime.
	Bugs []simulated.Bug
	Rate float64
	Seed uint64
	// Notice gets a line for the person who waits.
	Notice func(string)
}

// server is what both real backends are.
type server interface {
	runtime.Runtime
	// Callback is where the server reaches this process: the address to bind and
	// the host that the server dials.
	Callback() (bind, host string)
}

// Choice is what [Choose] settled on: never [Auto].
type Choice struct {
	Name Name
	// Why is the rest of a sentence that begins with the name.
	Why string
}

// String is the sentence: "container, since Docker answers".
func (c Choice) String() string { return string(c.Name) + ", " + c.Why }

// Choose settles on a backend that works here, and says which and why.
func Choose(ctx context.Context, s runtime.Settings, o Options) (harness.Open, Choice, error) {
	switch o.Name {
	case Simulated:
		return o.simulated(), Choice{Simulated, "as asked: this tests retain, not Restate"}, nil
	case Container:
		if err := container.Available(ctx); err != nil {
			return nil, Choice{}, fmt.Errorf("-runtime container: %w", err)
		}
		return o.real(o.container), Choice{Container, "as asked"}, nil
	case Process:
		if err := process.Available(ctx, s, o.process()...); err != nil {
			return nil, Choice{}, fmt.Errorf("-runtime process: %w", err)
		}
		return o.real(o.native), Choice{Process, "as asked"}, nil
	case Auto:
		return o.auto(ctx, s)
	}
	return nil, Choice{}, fmt.Errorf("-runtime %s: want auto, container, process or simulated", o.Name)
}

func (o Options) auto(ctx context.Context, s runtime.Settings) (harness.Open, Choice, error) {
	if o.Binary != "" {
		return o.real(o.native), Choice{Process, "since -restate.binary names one"}, nil
	}
	docker := container.Available(ctx)
	if docker == nil {
		return o.real(o.container), Choice{Container, "since Docker answers"}, nil
	}
	if o.Image != "" {
		return nil, Choice{}, fmt.Errorf("-restate.image needs Docker: %w", docker)
	}
	native := process.Available(ctx, s, o.process()...)
	if native == nil {
		return o.real(o.native), Choice{Process, fmt.Sprintf("since there is no Docker (%v)", docker)}, nil
	}
	return nil, Choice{}, fmt.Errorf("no runtime to test here: %w; %w", docker, native)
}

func (o Options) process() []process.Option {
	out := []process.Option{process.WithNotice(o.notice)}
	if o.Binary != "" {
		out = append(out, process.WithBinary(o.Binary))
	}
	return out
}

func (o Options) notice(line string) {
	if o.Notice != nil {
		o.Notice(line)
	}
}

func (o Options) native(ctx context.Context, s runtime.Settings) (server, error) {
	r, err := process.New(ctx, s, o.process()...)
	if err != nil {
		return nil, err
	}
	return r, nil
}

func (o Options) container(ctx context.Context, s runtime.Settings) (server, error) {
	opts := []container.Option{container.WithNotice(o.notice)}
	if o.Image != "" {
		opts = append(opts, container.WithImage(o.Image))
	}
	r, err := container.New(ctx, s, opts...)
	if err != nil {
		return nil, err
	}
	return r, nil
}

// real opens a real server with the reference service behind the endpoint proxy.
func (o Options) real(start func(context.Context, runtime.Settings) (server, error)) harness.Open {
	return func(ctx context.Context, s runtime.Settings) (*harness.System, error) {
		r, err := start(ctx, s)
		if err != nil {
			return nil, err
		}
		bind, host := r.Callback()
		d, err := deployment.Listen(deployment.Options{Bind: bind, Notice: o.notice})
		if err != nil {
			_ = r.Close(context.WithoutCancel(ctx))
			return nil, fmt.Errorf("start the deployment: %w", err)
		}
		return &harness.System{
			Runtime: r, Control: d.Control(), Nonce: d.Nonce(),
			Deploy: func(ctx context.Context, ep runtime.Endpoints) ([]string, error) {
				kinds, err := deployment.Register(ctx, &http.Client{}, ep.Admin, d.URLs(host)...)
				return shared(kinds), err
			},
			Close: func() { _ = d.Close() },
		}, nil
	}
}

func shared(kinds deployment.Kinds) []string {
	var out []string
	for name, kind := range kinds {
		if kind == deployment.Shared {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

// simulated opens the in-process runtime, which is its own deployment.
func (o Options) simulated() harness.Open {
	var opened atomic.Uint64 // by several workers
	return func(_ context.Context, s runtime.Settings) (*harness.System, error) {
		r := simulated.New(simulated.Options{
			Settings: s, Nonce: "simulated", Bugs: o.Bugs, Rate: o.Rate, Seed: o.Seed*1_000_003 + opened.Add(1),
		})
		return &harness.System{Runtime: r, Control: r, Nonce: "simulated", Shared: simulated.Shared()}, nil
	}
}
