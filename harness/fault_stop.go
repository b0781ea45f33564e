package harness

import (
	"context"

	"retain/generators"
	"retain/model"
	"retain/runtime"
)

var _ = registerFault(model.Stop, (*run).stop)

// stop asks the server to end. A stop that ended in SIGKILL is a kill.
func (r *run) stop(ctx context.Context, f generators.Inject, pass func()) error {
	return r.end(f, pass, func(ended *model.FaultEnded) error {
		done := make(chan struct{})
		var exit runtime.Exit
		var err error
		go func() {
			defer close(done)
			exit, err = r.sys.Runtime.Stop(ctx)
		}()
		r.openBefore(f)
		<-done
		ended.Detail = exit.String()
		if exit.Killed {
			ended.As = model.Kill
		}
		return err
	})
}

// openBefore opens the gate of a stop when it begins, unless it is to hold
// through the drain.
func (r *run) openBefore(f generators.Inject) {
	if !f.HoldThroughStop {
		r.openGate(f)
	}
}
