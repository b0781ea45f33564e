package harness

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"retain/generators"
	"retain/model"
)

// takeOver ends a server that runs another configuration than the plan begins with, and
// starts it with the plan's. Both are faults of this run: a server that does not come
// back is its violation, and what earlier plans left has one more restart behind it.
func (r *run) takeOver(ctx context.Context) error {
	want := r.plan.Config.Started()
	if r.sys.Config == want {
		return nil
	}
	end := generators.Inject{Fault: cmp.Or(r.plan.Config.TakeOver, model.Kill)}
	if err := r.inject(ctx, end, func() {}); err != nil {
		return fmt.Errorf("end a server of another configuration: %w", err)
	}
	r.sys.Config = want // all of it: a start step can't take a setting back
	if err := r.inject(ctx, generators.Inject{Fault: model.Start}, func() {}); err != nil {
		return fmt.Errorf("start it with the plan's configuration: %w", err)
	}
	return r.started(ctx)
}

// TakesOver reports whether a fault took the server over: it is the harness's own, and no
// operation of the run and no fault of its plan came before it.
func TakesOver(h *model.History, f model.Fault) bool {
	return f.Step == 0 && beforeProgram(h, f.Begin.Ns)
}

// beforeProgram reports whether a moment is before the first operation of a run, and
// before the first fault of its plan: a plan may begin with one, and the heal starts the
// server before any operation is called.
func beforeProgram(h *model.History, ns int64) bool {
	return (len(h.Operations) == 0 || ns < h.Operations[0].Call.Ns) &&
		!slices.ContainsFunc(h.Faults, func(f model.Fault) bool { return f.Step != 0 && f.Begin.Ns <= ns })
}
