package harness

import (
	"context"
	"errors"

	"retain/generators"
	"retain/model"
	"retain/runtime"
)

var _ = registerFault(model.Pause, func(r *run, ctx context.Context, f generators.Inject, pass func()) error {
	return r.freeze(f, pass, func(p runtime.Pauser) error { return p.Pause(ctx) })
})

// freeze pauses or resumes the server, where the runtime can.
func (r *run) freeze(f generators.Inject, pass func(), do func(runtime.Pauser) error) error {
	p, can := r.sys.Runtime.(runtime.Pauser)
	if !can {
		r.update(pass)
		r.rec.note("step %d, %s: this runtime can't", f.ID, f.Fault)
		return nil
	}
	if err := r.faultBegan(f); err != nil {
		return err
	}
	err := do(p)
	if errors.Is(err, runtime.ErrState) {
		return endedByItself(r.sys.Runtime)
	}
	if err != nil {
		return err
	}
	r.update(func() {
		pass()
		r.state = f.Fault.Spec().To
		r.nobodyRefused()
	})
	return r.faultEnded(endOf(f))
}
