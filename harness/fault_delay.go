package harness

import (
	"context"
	"time"

	"retain/generators"
	"retain/model"
)

// delayOf is for how long a delayed attempt passes nothing: longer than a server waits before
// it tries again, and short enough for a plan.
const delayOf = 100 * time.Millisecond

var _ = registerFault(model.Delay, func(r *run, _ context.Context, f generators.Inject, pass func()) error {
	return r.strike(f, pass, delayOf)
})
