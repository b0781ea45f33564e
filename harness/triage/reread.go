package triage

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"retain/harness"
	"retain/internal/poll"
	"retain/model"
	"retain/runtime"
)

// defaultLate is how long after a violation the object is read again.
const defaultLate = 3 * time.Second

// lateCompletion bounds one of the reads that are made for a violation.
const lateCompletion = 10 * time.Second

// recheck is what came of a violation when its object was read again: after a
// while, and after one more kill and start.
type recheck struct {
	waited time.Duration
	// reads by phase; a phase that was not reached is missing.
	reads map[model.Phase][]model.Invoked
	// answers are, by phase, whether there was an answer to what no object shows: a
	// runtime that is not back, an operation that never finishes.
	answers map[model.Phase]error
	// restarted is false if the server was not killed and started once more.
	restarted bool
	// problem is why it was not seen to its end.
	problem error
	// wrong is the error of the first probe: nil, or why the nonce is not known.
	wrong error
}

// recheck reads an object that violated again, once a while later and once
// after one more kill and start: an effect that comes back is another violation
// than one that is gone. The reads are a history by themselves, in the finding's
// LateFile: that of the run stays as it was judged.
func (o Options) recheck(ctx context.Context, r *harness.Run, sys *harness.System, object model.Object) recheck {
	out := recheck{waited: o.late(), reads: map[model.Phase][]model.Invoked{}, answers: map[model.Phase]error{}}
	path := filepath.Join(r.Dir, LateFile)
	if r.Dir == "" {
		path = os.DevNull
	}
	bounds := o.Bounds
	bounds.Completion = min(bounds.Completion, lateCompletion)
	again, err := harness.Inspect(sys, r.Outcome, path, "the reads that were made after run "+r.Outcome.ID+" violated", bounds)
	if err != nil {
		out.problem = err
		return out
	}
	out.problem = again.Watched(ctx, func(ctx context.Context) error { return o.readAgain(ctx, again, r, sys, object, &out) })
	h, err := again.Close()
	for _, read := range h.Operations {
		if read.Outcome == model.OK {
			out.reads[read.Phase] = append(out.reads[read.Phase], read)
		}
	}
	out.problem = errors.Join(out.problem, err)
	return out
}

// readAgain is the course of a recheck.
func (o Options) readAgain(ctx context.Context, again *harness.Inspection, r *harness.Run, sys *harness.System, object model.Object, out *recheck) error {
	if again.Serving() {
		out.wrong = again.Probe(ctx, object)
		if err := poll.Sleep(ctx, out.waited); err != nil {
			return err
		}
		if err := out.read(ctx, again, r, object, model.Late); err != nil {
			return err
		}
	}
	if err := again.Kill(ctx); err != nil {
		return err
	}
	if o.KeepData {
		note(r, archive(ctx, r, sys.Runtime))
	}
	if err := again.Start(ctx); err != nil {
		return err
	}
	out.restarted = true
	if out.wrong != nil {
		out.wrong = again.Probe(ctx, object)
	}
	return out.read(ctx, again, r, object, model.Later)
}

// read reads what violated: the object, or the operation that did not finish, or the probe
// of a runtime that did not come back.
func (a *recheck) read(ctx context.Context, again *harness.Inspection, of *harness.Run, o model.Object, phase model.Phase) error {
	if of.Check.Broken() != nil {
		return again.Read(ctx, o, phase)
	}
	l := of.Outcome.Liveness
	if l == nil || l.Operation == 0 || of.Outcome.History.Operations[l.Operation-1].Key == "" {
		a.answers[phase] = again.Probe(ctx, o)
		return nil
	}
	result := again.LookUp(ctx, of.Outcome.History.Operations[l.Operation-1])
	if result.Answer == nil {
		a.answers[phase] = errors.New(strings.TrimSpace(result.Detail))
	} else {
		a.answers[phase] = nil
	}
	return nil
}

// archive saves the data directory of a server that is down.
func archive(ctx context.Context, r *harness.Run, server runtime.Runtime) error {
	a, can := server.(runtime.Archiver)
	if !can {
		return fmt.Errorf("keep the data: a %s runtime can't hand out its data", server.Identity().Backend)
	}
	if r.Dir == "" {
		return nil // it was said why
	}
	file, err := os.Create(filepath.Join(r.Dir, DataFile))
	if err != nil {
		return fmt.Errorf("keep the data: %w", err)
	}
	return errors.Join(a.Archive(ctx, file), file.Close())
}
