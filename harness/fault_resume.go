package harness

import (
	"context"

	"retain/generators"
	"retain/model"
	"retain/runtime"
)

var _ = registerFault(model.Resume, func(r *run, ctx context.Context, f generators.Inject, pass func()) error {
	return r.freeze(f, pass, func(p runtime.Pauser) error { return p.Resume(ctx) })
})
