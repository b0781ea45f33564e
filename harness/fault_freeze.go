package harness

import (
	"context"

	"retain/generators"
	"retain/model"
	"retain/service"
)

var _ = registerFault(model.Freeze, func(r *run, _ context.Context, f generators.Inject, pass func()) error {
	return r.process(f, pass, func(p service.Process) (func() error, error) {
		return p.Thaw, p.Freeze()
	})
})
