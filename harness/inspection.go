package harness

import (
	"context"
	"errors"
	"fmt"

	"retain/generators"
	"retain/model"
	"retain/runtime"
	"retain/runtime/ingress"
)

// Inspection works with a plan's objects after its program: it reads them, kills and starts
// the server, and records what it does and sees in a history.
type Inspection struct{ run *run }

// Inspect begins an inspection whose history is one by itself, at path. fragment says of
// what it is a part.
func Inspect(sys *System, o *Outcome, path, fragment string, bounds Bounds) (*Inspection, error) {
	header := o.History.Header
	header.Fragment = fragment
	rec, err := newRecorder(path, header)
	if err != nil {
		return nil, err
	}
	return newInspection(sys, o, rec, bounds), nil
}

// Continue begins an inspection that continues the history of a run that is over, in its
// file and on its clock.
func Continue(sys *System, o *Outcome, bounds Bounds) (*Inspection, error) {
	rec, err := reopen(o.Path, o.began)
	if err != nil {
		return nil, err
	}
	return newInspection(sys, o, rec, bounds), nil
}

func newInspection(sys *System, o *Outcome, rec *recorder, bounds Bounds) *Inspection {
	r := newRun(sys, o.Plan, rec, o.ID, bounds)
	r.ingress = ingress.New(sys.Runtime.Endpoints())
	if sys.up {
		r.state = ready
	}
	return &Inspection{run: r}
}

// Watched does something with the server while its exit and the harness itself are watched,
// as they are in a run.
func (i *Inspection) Watched(ctx context.Context, do func(context.Context) error) error {
	err := i.run.watched(ctx, do)
	i.run.sys.up = i.run.serving()
	return err
}

// Observe records the endpoint proxy's evidence until the returned function is called. It
// is for an inspection beside one that is watched.
func (i *Inspection) Observe() (stop func()) {
	cancel := i.run.observe()
	return func() {
		cancel()
		i.run.incarnation().Close()
	}
}

// Excuse makes a liveness violation the harness's own failure if this process stood still
// meanwhile.
func (i *Inspection) Excuse(err error) error { return excused(err, i.run.heartbeat.worst()) }

// Close ends the history and hands it over.
func (i *Inspection) Close() (*model.History, error) { return i.run.rec.close() }

// Serving reports whether the server is up, as far as is known.
func (i *Inspection) Serving() bool { return i.run.serving() }

// Read reads an object whole, shared and exclusive.
func (i *Inspection) Read(ctx context.Context, o model.Object, phase model.Phase) error {
	return i.run.look(ctx, o, phase)
}

// ReadAll reads every object of the plan.
func (i *Inspection) ReadAll(ctx context.Context, phase model.Phase) error {
	return i.run.eachObject(func(o model.Object) error { return i.run.look(ctx, o, phase) })
}

// LookUp looks up the output of an operation under its idempotency key.
func (i *Inspection) LookUp(ctx context.Context, op model.Invoked) ingress.Result {
	bounded, cancel := context.WithTimeout(ctx, i.run.bounds.Completion)
	defer cancel()
	return i.run.incarnation().LookUp(bounded, ingress.Call{ObjectKey: i.run.objectKey(op.Object), Op: op.Op, IdempotencyKey: op.Key})
}

// Probe sends one probe to the partition of an object. The error says why the right answer
// did not come back.
func (i *Inspection) Probe(ctx context.Context, o model.Object) error {
	ctx, cancel := context.WithTimeout(ctx, i.run.bounds.Completion)
	defer cancel()
	return i.run.incarnation().Ask(ctx, i.run.objectKey(o), i.run.sys.Prober())
}

// Restart kills the server, starts it and waits until it is ready.
func (i *Inspection) Restart(ctx context.Context) error { return i.run.closingKill(ctx) }

// Kill kills the server, also one that has ended or is not ready.
func (i *Inspection) Kill(ctx context.Context) error {
	if i.run.serving() {
		return i.run.inject(ctx, generators.Inject{Fault: model.Kill}, func() {})
	}
	if err := i.run.sys.Runtime.Kill(ctx); err != nil && !errors.Is(err, runtime.ErrState) {
		return fmt.Errorf("kill the runtime once more: %w", err)
	}
	return nil
}

// Start starts the server and waits until it is ready.
func (i *Inspection) Start(ctx context.Context) error {
	if err := i.run.inject(ctx, generators.Inject{Fault: model.Start}, func() {}); err != nil {
		return fmt.Errorf("start the runtime once more: %w", err)
	}
	return i.run.started(ctx)
}

// CopyRestart copies the last kill and start of another inspection into the history, on its
// own clock.
func (i *Inspection) CopyRestart(from *Inspection) error {
	rec := from.run.rec
	rec.mu.Lock()
	faults := rec.history.Faults[len(rec.history.Faults)-2:] // nothing changes the two any more
	back := rec.history.Recoveries[len(rec.history.Recoveries)-1]
	rec.mu.Unlock()
	shift := int64(rec.began.Sub(i.run.rec.began))
	at := func(a, b model.Instant) model.Instant { return model.Instant{Seq: a.Seq, Ns: b.Ns + shift} }
	for _, f := range faults {
		began := func(seq model.Instant) model.Event {
			return model.FaultBegan{Instant: at(seq, f.Begin), Kind: f.Kind, Start: f.Start}
		}
		ended := func(seq model.Instant) model.Event {
			return model.FaultEnded{Instant: at(seq, f.End), Kind: f.Kind, Detail: f.Detail}
		}
		if err := errors.Join(i.run.rec.record(began), i.run.rec.record(ended)); err != nil {
			return err
		}
	}
	for _, moment := range []*int64{&back.Down, &back.Spawned, &back.Port, &back.Health, &back.Probe} {
		if *moment != 0 {
			*moment += shift
		}
	}
	return i.run.rec.record(func(model.Instant) model.Event { return back })
}
