package harness

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"retain/generators"
	"retain/model"
	"retain/runtime"
	"retain/runtime/ingress"
)

// defaultLate is how long after a violation the object is read again.
const defaultLate = 3 * time.Second

// lateCompletion bounds one of the reads that are made for a violation.
const lateCompletion = 10 * time.Second

// afterlife is what came of a violation when it was looked at again: after a
// while, and after one more kill and start.
type afterlife struct {
	waited time.Duration
	// reads by phase; a phase that was not reached is missing.
	reads map[model.Phase][]model.Invoked
	// answers says, for what no object shows (a runtime that is not back, an
	// operation that never finishes), whether it answers by phase.
	answers map[model.Phase]error
	// restarted is false if the server was not killed and started once more.
	restarted bool
	// problem is why it was not seen to its end.
	problem error
	// wrong is what the first canary said: nil, or why the nonce is not known.
	wrong error
}

// lookAgain reads an object that violated again, once a while later and once
// after one more kill and start: an effect that comes back is another violation
// than one that is gone. The reads are a history by themselves, in the finding's
// LateFile: that of the run stays as it was judged.
func (s *session) lookAgain(ctx context.Context, r *Run, sys *System, object model.Object) afterlife {
	out := afterlife{waited: s.late(), reads: map[model.Phase][]model.Invoked{}, answers: map[model.Phase]error{}}
	path := filepath.Join(r.Dir, LateFile)
	if r.Dir == "" {
		path = os.DevNull
	}
	header := r.Outcome.History.Header
	header.Fragment = "the reads that were made after run " + r.Outcome.ID + " violated"
	rec, err := newRecorder(path, header)
	if err != nil {
		out.problem = err
		return out
	}
	bounds := s.Bounds
	bounds.Completion = min(bounds.Completion, lateCompletion)
	again := newRun(sys, r.Plan, rec, r.Outcome.ID, bounds)
	again.ingress = ingress.New(sys.Runtime.Endpoints())
	if sys.up {
		again.state = ready
	}
	out.problem = again.watched(ctx, func(ctx context.Context) error { return s.afterwards(ctx, again, r, object, &out) })
	sys.up = again.serving()
	h, err := rec.close()
	for _, o := range h.Operations {
		if o.Outcome == model.OK {
			out.reads[o.Phase] = append(out.reads[o.Phase], o)
		}
	}
	out.problem = errors.Join(out.problem, err)
	return out
}

// afterwards is the course of a second look.
func (s *session) afterwards(ctx context.Context, again *run, r *Run, object model.Object, out *afterlife) error {
	if again.serving() {
		out.wrong = again.nonce(ctx, object)
		if err := wait(ctx, out.waited); err != nil {
			return err
		}
		if err := again.seen(ctx, r, object, model.Late, out); err != nil {
			return err
		}
	}
	if err := again.endForGood(ctx); err != nil {
		return err
	}
	if s.KeepData {
		r.amiss(r.archive(ctx, again.sys.Runtime))
	}
	if err := again.inject(ctx, generators.Inject{Fault: generators.Start}, func() {}); err != nil {
		return fmt.Errorf("start the runtime once more: %w", err)
	}
	if err := again.started(ctx); err != nil {
		return err
	}
	out.restarted = true
	if out.wrong != nil {
		out.wrong = again.nonce(ctx, object)
	}
	return again.seen(ctx, r, object, model.Later, out)
}

// endForGood kills the server, whatever became of it.
func (r *run) endForGood(ctx context.Context) error {
	if r.serving() {
		return r.inject(ctx, generators.Inject{Fault: generators.Kill}, func() {})
	}
	if err := r.sys.Runtime.Kill(ctx); err != nil && !errors.Is(err, runtime.ErrState) {
		return fmt.Errorf("kill the runtime once more: %w", err)
	}
	return nil
}

func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// nonce asks for the canary of the object's partition.
func (r *run) nonce(ctx context.Context, o model.Object) error {
	ctx, cancel := context.WithTimeout(ctx, r.bounds.Completion)
	defer cancel()
	return r.life().Ask(ctx, r.objectKey(o), r.sys.Nonce)
}

// seen looks at what violated: the object, or the operation that did not finish,
// or the runtime that did not come back.
func (r *run) seen(ctx context.Context, of *Run, o model.Object, phase model.Phase, out *afterlife) error {
	if of.Check.Broken() != nil {
		return r.look(ctx, o, phase)
	}
	l := of.Outcome.Liveness
	if l == nil || l.Operation == 0 || of.Outcome.History.Operations[l.Operation-1].Key == "" {
		out.answers[phase] = r.nonce(ctx, o)
		return nil
	}
	op := of.Outcome.History.Operations[l.Operation-1]
	bounded, cancel := context.WithTimeout(ctx, r.bounds.Completion)
	defer cancel()
	result := r.life().LookUp(bounded, ingress.Call{ObjectKey: r.objectKey(op.Object), Op: op.Op, IdempotencyKey: op.Key})
	if result.Answer == nil {
		out.answers[phase] = errors.New(strings.TrimSpace(result.Detail))
	} else {
		out.answers[phase] = nil
	}
	return nil
}

// late is how long to wait before the second look.
func (s *session) late() time.Duration {
	if s.Late == 0 {
		return defaultLate
	}
	return max(0, s.Late)
}

// archive saves the data directory of a server that is down.
func (r *Run) archive(ctx context.Context, server runtime.Runtime) error {
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
