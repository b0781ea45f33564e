package harness

import (
	"context"

	"retain/generators"
	"retain/model"
)

var _ = registerFault(model.Stall, func(r *run, _ context.Context, f generators.Inject, pass func()) error {
	return r.disturb(f, pass, func() (func() error, error) {
		release := r.sys.Control.Stall()
		return func() error { release(); return nil }, nil
	})
})
