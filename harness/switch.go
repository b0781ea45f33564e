package harness

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"retain/generators"
	"retain/model"
	"retain/runtime"
	"retain/runtime/ingress"
)

// served is which server a run last found that everything was kept on.
type served struct{ version, source string }

func servedBy(i runtime.Identity) served { return served{i.Version, i.Source} }

// isOther reports whether the server that was started last is another version than the one
// that the run last looked at whole.
func (r *run) isOther() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return servedBy(r.identity) != r.looked
}

// afterSwitch follows the readiness of a server of another version, in plans that ask for
// it: every object is read whole, what is ambiguous is resolved, everything that was
// answered under a key is sent again, and every object is read again. A re-send can repair
// the very loss that it should reveal: hence the first reads.
//
// The server counts as starting until that is over. So the clients of the load pause, and
// those of the program in plans that wait for readiness: what an object holds is then known
// more exactly than among concurrent writes, and thousands of keys take no longer than the
// server needs for them. Operations that were open across the switch end first. A fault of
// the plan may still come in between, and ends it; the next start goes through it again.
func (r *run) afterSwitch(ctx context.Context) error {
	if !r.plan.Config.ResendAnswered || !r.isOther() {
		return nil
	}
	server := r.server()
	r.update(func() { r.switches++; r.switching = true })
	defer r.update(func() { r.switching = false })
	if err := r.endOpen(ctx); err != nil {
		return err
	}
	for _, do := range []func(context.Context) error{
		func(ctx context.Context) error { return r.lookAfterSwitch(ctx, "before") },
		r.resolveAll,
		r.repeatAnswered,
		func(ctx context.Context) error { return r.lookAfterSwitch(ctx, "after") },
	} {
		if err := do(ctx); err != nil {
			return err
		}
	}
	r.update(func() { r.looked = servedBy(server) })
	return nil
}

// endOpen waits until the operations that were open across a switch have ended, for as long
// as one may take. One that takes longer has a bound of its own.
func (r *run) endOpen(ctx context.Context) error {
	bounded, cancel := context.WithTimeout(ctx, r.bounds.program())
	defer cancel()
	err := r.await(bounded, func() bool {
		for _, op := range r.ops {
			if op.wrote && !op.done && !op.held && !r.behindGate(op) {
				return false
			}
		}
		return r.load.open == 0
	})
	if errors.Is(err, context.DeadlineExceeded) {
		r.rec.note("operations that were open across the start as %s are open still", r.server().Version)
		return nil
	}
	return err
}

// lookAfterSwitch reads every object whole.
func (r *run) lookAfterSwitch(ctx context.Context, when string) error {
	prefix := fmt.Sprintf("%s-%d-%s", model.Switch, r.switches, when)
	return r.eachObject(func(o model.Object) error { return r.readWhole(ctx, o, model.Switch, prefix) })
}

// resolveAll resolves what is ambiguous, as the plan says.
func (r *run) resolveAll(ctx context.Context) error {
	open := r.ambiguous()
	if len(open) == 0 || r.plan.Config.Resolve == generators.LeaveOpen {
		return nil
	}
	return r.eachObject(func(o model.Object) error { return r.resolve(ctx, open[o]) })
}

// repeatsAtOnce bounds the operations that are sent again side by side.
const repeatsAtOnce = 24

// repeatAnswered sends every operation of the program and of the load that was answered
// under a key again.
func (r *run) repeatAnswered(parent context.Context) error {
	ctx, cancel := context.WithCancel(parent)
	defer cancel() // the first error ends it
	var answered []model.Invoked
	if !r.unkept {
		answered = r.answeredUnderKeys()
	}
	next := make(chan model.Invoked)
	errs := make([]error, repeatsAtOnce)
	var all sync.WaitGroup
	for i := range errs {
		all.Go(func() {
			for o := range next {
				if errs[i] = r.repeat(ctx, o); errs[i] != nil {
					cancel()
					return
				}
			}
		})
	}
send:
	for _, o := range answered {
		select {
		case next <- o:
		case <-ctx.Done():
			break send
		}
	}
	close(next)
	all.Wait()
	return firstNews(context.Cause(parent), errs)
}

// firstNews is why a group of workers ended: the cause of its context or, where it had
// none, the first error that is not only that of the others.
func firstNews(cause error, errs []error) error {
	if cause != nil {
		return cause
	}
	var other error
	for _, err := range errs {
		switch {
		case err == nil:
		case !errors.Is(err, context.Canceled):
			return err
		default:
			other = err
		}
	}
	return other
}

// answeredUnderKeys are the operations of the clients that have a key and an answer, in
// the order of their calls.
func (r *run) answeredUnderKeys() (out []model.Invoked) {
	r.rec.mu.Lock()
	defer r.rec.mu.Unlock()
	for _, o := range r.rec.history.Operations {
		clients := o.Phase == model.Program || o.Phase == model.Load
		// They may be answered otherwise later.
		unkept := model.AskingOf(o.Op).For != nil || model.AwakingOf(o.Op).Completion != nil
		if clients && !unkept && o.Key != "" && r.rec.final[o.Key] == 0 && o.In(model.Resolved).Answer != nil {
			out = append(out, o)
		}
	}
	return out
}

// repeat sends an answered operation again, with the same key and arguments. What it is
// answered is for the checker.
func (r *run) repeat(ctx context.Context, o model.Invoked) error {
	t := r.again(o)
	result, err := r.insist(ctx, t)
	if err != nil || result.Answer == nil { // it may not be sent again
		return err
	}
	return r.rec.record(func(at model.Instant) model.Event {
		return model.RepeatedAs{Instant: at, ID: t.id, N: t.n, Answer: result.Answer.String()}
	})
}

// again is an operation that has ended, to be sent again under its key.
func (r *run) again(o model.Invoked) *pending {
	return &pending{id: o.ID, n: len(o.Attempts), call: ingress.Call{
		ObjectKey: r.objectKey(o.Object), Op: o.Op, IdempotencyKey: o.Key, Tag: r.tagOf(o.Key)}}
}
