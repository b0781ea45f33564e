package harness

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"retain/generators"
	"retain/model"
	"retain/runtime/ingress"
)

// heal waits until no client can go on by itself and brings the runtime back: it
// opens every gate, thaws and starts the server. The clients then finish.
func (r *run) heal(ctx context.Context) error {
	all := len(r.plan.Steps)
	if err := r.await(ctx, func() bool { return r.settled(all) }); err != nil {
		return err
	}
	r.endStrikes()
	r.sys.Control.OpenAll()
	r.update(func() {
		for _, op := range r.ops {
			op.held, op.gated = false, false
		}
	})
	// Each undo is tried, and does nothing where it does not apply: the service comes back
	// before the server does, and a server is thawed before it is started.
	for _, undo := range slices.Backward(undos()) {
		if err := r.inject(ctx, generators.Inject{Fault: undo}, func() {}); err != nil {
			return fmt.Errorf("heal: %w", err)
		}
	}
	r.update(func() { r.healed = true })
	return r.started(ctx)
}

// undos lists the faults that undo others.
func undos() []model.FaultKind {
	return slices.DeleteFunc(model.FaultKinds(), func(k model.FaultKind) bool { return !k.Undoes() })
}

// settle follows the program, on a healed runtime: the closing kill, a look at
// every object before anything is re-sent, the resolution of what is ambiguous,
// and a second look. A re-send can repair the very loss that it should reveal:
// hence the first one.
func (r *run) settle(ctx context.Context) error {
	if !r.plan.Config.NoClosingKill {
		if err := r.closingKill(ctx); err != nil {
			return err
		}
	}
	if err := r.lookAll(ctx, model.Look); err != nil {
		return err
	}
	if len(r.ambiguous()) > 0 && r.plan.Config.Resolve != generators.LeaveOpen {
		if err := r.resolveAll(ctx); err != nil {
			return err
		}
		if err := r.lookAll(ctx, model.Closing); err != nil {
			return err
		}
	}
	return r.cancelDistant(ctx)
}

// lookAll waits until what was sent has been executed, ends what waits for others, and reads
// every object.
func (r *run) lookAll(ctx context.Context, phase model.Phase) error {
	if err := r.awaitPending(ctx); err != nil {
		return err
	}
	if err := r.eachObject(func(o model.Object) error { return r.endWaiting(ctx, o, phase) }); err != nil {
		return err
	}
	return r.eachObject(func(o model.Object) error { return r.look(ctx, o, phase) })
}

// closingKill kills the runtime once more and waits until it is back. Where kills are
// excluded it is stopped.
func (r *run) closingKill(ctx context.Context) error {
	if err := r.inject(ctx, generators.Inject{Fault: r.sys.Exclude.End()}, func() {}); err != nil {
		return fmt.Errorf("closing kill: %w", err)
	}
	if err := r.inject(ctx, generators.Inject{Fault: model.Start}, func() {}); err != nil {
		return fmt.Errorf("start after the closing kill: %w", err)
	}
	return r.started(ctx)
}

// atOnce bounds the objects that are read or resolved side by side, and the operations that
// are waited for.
const atOnce = 24

// eachObject does something with every object of the program and of the load, side by
// side.
func (r *run) eachObject(do func(model.Object) error) error { return sideBySide(Objects(r.plan), do) }

// sideBySide does something with each of the things, some of them at once.
func sideBySide[T any](things []T, do func(T) error) error {
	var all sync.WaitGroup
	errs := make([]error, len(things))
	turn := make(chan struct{}, atOnce)
	for i, x := range things {
		turn <- struct{}{}
		all.Go(func() {
			errs[i] = do(x)
			<-turn
		})
	}
	all.Wait()
	return joinUnfinished(errs)
}

// severalUnfinished are operations on several objects that did not finish.
type severalUnfinished struct{ all []*Liveness }

// Error implements error.
func (s *severalUnfinished) Error() string { return s.all[0].Error() }

// As hands out the first one.
func (s *severalUnfinished) As(target any) bool {
	first, is := target.(**Liveness)
	if is {
		*first = s.all[0]
	}
	return is
}

// joinUnfinished is the first of the errors or, if that and others are operations that did
// not finish, those together.
func joinUnfinished(errs []error) error {
	first := cmp.Or(errs...)
	several := &severalUnfinished{}
	for _, err := range errs {
		var l *Liveness
		if errors.As(err, &l) {
			several.all = append(several.all, l)
		}
	}
	if len(several.all) < 2 || !errors.As(first, new(*Liveness)) {
		return first
	}
	return several
}

// besideFirst are the operations beside the first that did not finish.
func besideFirst(err error) []*Liveness {
	var several *severalUnfinished
	if !errors.As(err, &several) {
		return nil
	}
	return several.all[1:]
}

// look reads an object whole, shared and exclusive.
func (r *run) look(ctx context.Context, o model.Object, phase model.Phase) error {
	return r.readWhole(ctx, o, phase, string(phase))
}

// readWhole reads an object whole, by operations whose names begin with a prefix that no
// others have.
func (r *run) readWhole(ctx context.Context, o model.Object, phase model.Phase, prefix string) error {
	return r.callAll(ctx, o, phase, prefix, r.reads(o))
}

// endWaiting ends what operations on an object left open until others end it, and waits until what
// was ended is over.
func (r *run) endWaiting(ctx context.Context, o model.Object, phase model.Phase) error {
	waiting := o.Kind.Spec().Waiting
	if waiting == nil {
		return nil
	}
	if err := r.callAll(ctx, o, phase, string(phase)+"-end", waiting.End(r.rec.on(o))); err != nil {
		return err
	}
	return r.callAll(ctx, o, phase, string(phase)+"-ended", waiting.Ended(r.rec.on(o)))
}

// callAll calls operations on an object, one after the other, each until it is answered.
func (r *run) callAll(ctx context.Context, o model.Object, phase model.Phase, prefix string, all []model.Operation) error {
	for i, op := range all {
		name := fmt.Sprintf("%s-%s-%d", prefix, o, i)
		key, _ := r.keyOf(op, name)
		c := model.Called{Process: name, Phase: phase, Object: o, Op: op.String(), Key: key}
		t, err := r.open(c, op, r.id+"/"+name)
		if err != nil {
			return err
		}
		result, err := r.insist(ctx, t)
		if err != nil {
			return err
		}
		if err := r.answered(t, result); err != nil {
			return err
		}
	}
	return nil
}

// reads are the operations that together read an object whole, at least one: what never
// finishes on an object that nobody reads would not be missed.
// An excluded one is left out, if another one is left.
func (r *run) reads(o model.Object) []model.Operation {
	all := WholeReads(r.plan, o)
	left := slices.DeleteFunc(slices.Clone(all), func(op model.Operation) bool {
		return r.sys.Exclude.Excludes(generators.ExcludedOperation, generators.NameOf(op))
	})
	if len(left) > 0 {
		return left
	}
	return all
}

// WholeReads are the operations that together read an object whole, of which a plan may
// name parts.
func WholeReads(p generators.Plan, o model.Object) []model.Operation {
	program := p.Load.OperationsOn(o)
	for _, s := range p.Steps {
		if op, is := s.(generators.Operate); is && op.Object == o {
			program = append(program, op.Op)
		}
	}
	return o.Kind.Spec().WholeReads(program)
}

// ambiguous are the operations whose effect is not known and that have a key, in
// the order of their calls.
func (r *run) ambiguous() map[model.Object][]model.Invoked {
	r.rec.mu.Lock()
	defer r.rec.mu.Unlock()
	out := map[model.Object][]model.Invoked{}
	for _, o := range r.rec.history.Operations {
		if o.Outcome == model.Ambiguous && o.Resolution == nil && o.Key != "" && o.Return != model.Forever && r.rec.final[o.Key] == 0 {
			out[o.Object] = append(out[o.Object], o)
		}
	}
	return out
}

// resolve asks what became of ambiguous operations of one object, as the plan
// says: by their output, read-only, or by sending them again under their keys.
func (r *run) resolve(ctx context.Context, open []model.Invoked) error {
	for _, o := range open {
		if r.nobodyEnds(o) {
			continue // it stays open
		}
		t := r.again(o)
		by := model.Resend
		var result ingress.Result
		var err error
		if r.plan.Config.Resolve == generators.LookUp {
			by = model.LookUp
			result, err = r.lookUp(ctx, t)
		} else {
			result, err = r.insist(ctx, t)
		}
		if err != nil {
			return err
		}
		if result.Answer == nil {
			continue // nothing is known of it: it stays open
		}
		deferred := r.deferred(t, result)
		err = r.rec.record(func(at model.Instant) model.Event {
			return model.ResolvedAs{Instant: at, ID: t.id, By: by, Answer: result.Answer.String(), Deferred: deferred}
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// lookUp asks for the output of an operation. None is an answer too.
func (r *run) lookUp(ctx context.Context, t *pending) (ingress.Result, error) {
	bounded, cancel := context.WithTimeout(ctx, r.bounds.Completion)
	defer cancel()
	result := r.incarnation().LookUp(bounded, t.call)
	if result.Answer == nil {
		r.rec.note("operation %d: no output by its key (%s)", t.id, result.Detail)
	}
	return result, context.Cause(ctx)
}

// enoughProbes is how many calls must go through in an operation's own
// partition, after its bound has passed, before it counts as stuck: stuck is not
// slow.
const enoughProbes = 10

// insist tries an operation on a healed runtime until it is answered. Past its
// bound it is stuck if the probe of its partition answers again and again, and
// the runtime is not back if the probe does not.
func (r *run) insist(parent context.Context, t *pending) (ingress.Result, error) {
	// Several attempts have room in the operation's bound: one that hangs is
	// not the operation.
	return r.insistOn(parent, t, func(ctx context.Context) (ingress.Result, error) { return r.try(ctx, t, r.bounds.Completion/3) })
}

// insistOn is [run.insist] with attempts of another form.
func (r *run) insistOn(parent context.Context, t *pending, try func(context.Context) (ingress.Result, error)) (ingress.Result, error) {
	ctx, cancel := context.WithCancelCause(parent)
	defer cancel(nil)
	judged := make(chan struct{})
	go func() {
		defer close(judged)
		cancel(r.judgeStuck(ctx, t))
	}()
	defer func() { cancel(nil); <-judged }()
	for {
		incarnation := r.incarnation()
		result, err := try(ctx)
		if err != nil || result.Answer != nil || t.final {
			return result, err
		}
		if err := r.pauseUntil(ctx, t, incarnation, result.Reason); err != nil {
			return result, err
		}
	}
}

// refusals is what the last attempt of an operation was answered with, "" for
// nothing, how many the ingress refused, and whether those are all that were over.
func refusals(attempts []model.Attempt) (last string, refused int, all bool) {
	all = true
	for _, a := range attempts {
		if a.End == model.Forever || a.End.Seq == 0 {
			continue // it is under way
		}
		last = ""
		if a.Status != 0 {
			last = a.Detail
		}
		if a.Reason == model.Rejected {
			refused++
		} else {
			all = false
		}
	}
	return last, refused, all && refused > 0
}

// probes asks for probes in the partition of a key until enough of them were
// answered, or none for as long as a recovery may take. A slow one is answered
// too.
func (r *run) probes(ctx context.Context, key string) (answered int, last error) {
	pause := time.NewTicker(ingress.PollInterval)
	defer pause.Stop()
	silentSince := time.Now()
	for answered < enoughProbes && time.Since(silentSince) < r.bounds.Recovery && ctx.Err() == nil {
		attempt, cancel := context.WithTimeout(ctx, r.bounds.Recovery/4)
		if last = r.incarnation().Probe(attempt, key, r.sys.Prober()); last == nil {
			answered++
			silentSince = time.Now()
		}
		cancel()
		if ingress.Final(last) {
			break
		}
		select {
		case <-pause.C:
		case <-ctx.Done():
		}
	}
	return answered, last
}
