package harness

import (
	"context"

	"retain/generators"
	"retain/model"
)

var _ = registerFault(model.Refuse, func(r *run, _ context.Context, f generators.Inject, pass func()) error {
	return r.disturb(f, pass, r.sys.Control.Refuse)
})
