package harness

import (
	"context"

	"retain/generators"
	"retain/model"
)

var _ = registerFault(model.Redeploy, func(r *run, ctx context.Context, f generators.Inject, pass func()) error {
	if r.sys.Redeploy == nil {
		return r.without(f, pass, "this deployment can't move")
	}
	return r.disturb(f, pass, func() (func() error, error) { return nil, r.sys.Redeploy(ctx, r.sys.Runtime.Endpoints()) })
})
