// Package backend chooses where the runtime under test comes from and puts the
// deployment under test beside it.
package backend

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"

	"retain/harness"
	"retain/internal/printable"
	"retain/runtime"
	"retain/runtime/container"
	"retain/runtime/process"
	"retain/runtime/simulated"
	"retain/service/sdk"
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

// names are all backends.
var names = []Name{Auto, Container, Process, Simulated}

// Check returns an error that lists the backends, unless the name is one.
func (n Name) Check() error {
	if slices.Contains(names, n) {
		return nil
	}
	return fmt.Errorf("-runtime %s: want %s", n, printable.List(names, "or"))
}

// errUnopened is returned for a name that is in names and not in Choose.
var errUnopened = errors.New("harness/backend.Choose does not open this runtime yet")

// Options say which runtime is wanted.
type Options struct {
	Name Name
	// Why is why that one, for the sentence of [Choice]; "" is "as asked".
	Why string
	// Image is any image, Binary any executable that acts as restate-server. Images and
	// Binaries are more of them by the names of versions.
	Image, Binary    string
	Images, Binaries map[string]string
	// Bugs, Rate and Seed are for the simulated runtime.
	Bugs []simulated.Bug
	Rate float64
	Seed uint64
	// Handlers are those under test.
	Handlers Handlers
	// SDK is that of the reference service where Handlers are none; "" is [sdk.Go].
	SDK sdk.Name
	// Notice gets a line for the person who waits.
	Notice func(string)
}

// server is implemented by both real backends.
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
		return o.simulated(), Choice{Simulated, o.why() + ": this tests retain, not Restate"}, nil
	case Container:
		if err := container.Available(ctx); err != nil {
			return nil, Choice{}, fmt.Errorf("-runtime container: %w", err)
		}
		return o.real(o.container), Choice{Container, o.why()}, nil
	case Process:
		if err := process.Available(ctx, s, o.process()...); err != nil {
			return nil, Choice{}, fmt.Errorf("-runtime process: %w", err)
		}
		return o.real(o.native), Choice{Process, o.why()}, nil
	case Auto:
		return o.auto(ctx, s)
	}
	return nil, Choice{}, cmp.Or(o.Name.Check(), errUnopened)
}

func (o Options) why() string {
	if o.Why == "" {
		return "as asked"
	}
	return o.Why
}

func (o Options) auto(ctx context.Context, s runtime.Settings) (harness.Open, Choice, error) {
	if o.Binary != "" || len(o.Binaries) > 0 {
		return o.real(o.native), Choice{Process, "since -restate.binary names one"}, nil
	}
	docker := container.Available(ctx)
	if docker == nil {
		return o.real(o.container), Choice{Container, "since Docker answers"}, nil
	}
	if o.Image != "" || len(o.Images) > 0 {
		return nil, Choice{}, fmt.Errorf("-restate.image needs Docker: %w", docker)
	}
	native := process.Available(ctx, s, o.process()...)
	if native == nil {
		return o.real(o.native), Choice{Process, fmt.Sprintf("since there is no Docker (%v)", docker)}, nil
	}
	return nil, Choice{}, fmt.Errorf("no runtime to test here: %w; %w", docker, native)
}

// of is what is wanted for a version that a start names.
func (o Options) of(s runtime.Settings, version string) (Options, runtime.Settings) {
	if version != "" {
		o.Image, o.Binary, s.Version = "", "", version
	}
	return o, s
}

func (o Options) process() []process.Option {
	out := []process.Option{process.WithNotice(o.notice), process.WithBuilds(o.Binaries)}
	if o.Binary != "" {
		out = append(out, process.WithBinary(o.Binary))
	}
	return out
}

func (o Options) containers() []container.Option {
	out := []container.Option{container.WithNotice(o.notice), container.WithImages(o.Images)}
	if o.Image != "" {
		out = append(out, container.WithImage(o.Image))
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
	r, err := container.New(ctx, s, o.containers()...)
	if err != nil {
		return nil, err
	}
	return r, nil
}

// real opens a real server with handlers behind the endpoint proxy.
func (o Options) real(start func(context.Context, runtime.Settings) (server, error)) harness.Open {
	return func(ctx context.Context, s runtime.Settings) (*harness.System, error) {
		r, err := start(ctx, s)
		if err != nil {
			return nil, err
		}
		sys := &harness.System{Runtime: r}
		watched(sys, s)
		bind, host := r.Callback()
		if err := o.withHandlers(ctx, sys, bind, host); err != nil {
			_ = r.Close(context.WithoutCancel(ctx))
			return nil, fmt.Errorf("start the deployment: %w", err)
		}
		return sys, nil
	}
}

// simulated opens the in-process runtime, which is its own deployment.
func (o Options) simulated() harness.Open {
	var opened atomic.Uint64 // by several workers
	return func(_ context.Context, s runtime.Settings) (*harness.System, error) {
		r := simulated.New(simulated.Options{
			Settings: s, Nonce: "simulated", Bugs: o.Bugs, Rate: o.Rate, Seed: o.Seed*1_000_003 + opened.Add(1),
		})
		return &harness.System{
			Runtime: r, Control: r, Service: r.Process(), Redeploy: func(context.Context, runtime.Endpoints) error { r.Redeploy(); return nil },
			Nonce: "simulated", Contract: simulated.Contract(),
		}, nil
	}
}
