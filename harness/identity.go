package harness

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"retain/model"
	"retain/runtime"
	"retain/runtime/ingress"
)

// server is the identity of the server that was started last.
func (r *run) server() runtime.Identity {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.identity
}

// asVersion says in a sentence which version was started last, where a plan started several.
func (r *run) asVersion() string {
	if len(r.plan.Versions()) == 0 {
		return ""
	}
	return " as " + r.server().Version
}

// beginServer takes in the server that the run begins with.
func (r *run) beginServer(i runtime.Identity) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.identity, r.own, r.looked = i, i, servedBy(i)
	r.wrote = []string{i.Version}
}

// changeServer takes in the server of a start in a plan that names versions. If that is not
// the runtime's own, no other plan may begin with the data.
func (r *run) changeServer(now runtime.Identity) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.identity = now
	if !slices.Contains(r.wrote, now.Version) {
		r.wrote = append(r.wrote, now.Version)
	}
	if now.Version == r.own.Version && now.Source == r.own.Source {
		r.sys.Version = ""
		return
	}
	r.sys.Retired = fmt.Sprintf("run %s started it as %s", r.id, r.sys.Version)
}

// recogniseBound bounds the question who answers.
const recogniseBound = 5 * time.Second

// recognise asks whether the server at our addresses is the one that we started:
// another one, on a port that was ours, is ready in no time and has kept nothing,
// or is never ready. The error of the wait stays unless another server
// answers, or a probe got the answer of another call. early is what was answered while
// the server was probed; see [run.awaitReady]. Without an answer it is asked again.
func (r *run) recognise(ctx context.Context, waited error, early <-chan error) error {
	switch {
	case errors.Is(waited, ingress.ErrWrongServer), overtaken(waited):
		return waited
	case errors.Is(waited, ingress.ErrMixedUp):
		return r.spoiled(ctx, waited)
	}
	if waited == nil {
		select {
		case err := <-early:
			if err == nil || errors.Is(err, ingress.ErrWrongServer) {
				return err
			}
		case <-ctx.Done(): // the next fault does not wait for it
			return nil
		}
	}
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), recogniseBound)
	defer cancel()
	if waited == nil {
		stop := context.AfterFunc(ctx, cancel) // nor for this
		defer stop()
	}
	err := ingress.CheckServer(bounded, r.sys.Runtime.Endpoints(), r.server())
	if errors.Is(err, ingress.ErrWrongServer) {
		return err
	}
	return waited
}

// identify asks whether the server at these addresses is the one that we started. The
// answer comes on the channel.
func (r *run) identify(ctx context.Context, ep runtime.Endpoints, answer chan<- error) {
	bounded, cancel := context.WithTimeout(ctx, recogniseBound)
	defer cancel()
	answer <- ingress.CheckServer(bounded, ep, r.server())
}

// spoiled attributes an answer that no probe gives. It is a violation if it came from the
// server that we started: then the next probe is answered correctly.
func (r *run) spoiled(ctx context.Context, answer error) error {
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), recogniseBound)
	defer cancel()
	ep := r.sys.Runtime.Endpoints()
	client := ingress.New(ep)
	defer client.Close()
	err := client.Ask(bounded, r.id, r.sys.Prober())
	if err == nil {
		err = ingress.CheckServer(bounded, ep, r.server())
	}
	switch {
	case err == nil:
		return (&Liveness{Guarantee: model.Guarantee{Code: model.AnswerIsOwn}, Timeless: true}).
			detailed(fmt.Sprintf("%v, and with its nonce when it was asked again", answer))
	case errors.Is(err, ingress.ErrWrongServer):
		return err
	}
	return fmt.Errorf("%w, and it is not known by whom: %w", answer, err)
}

// recogniseInterval is the pause between two reads of the identity of a server that is
// not ready. A server that becomes ready earlier is identified then.
const recogniseInterval = 2 * time.Second

// watchServer ends a wait for a server that is not the one that we started.
func (r *run) watchServer(ctx context.Context, ep runtime.Endpoints, wrong context.CancelCauseFunc) {
	tick := time.NewTicker(recogniseInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		bounded, cancel := context.WithTimeout(ctx, recogniseBound)
		err := ingress.CheckServer(bounded, ep, r.server())
		cancel()
		if errors.Is(err, ingress.ErrWrongServer) {
			wrong(err)
		}
	}
}
