package backend

import (
	"cmp"
	"context"

	"retain/service"
	"retain/service/reference"
	"retain/service/sdk"
)

// PrepareService checks that the tools are here that run the reference service of the SDK, and
// builds it if need be. The simulated runtime has handlers of its own.
func (o Options) PrepareService(ctx context.Context, c Choice) error {
	if c.Name == Simulated || o.Handlers.Given() {
		return nil
	}
	return sdk.Prepare(ctx, o.sdk(), sdk.Options{Notice: o.notice})
}

func (o Options) sdk() sdk.Name { return cmp.Or(o.SDK, sdk.Go) }

// startService starts the reference service of an SDK other than Go's. It listens on loopback
// wherever the server is: the server calls the endpoint proxy, and the proxy the service.
func (o Options) startService(ctx context.Context) (*running, error) {
	nonce := reference.NewNonce()
	started, err := sdk.Start(ctx, o.sdk(), sdk.Options{Nonce: nonce, Notice: o.notice})
	if err != nil {
		return nil, err
	}
	return &running{
		backend: service.Backend{URL: started.URL("")}, process: started, nonce: nonce,
		end: func(context.Context) error { return started.Close() },
	}, nil
}
