package harness

import (
	"context"

	"retain/generators"
	"retain/model"
	"retain/service"
)

var _ = registerFault(model.Crash, func(r *run, ctx context.Context, f generators.Inject, pass func()) error {
	return r.process(f, pass, func(p service.Process) (func() error, error) { return nil, p.Restart(ctx, false) })
})
