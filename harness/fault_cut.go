package harness

import (
	"context"

	"retain/generators"
	"retain/model"
)

var _ = registerFault(model.Cut, func(r *run, _ context.Context, f generators.Inject, pass func()) error {
	return r.strike(f, pass, 0)
})
