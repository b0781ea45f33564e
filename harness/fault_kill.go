package harness

import (
	"context"

	"retain/generators"
	"retain/model"
)

var _ = registerFault(model.Kill, func(r *run, ctx context.Context, f generators.Inject, pass func()) error {
	return r.end(f, pass, func(*model.FaultEnded) error { return r.sys.Runtime.Kill(ctx) })
})
